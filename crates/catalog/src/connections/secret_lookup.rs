//! The secrets of projects that secret fields name.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;

use crate::connections::owner::ConnectionOwner;
use crate::connections::stored::Connections;
use crate::error::CatalogError;
use crate::project_secrets::ProjectSecrets;
use crate::projects::ProjectId;

impl Connections<'_> {
    /// Returns why a secret cannot be named; none when it exists.
    pub(super) async fn find_missing_secret<C: ConnectionTrait>(
        self,
        on: &C,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<String>, CatalogError> {
        let secrets = ProjectSecrets::new(self.store, self.keys);
        let missing = secrets.find_missing_on(on, project, &[name]).await?;
        Ok(missing.first().map(ToString::to_string))
    }

    /// Reads the values of secrets; those that do not exist are left out.
    pub(super) async fn read_secrets(
        self,
        owner: ConnectionOwner,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, CatalogError> {
        match owner {
            ConnectionOwner::Project(project) if !names.is_empty() => {
                let secrets = ProjectSecrets::new(self.store, self.keys);
                secrets.read_values(project, names).await
            }
            ConnectionOwner::Project(_) | ConnectionOwner::Shared => Ok(BTreeMap::new()),
        }
    }
}
