//! The secrets of a project that its connections and channels name: whether they exist, and their values.

use std::collections::BTreeMap;

use engine::connector::{ConnectorFamily, ConnectorUpdate};
use engine::spec::{Diagnostic, DiagnosticTarget};
use sea_orm::ConnectionTrait;

use crate::error::CatalogError;
use crate::project_secrets::ProjectSecrets;
use crate::projects::ProjectId;

impl ProjectSecrets<'_> {
    /// Returns what is wrong with the secrets that fields name. A thing that projects share can name none.
    pub(crate) async fn check_named<C: ConnectionTrait>(
        self,
        on: &C,
        project: Option<ProjectId>,
        (family, update): (&ConnectorFamily, &ConnectorUpdate),
    ) -> Result<Vec<Diagnostic>, CatalogError> {
        let named = update
            .secret_names
            .iter()
            .flat_map(|(field, names)| names.iter().map(move |name| (field, name)));
        let mut faults = Vec::new();
        for (field, name) in named {
            let fault = |code, message| Diagnostic {
                pointer: field.clone(),
                target: DiagnosticTarget::Value,
                code,
                message,
            };
            let Some(project) = project else {
                let message = format!(
                    "a shared {} cannot name a secret of a project; send the value itself",
                    family.noun
                );
                faults.push(fault("SECRET_MISPLACED", message));
                continue;
            };
            let missing = self.find_missing_on(on, project, &[name.as_str()]).await?;
            let missing = missing.first().map(ToString::to_string);
            faults.extend(missing.map(|message| fault("UNKNOWN_SECRET", message)));
        }
        Ok(faults)
    }

    /// Reads the values of secrets; those that do not exist are left out.
    pub(crate) async fn read_named(
        self,
        project: Option<ProjectId>,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, CatalogError> {
        match project {
            Some(project) if !names.is_empty() => self.read_values(project, names).await,
            Some(_) | None => Ok(BTreeMap::new()),
        }
    }
}
