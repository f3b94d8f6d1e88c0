//! Which current documents name which limits.

use std::collections::BTreeSet;

use engine::spec::Definition;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::entity::{named_limit, workflow, workflow_limit};
use crate::error::CatalogError;
use crate::limits::owner::LimitOwner;

/// Stores the limits that the newest document of a workflow names, in place of those of the one before.
pub(crate) async fn store_limit_references<C: ConnectionTrait>(
    on: &C,
    workflow: i64,
    definition: &Definition,
) -> Result<(), CatalogError> {
    workflow_limit::Entity::delete_many()
        .filter(workflow_limit::Column::WorkflowId.eq(workflow))
        .exec(on)
        .await?;
    let uses = definition.tasks.iter().flat_map(|task| &task.limits);
    let names: BTreeSet<&str> = uses.map(|limit| limit.name.as_str()).collect();
    for name in names {
        let row = workflow_limit::ActiveModel {
            workflow_id: Set(workflow),
            name: Set(name.to_owned()),
        };
        workflow_limit::Entity::insert(row)
            .exec_without_returning(on)
            .await?;
    }
    Ok(())
}

/// Returns the name of a workflow whose current document means this limit; none when there is none.
pub(super) async fn find_user<C: ConnectionTrait>(
    on: &C,
    owner: LimitOwner,
    name: &str,
) -> Result<Option<String>, CatalogError> {
    let users = workflow_limit::Entity::find()
        .find_also_related(workflow::Entity)
        .filter(workflow_limit::Column::Name.eq(name))
        .filter(workflow::Column::DeletedAt.is_null());
    let users = match owner {
        LimitOwner::Project(project) => users.filter(workflow::Column::ProjectId.eq(project.0)),
        LimitOwner::Shared => {
            let own = Query::select()
                .column(named_limit::Column::ProjectId)
                .from(named_limit::Entity)
                .and_where(named_limit::Column::Name.eq(name))
                .and_where(named_limit::Column::ProjectId.is_not_null())
                .to_owned();
            users.filter(workflow::Column::ProjectId.not_in_subquery(own))
        }
    };
    let user = users.limit(1).one(on).await?;
    Ok(user
        .and_then(|(_, workflow)| workflow)
        .map(|workflow| workflow.name))
}
