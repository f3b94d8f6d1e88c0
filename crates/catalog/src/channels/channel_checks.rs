//! What the fields of a channel name: it must exist when the channel is stored.

use engine::connector::ConnectorUpdate;
use engine::spec::{Diagnostic, DiagnosticTarget, names};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use store::Transaction;

use crate::channels::effective_channel::{lock_effective, suggest_channel};
use crate::channels::owner::ChannelOwner;
use crate::columns::parse_json;
use crate::connections::{ConnectionAccess, Connections};
use crate::entity::channel;
use crate::error::CatalogError;

/// The name of the type of groups.
const GROUP: &str = "group";

/// Which channel is to be stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChannelSubject<'a> {
    /// Whose it is.
    pub(super) owner: ChannelOwner,
    /// Its name.
    pub(super) name: &'a str,
}

/// Lists what is wrong with a channel beside its fields alone.
pub(super) async fn check_channel(
    on: &Transaction,
    subject: ChannelSubject<'_>,
    update: &ConnectorUpdate,
) -> Result<Vec<Diagnostic>, CatalogError> {
    let mut faults = check_signature(update);
    if update.connector_type.name == GROUP {
        faults.extend(check_members(on, subject, update).await?);
        if let Some(group) = find_group_of(on, subject.owner, subject.name).await? {
            let message =
                format!("the channel is a member of the group `{group}`, and a group has no groups");
            faults.push(fault("/type".to_owned(), "BAD_VALUE", message));
        }
    }
    Ok(faults)
}

/// The connection of e-mail must be an smtp connection that the project may use; of a shared channel a shared one.
pub(super) async fn check_connection(
    connections: Connections<'_>,
    owner: ChannelOwner,
    update: &ConnectorUpdate,
) -> Result<Option<Diagnostic>, CatalogError> {
    let Some(name) = update.fields.get("connection").and_then(Value::as_str) else {
        return Ok(None);
    };
    let known = match owner {
        ChannelOwner::Project(project) => connections.names_in(project).await?,
        ChannelOwner::Shared => connections.shared_names().await?,
    };
    let wrong = |code, message| Some(fault("/connection".to_owned(), code, message));
    Ok(match known.get(name) {
        Some(found) if found.access == ConnectionAccess::NotGranted => wrong(
            "NOT_GRANTED",
            format!("the connection `{name}` is shared and not granted to the project"),
        ),
        Some(found) if found.connection_type != "smtp" => {
            let kind = &found.connection_type;
            wrong(
                "BAD_VALUE",
                format!("the connection `{name}` is of type {kind}; one of type smtp is needed"),
            )
        }
        Some(_) => None,
        None => {
            let near = names::nearest(name, known.keys().map(String::as_str));
            let hint = near
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            wrong(
                "UNKNOWN_CONNECTION",
                format!("there is no connection `{name}` that the channel may use{hint}"),
            )
        }
    })
}

/// A webhook with a signature needs the key.
fn check_signature(update: &ConnectorUpdate) -> Vec<Diagnostic> {
    let is_signed = update
        .fields
        .get("sign")
        .and_then(Value::as_str)
        .is_some_and(|sign| sign != "none");
    let has_secret = update.fields.contains_key("secret")
        || update.kept.contains_key("/secret")
        || update.secrets.contains_key("/secret");
    if !is_signed || has_secret {
        return Vec::new();
    }
    let message = "`secret` is missing: it is the key or token that `sign` uses".to_owned();
    vec![fault("/secret".to_owned(), "MISSING", message)]
}

async fn check_members(
    on: &Transaction,
    subject: ChannelSubject<'_>,
    update: &ConnectorUpdate,
) -> Result<Vec<Diagnostic>, CatalogError> {
    let mut faults = Vec::new();
    for (place, member) in members_of(&Value::Object(update.fields.clone()))
        .into_iter()
        .enumerate()
    {
        let pointer = format!("/members/{place}");
        let found = lock_effective(on, subject.owner, &member).await?;
        let is_itself = member == subject.name
            && found
                .as_ref()
                .is_none_or(|row| row.project_id == subject.owner.project());
        match found {
            Some(row) if row.channel_type == GROUP || is_itself => {
                let message = format!("`{member}` is a group; name its members instead");
                faults.push(fault(pointer, "BAD_VALUE", message));
            }
            None if is_itself => {
                let message = format!("`{member}` is the group itself");
                faults.push(fault(pointer, "BAD_VALUE", message));
            }
            Some(_) => {}
            None => {
                let hint = suggest_channel(on, subject.owner, &member).await?;
                let message = format!("there is no channel `{member}`{hint}");
                faults.push(fault(pointer, "UNKNOWN_CHANNEL", message));
            }
        }
    }
    Ok(faults)
}

/// Returns a group that has this channel as a member.
pub(super) async fn find_group_of<C: ConnectionTrait>(
    on: &C,
    owner: ChannelOwner,
    name: &str,
) -> Result<Option<String>, CatalogError> {
    let groups = channel::Entity::find().filter(channel::Column::ChannelType.eq(GROUP));
    let groups = match owner {
        ChannelOwner::Project(_) => groups.filter(owner.condition()),
        ChannelOwner::Shared => groups,
    };
    for group in groups.all(on).await? {
        let fields: Value = parse_json("fields", &group.fields)?;
        if !members_of(&fields).iter().any(|member| member == name) {
            continue;
        }
        let group_owner = ChannelOwner::from_column(group.project_id);
        let means_another = group_owner != owner && has_own(on, group_owner, name).await?;
        if !means_another {
            return Ok(Some(group.name));
        }
    }
    Ok(None)
}

async fn has_own<C: ConnectionTrait>(on: &C, owner: ChannelOwner, name: &str) -> Result<bool, CatalogError> {
    let own = channel::Entity::find()
        .filter(owner.condition())
        .filter(channel::Column::Name.eq(name))
        .one(on)
        .await?;
    Ok(own.is_some())
}

/// Returns the names in the field `members`.
pub(super) fn members_of(fields: &Value) -> Vec<String> {
    let members = fields["members"].as_array().into_iter().flatten();
    members.filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn fault(pointer: String, code: &'static str, message: String) -> Diagnostic {
    Diagnostic {
        pointer,
        target: DiagnosticTarget::Value,
        code,
        message,
    }
}
