//! The projects that may use a shared connection.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait as _};
use store::Transaction;

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::connections::owner::ConnectionOwner;
use crate::connections::stored::{Connections, lock_connection, missing_connection};
use crate::context::AuditContext;
use crate::entity::{connection, connection_grant, project};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;

/// What stands for all projects.
const ALL: &str = "*";

/// The name of the list in its cursors.
const LIST: &str = "connection_grants";

/// Which projects a grant lets use a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantTarget {
    /// One.
    Project(ProjectId),
    /// All, those of the future too.
    All,
}

/// A grant of a shared connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionGrant {
    /// The name of the project, or `*` for all.
    pub project: String,
}

impl Connections<'_> {
    /// Lists the grants of a shared connection: `*` first, then by the name of the project.
    ///
    /// # Errors
    /// `NotFound`; `Rejected`: the cursor is none of ours.
    pub async fn list_grants(
        self,
        name: &str,
        page: &PageRequest,
    ) -> Result<Page<ConnectionGrant>, CatalogError> {
        let after = page.after::<String>(LIST)?.unwrap_or_default();
        let row = connection::Entity::find()
            .filter(ConnectionOwner::Shared.condition())
            .filter(connection::Column::Name.eq(name))
            .one(self.store.reader())
            .await?
            .ok_or_else(|| missing_connection(name))?;
        let to_all = (row.granted_to_all && after.is_empty()).then(|| ALL.to_owned());
        // `*` is no character of a name, so that a cursor with it stands before every project.
        let after = after.trim_start_matches(ALL);
        let projects: Vec<String> = connection_grant::Entity::find()
            .select_only()
            .column(project::Column::Name)
            .join(JoinType::InnerJoin, connection_grant::Relation::Project.def())
            .filter(connection_grant::Column::ConnectionId.eq(row.id))
            .filter(project::Column::Name.gt(after))
            .order_by_asc(project::Column::Name)
            .limit(page.rows())
            .into_tuple()
            .all(self.store.reader())
            .await?;
        let items = to_all.into_iter().chain(projects);
        let items = items.map(|project| ConnectionGrant { project }).collect();
        Ok(Page::cut(LIST, page, items, |grant: &ConnectionGrant| {
            grant.project.clone()
        }))
    }

    /// Lets projects use a shared connection.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn grant(
        self,
        name: &str,
        target: GrantTarget,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_shared(change.on(), name).await?;
        match target {
            GrantTarget::All => set_granted_to_all(change.on(), row.id, Grantees::All).await?,
            GrantTarget::Project(project) => {
                let grant = connection_grant::ActiveModel {
                    connection_id: Set(row.id),
                    project_id: Set(project.0),
                };
                let key = [
                    connection_grant::Column::ConnectionId,
                    connection_grant::Column::ProjectId,
                ];
                connection_grant::Entity::insert(grant)
                    .on_conflict_do_nothing_on(key)
                    .exec_without_returning(change.on())
                    .await?;
            }
        }
        let entry = grant_entry("connection.grant", &row, target);
        change.commit_with(&entry).await
    }

    /// Takes a grant back: attempts that begin afterwards fail.
    ///
    /// # Errors
    /// `NotFound`: there is no such connection or grant.
    pub async fn revoke(
        self,
        name: &str,
        target: GrantTarget,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = lock_shared(change.on(), name).await?;
        let was_granted = match target {
            GrantTarget::All => {
                set_granted_to_all(change.on(), row.id, Grantees::Listed).await?;
                row.granted_to_all
            }
            GrantTarget::Project(project) => {
                let deleted = connection_grant::Entity::delete_many()
                    .filter(connection_grant::Column::ConnectionId.eq(row.id))
                    .filter(connection_grant::Column::ProjectId.eq(project.0))
                    .exec(change.on())
                    .await?;
                deleted.rows_affected > 0
            }
        };
        if !was_granted {
            return Err(CatalogError::not_found(format!(
                "such grant of the connection `{name}`"
            )));
        }
        let entry = grant_entry("connection.revoke", &row, target);
        change.commit_with(&entry).await
    }
}

/// Who may use a shared connection beside the listed projects.
enum Grantees {
    All,
    Listed,
}

async fn set_granted_to_all(on: &Transaction, id: i64, to: Grantees) -> Result<(), CatalogError> {
    let row = connection::ActiveModel {
        id: Unchanged(id),
        granted_to_all: Set(matches!(to, Grantees::All)),
        ..connection::ActiveModel::default()
    };
    connection::Entity::update(row).exec_without_returning(on).await?;
    Ok(())
}

async fn lock_shared(on: &Transaction, name: &str) -> Result<connection::Model, CatalogError> {
    let row = lock_connection(on, ConnectionOwner::Shared, name).await?;
    row.ok_or_else(|| missing_connection(name))
}

fn grant_entry(action: &str, row: &connection::Model, target: GrantTarget) -> AuditEntry {
    let to = match target {
        GrantTarget::All => ALL.to_owned(),
        GrantTarget::Project(project) => format!("project {}", project.0),
    };
    AuditEntry::done(action, "connection", &row.id.to_string()).with_detail(format!("{} to {to}", row.name))
}
