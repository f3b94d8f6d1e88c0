//! The deletion of connections with all that depends on them.

use sea_orm::sea_query::{Query, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use store::Transaction;

use crate::entity::{connection, connection_grant};
use crate::error::CatalogError;

/// Deletes the connections of a project that is deleted, and the grants to it: no secret outlives its project.
pub(crate) async fn delete_connections_of(on: &Transaction, project: i64) -> Result<(), CatalogError> {
    connection_grant::Entity::delete_many()
        .filter(connection_grant::Column::ProjectId.eq(project))
        .exec(on)
        .await?;
    delete_rows(on, connection::Column::ProjectId.eq(project)).await
}

/// Deletes connections and the grants of them.
pub(super) async fn delete_rows<C: ConnectionTrait>(
    on: &C,
    condition: SimpleExpr,
) -> Result<(), CatalogError> {
    let ids = Query::select()
        .column(connection::Column::Id)
        .from(connection::Entity)
        .and_where(condition.clone())
        .to_owned();
    connection_grant::Entity::delete_many()
        .filter(connection_grant::Column::ConnectionId.in_subquery(ids))
        .exec(on)
        .await?;
    connection::Entity::delete_many()
        .filter(condition)
        .exec(on)
        .await?;
    Ok(())
}
