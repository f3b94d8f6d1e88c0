//! Which current documents name which connections.

use std::collections::BTreeSet;

use engine::spec::Definition;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::connections::owner::ConnectionOwner;
use crate::entity::{connection, project, workflow, workflow_connection};
use crate::error::CatalogError;

/// The most users that a refusal names.
const MAX_NAMED_USERS: u64 = 10;

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
