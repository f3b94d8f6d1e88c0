//! What ends with a change of a user: sessions, tokens, links that set the password.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait};

use crate::entity::{setup_link, token};
use crate::error::CatalogError;
use store::Transaction;

/// Ends the sessions of a user, with its tokens and setup links, but for the one that is kept.
pub(crate) async fn end_sessions(
    on: &Transaction,
    user_id: i64,
    kept_token: Option<i64>,
) -> Result<(), CatalogError> {
    token::Entity::delete_many()
        .filter(token::Column::UserId.eq(user_id))
        .apply_if(kept_token, |query, kept| query.filter(token::Column::Id.ne(kept)))
        .exec(on)
        .await?;
    setup_link::Entity::delete_many()
        .filter(setup_link::Column::UserId.eq(user_id))
        .exec(on)
        .await?;
    Ok(())
}
