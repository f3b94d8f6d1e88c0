//! Which current documents name which connections, and which connections the documents of a project may name.

use std::collections::{BTreeMap, BTreeSet};

use engine::spec::Definition;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::connections::owner::ConnectionOwner;
use crate::connections::stored::{Connections, granted_to};
use crate::entity::{connection, project, workflow, workflow_connection};
use crate::error::CatalogError;
use crate::projects::ProjectId;

/// The most users that a refusal names.
const MAX_NAMED_USERS: u64 = 10;

/// Whether a project may use a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionAccess {
    /// It is its own, or granted to it.
    Usable,
    /// It is shared, and not granted to the project.
    NotGranted,
}

/// What a name means in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsableConnection {
    /// The type of the connection.
    pub connection_type: String,
    /// Whether the project may use it.
    pub access: ConnectionAccess,
}

impl Connections<'_> {
    /// Returns what each name of a connection means in a project.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn names_in(
        self,
        project: ProjectId,
    ) -> Result<BTreeMap<String, UsableConnection>, CatalogError> {
        let shared = connection::Column::ProjectId.is_null();
        let all = select_names(Condition::all().add(shared))
            .all(self.store.reader())
            .await?;
        let own = ConnectionOwner::Project(project).condition();
        let usable = select_names(Condition::any().add(own).add(granted_to(project)));
        let usable: Vec<(String, String)> = usable.all(self.store.reader()).await?;
        // Of two with one name the project's own is read last.
        let named = |access| {
            move |(name, connection_type)| {
                (
                    name,
                    UsableConnection {
                        connection_type,
                        access,
                    },
                )
            }
        };
        let mut names: BTreeMap<String, UsableConnection> =
            all.into_iter().map(named(ConnectionAccess::NotGranted)).collect();
        names.extend(usable.into_iter().map(named(ConnectionAccess::Usable)));
        Ok(names)
    }
}

/// Selects name and type; those of projects come last.
fn select_names(condition: Condition) -> sea_orm::Selector<sea_orm::SelectGetableTuple<(String, String)>> {
    connection::Entity::find()
        .select_only()
        .column(connection::Column::Name)
        .column(connection::Column::Type)
        .filter(condition)
        .order_by_asc(connection::Column::ProjectId.is_not_null())
        .into_tuple()
}

/// Stores the connections that the newest document of a workflow names, in place of those of the one before.
pub(crate) async fn store_connection_references<C: ConnectionTrait>(
    on: &C,
    workflow: i64,
    definition: &Definition,
) -> Result<(), CatalogError> {
    workflow_connection::Entity::delete_many()
        .filter(workflow_connection::Column::WorkflowId.eq(workflow))
        .exec(on)
        .await?;
    let uses = definition
        .tasks
        .iter()
        .filter_map(|task| task.action.connection());
    let names: BTreeSet<&str> = uses.map(|used| used.name).collect();
    for name in names {
        let row = workflow_connection::ActiveModel {
            workflow_id: Set(workflow),
            name: Set(name.to_owned()),
        };
        workflow_connection::Entity::insert(row)
            .exec_without_returning(on)
            .await?;
    }
    Ok(())
}

/// Lists workflows whose current documents mean this connection, those of other projects with the project.
pub(super) async fn find_users<C: ConnectionTrait>(
    on: &C,
    owner: ConnectionOwner,
    name: &str,
) -> Result<Vec<String>, CatalogError> {
    let users = workflow_connection::Entity::find()
        .find_also_related(workflow::Entity)
        .filter(workflow_connection::Column::Name.eq(name))
        .filter(workflow::Column::DeletedAt.is_null());
    let users = match owner {
        ConnectionOwner::Project(project) => users.filter(workflow::Column::ProjectId.eq(project.0)),
        ConnectionOwner::Shared => {
            let own = Query::select()
                .column(connection::Column::ProjectId)
                .from(connection::Entity)
                .and_where(connection::Column::Name.eq(name))
                .and_where(connection::Column::ProjectId.is_not_null())
                .to_owned();
            users.filter(workflow::Column::ProjectId.not_in_subquery(own))
        }
    };
    let users = users
        .order_by_asc(workflow_connection::Column::WorkflowId)
        .limit(MAX_NAMED_USERS)
        .all(on)
        .await?;
    let mut named = Vec::new();
    for workflow in users.into_iter().filter_map(|(_, workflow)| workflow) {
        let project = project::Entity::find_by_id(workflow.project_id).one(on).await?;
        let project = project.map(|project| project.name).unwrap_or_default();
        named.push(match owner {
            ConnectionOwner::Project(_) => format!("the workflow `{}`", workflow.name),
            ConnectionOwner::Shared => format!("the workflow `{}` of the project `{project}`", workflow.name),
        });
    }
    Ok(named)
}
