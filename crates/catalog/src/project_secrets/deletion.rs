//! What becomes of values that no secret has any more.

use engine::ids::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use store::Transaction;

use crate::entity::{secret, secret_value};
use crate::error::CatalogError;

/// Deletes the secrets of a project that is deleted.
pub(crate) async fn delete_secrets_of(
    on: &Transaction,
    project: i64,
    at: Timestamp,
) -> Result<(), CatalogError> {
    let values: Vec<i64> = secret::Entity::find()
        .select_only()
        .column(secret::Column::ValueId)
        .filter(secret::Column::ProjectId.eq(project))
        .into_tuple()
        .all(on)
        .await?;
    secret::Entity::delete_many()
        .filter(secret::Column::ProjectId.eq(project))
        .exec(on)
        .await?;
    retire_values(on, values, at).await
}

/// Notes that no secret has these values any more; they go when no attempt that was given them is left.
pub(super) async fn retire_values(
    on: &Transaction,
    ids: impl IntoIterator<Item = i64>,
    at: Timestamp,
) -> Result<(), CatalogError> {
    secret_value::Entity::update_many()
        .col_expr(secret_value::Column::ReplacedAt, Expr::value(at.0))
        .filter(secret_value::Column::Id.is_in(ids))
        .exec(on)
        .await?;
    Ok(())
}
