//! The secrets of projects that secret fields name.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;

use crate::connections::owner::ConnectionOwner;
use crate::connections::stored::Connections;
use crate::error::CatalogError;
use crate::projects::ProjectId;

impl Connections<'_> {
    /// Returns why a secret cannot be named; none when it exists.
    pub(super) async fn find_missing_secret<C: ConnectionTrait>(
        self,
        _on: &C,
        _project: ProjectId,
        name: &str,
    ) -> Result<Option<String>, CatalogError> {
        Ok(Some(format!("the project has no secret `{name}`")))
    }

    /// Reads the values of secrets; those that do not exist are left out.
    pub(super) async fn read_secrets(
        self,
        _owner: ConnectionOwner,
        _names: &[String],
    ) -> Result<BTreeMap<String, String>, CatalogError> {
        Ok(BTreeMap::new())
    }
}
