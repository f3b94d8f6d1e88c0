//! Connections with their secrets, for tests and for attempts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::connection::{CONNECTIONS, ResolvedConnection};
use engine::connector::{ConnectorDraft, StoredConnector};
use engine::spec::{Diagnostic, DiagnosticTarget};
use engine::task_type::ConnectionUse;
use ports::StoreError;
use ports::connections::{ConnectionGap, ConnectionSource};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};

use crate::catalog::Catalog;
use crate::connections::owner::ConnectionOwner;
use crate::connections::stored::{
    Connections, StoredConnection, UnusableConnection, granted_to, resolve_connector,
};
use crate::entity::connection;
use crate::error::CatalogError;
use crate::projects::ProjectId;

impl Connections<'_> {
    /// Opens the secret fields of a connection, and fills in the secrets of its project.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn resolve(
        self,
        connection: &StoredConnection,
    ) -> Result<Result<ResolvedConnection, UnusableConnection>, CatalogError> {
        let secrets = self
            .project_secrets()
            .read_named(
                connection.owner.project().map(ProjectId),
                &connection.needed_secrets(),
            )
            .await?;
        Ok(connection.resolve(self.keys, &secrets))
    }

    /// Returns what the user of a connection needs that is not stored, or what is wrong with it.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn resolve_unstored(
        self,
        owner: ConnectionOwner,
        draft: ConnectorDraft,
    ) -> Result<Result<ResolvedConnection, Vec<Diagnostic>>, CatalogError> {
        let update = match draft.merge(None) {
            Ok(update) => update,
            Err(faults) => return Ok(Err(faults)),
        };
        let secrets = self.project_secrets();
        let faults = secrets
            .check_named(
                self.store.reader(),
                owner.project().map(ProjectId),
                (CONNECTIONS, &update),
            )
            .await?;
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        let needed: Vec<String> = update.secret_names.values().flatten().cloned().collect();
        let secrets = secrets
            .read_named(owner.project().map(ProjectId), &needed)
            .await?;
        let connector = StoredConnector {
            connector_type: update.connector_type,
            fields: update.fields,
            sealed: BTreeMap::new(),
        };
        let resolved = resolve_connector("", &connector, update.secrets, &secrets);
        // A secret may have been deleted since it was found.
        Ok(resolved.map_err(|why| vec![fault("", "UNKNOWN_SECRET", why.to_string())]))
    }

    /// Finds the connection that a name means in a project.
    pub(crate) async fn find_effective(
        self,
        project: ProjectId,
        name: &str,
    ) -> Result<Option<StoredConnection>, CatalogError> {
        let own = ConnectionOwner::Project(project).condition();
        // NULL sorts differently on the two databases: the project's own connection is chosen here.
        let rows = connection::Entity::find()
            .filter(connection::Column::Name.eq(name))
            .filter(Condition::any().add(own).add(granted_to(project)))
            .order_by_asc(connection::Column::Id)
            .all(self.store.reader())
            .await?;
        let chosen = rows.iter().position(|row| row.project_id.is_some()).unwrap_or(0);
        let row = rows.into_iter().nth(chosen);
        row.map(StoredConnection::try_from).transpose()
    }
}

fn fault(field: &str, code: &'static str, message: String) -> Diagnostic {
    Diagnostic {
        pointer: field.to_owned(),
        target: DiagnosticTarget::Value,
        code,
        message,
    }
}

#[async_trait]
impl ConnectionSource for Catalog {
    async fn resolve(
        &self,
        project: &str,
        used: ConnectionUse<'_>,
    ) -> Result<ResolvedConnection, ConnectionGap> {
        let missing = |what: String| ConnectionGap::Unusable(format!("there is no {what}"));
        let row = self.projects().find(project).await.map_err(unavailable)?;
        let row = row.ok_or_else(|| missing(format!("project `{project}`")))?;
        let found = self
            .connections()
            .find_effective(row.id, used.name)
            .await
            .map_err(unavailable)?;
        let found = found.ok_or_else(|| {
            missing(format!(
                "connection `{}` in the project, and none is granted to it",
                used.name
            ))
        })?;
        let found_type = found.connector.connector_type.name;
        if !used.types.contains(&found_type) {
            return Err(ConnectionGap::Unusable(format!(
                "the connection `{}` is of type {found_type}; one of type {} is needed",
                used.name,
                used.types.join(" or ")
            )));
        }
        let resolved = self.connections().resolve(&found).await.map_err(unavailable)?;
        resolved.map_err(|why| ConnectionGap::Unusable(why.to_string()))
    }
}

fn unavailable(error: CatalogError) -> ConnectionGap {
    ConnectionGap::Unavailable(StoreError::Unavailable(error.to_string()))
}
