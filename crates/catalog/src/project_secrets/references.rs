//! Which current documents name which secrets.

use std::collections::BTreeSet;

use engine::spec::Definition;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::parse_json;
use crate::entity::{channel, connection, workflow, workflow_secret};
use crate::error::CatalogError;
use crate::project_secrets::named::NamedSecrets;
use crate::projects::ProjectId;

/// The most users of a secret that are named.
const SHOWN_USERS: u64 = 20;

/// The stored text of fields that name no secret.
const NAMES_NONE: &str = "{}";

/// Stores the secrets that the newest document of a workflow names, in place of those of the one before.
pub(crate) async fn store_secret_references<C: ConnectionTrait>(
    on: &C,
    workflow: i64,
    definition: &Definition,
) -> Result<(), CatalogError> {
    workflow_secret::Entity::delete_many()
        .filter(workflow_secret::Column::WorkflowId.eq(workflow))
        .exec(on)
        .await?;
    let references = definition.secret_references();
    let names: BTreeSet<&str> = references
        .iter()
        .map(|reference| reference.name.as_str())
        .collect();
    for name in names {
        let row = workflow_secret::ActiveModel {
            workflow_id: Set(workflow),
            name: Set(name.to_owned()),
        };
        workflow_secret::Entity::insert(row)
            .exec_without_returning(on)
            .await?;
    }
    Ok(())
}

/// Names what uses a secret of a project, in words.
pub(super) async fn find_users<C: ConnectionTrait>(
    on: &C,
    project: ProjectId,
    name: &str,
) -> Result<Vec<String>, CatalogError> {
    let users = workflow_secret::Entity::find()
        .find_also_related(workflow::Entity)
        .filter(workflow_secret::Column::Name.eq(name))
        .filter(workflow::Column::ProjectId.eq(project.0))
        .filter(workflow::Column::DeletedAt.is_null())
        .order_by_asc(workflow::Column::Name)
        .limit(SHOWN_USERS)
        .all(on)
        .await?;
    let workflows = users.into_iter().filter_map(|(_, workflow)| workflow);
    let mut users: Vec<String> = workflows
        .map(|workflow| format!("the workflow `{}`", workflow.name))
        .collect();
    let connections = connection::Entity::find()
        .filter(connection::Column::ProjectId.eq(project.0))
        .filter(connection::Column::SecretNames.ne(NAMES_NONE))
        .order_by_asc(connection::Column::Name)
        .all(on)
        .await?;
    let connections = connections
        .into_iter()
        .map(|row| ("connection", row.name, row.secret_names));
    let channels = channel::Entity::find()
        .filter(channel::Column::ProjectId.eq(project.0))
        .filter(channel::Column::SecretNames.ne(NAMES_NONE))
        .order_by_asc(channel::Column::Name)
        .all(on)
        .await?;
    let channels = channels
        .into_iter()
        .map(|row| ("channel", row.name, row.secret_names));
    for (noun, user, names) in connections.chain(channels) {
        let names: NamedSecrets = parse_json("secret_names", &names)?;
        if names.values().flatten().any(|named| named == name) {
            users.push(format!("the {noun} `{user}`"));
        }
    }
    Ok(users)
}
