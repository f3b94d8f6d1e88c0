//! Which e-mail channels name which connections.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::Value;

use crate::columns::parse_json;
use crate::entity::{channel, connection};
use crate::error::CatalogError;

/// Lists the channels that mean this connection, of a project or a shared one.
pub(crate) async fn find_channels_of<C: ConnectionTrait>(
    on: &C,
    project: Option<i64>,
    name: &str,
) -> Result<Vec<String>, CatalogError> {
    let mails = channel::Entity::find().filter(channel::Column::ChannelType.eq("email"));
    let mails = match project {
        Some(project) => mails.filter(channel::Column::ProjectId.eq(project)),
        None => mails,
    };
    let mut users = Vec::new();
    for mail in mails.all(on).await? {
        let fields: Value = parse_json("fields", &mail.fields)?;
        if fields["connection"] != name || means_another(on, project, &mail, name).await? {
            continue;
        }
        users.push(format!("the channel `{}`", mail.name));
    }
    Ok(users)
}

/// Whether a channel of a project means the connection of its project, and not the shared one of that name.
async fn means_another<C: ConnectionTrait>(
    on: &C,
    project: Option<i64>,
    mail: &channel::Model,
    name: &str,
) -> Result<bool, CatalogError> {
    let Some(own) = mail.project_id.filter(|_| project.is_none()) else {
        return Ok(false);
    };
    let found = connection::Entity::find()
        .filter(connection::Column::ProjectId.eq(own))
        .filter(connection::Column::Name.eq(name))
        .one(on)
        .await?;
    Ok(found.is_some())
}
