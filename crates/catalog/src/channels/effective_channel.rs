//! The channel that rules mean by a name.

use engine::spec::names;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use store::Transaction;

use crate::channels::owner::ChannelOwner;
use crate::entity::channel;
use crate::error::CatalogError;

/// Finds the channel that rules of this owner mean by a name: one of the project goes before a shared one.
pub(super) async fn find_effective<C: ConnectionTrait>(
    on: &C,
    owner: ChannelOwner,
    name: &str,
) -> Result<Option<channel::Model>, CatalogError> {
    Ok(effective(select_named(owner, name).all(on).await?))
}

/// The same, and keeps the channel from being changed or deleted until the transaction ends.
pub(super) async fn lock_effective(
    on: &Transaction,
    owner: ChannelOwner,
    name: &str,
) -> Result<Option<channel::Model>, CatalogError> {
    let rows = select_named(owner, name).lock(LockType::Share).all(on).await?;
    Ok(effective(rows))
}

/// Returns the name that was probably meant, and the words that ask for it.
pub(super) async fn suggest_channel<C: ConnectionTrait>(
    on: &C,
    owner: ChannelOwner,
    name: &str,
) -> Result<String, CatalogError> {
    let known: Vec<String> = channel::Entity::find()
        .select_only()
        .column(channel::Column::Name)
        .filter(owner.usable_condition())
        .into_tuple()
        .all(on)
        .await?;
    let near = names::nearest(name, known.iter().map(String::as_str));
    Ok(near
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default())
}

fn select_named(owner: ChannelOwner, name: &str) -> Select<channel::Entity> {
    channel::Entity::find()
        .filter(channel::Column::Name.eq(name))
        .filter(owner.usable_condition())
}

fn effective(mut rows: Vec<channel::Model>) -> Option<channel::Model> {
    let own = rows.iter().position(|row| row.project_id.is_some());
    if rows.is_empty() {
        None
    } else {
        Some(rows.swap_remove(own.unwrap_or(0)))
    }
}
