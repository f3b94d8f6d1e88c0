//! The state of backfills in queries: it follows from their dates.

use engine::backfill::BackfillState;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::entity::backfill;
use crate::error::CatalogError;
use store::Transaction;

/// Selects the state of the row of `backfill`, which follows from its dates.
pub(crate) fn state_expression() -> Expr {
    let exists = |states: &str| {
        format!(
            "EXISTS (SELECT 1 FROM backfill_date d WHERE d.backfill = backfill.id AND d.state IN ({states}))"
        )
    };
    Expr::cust(format!(
        "CASE WHEN backfill.control <> 'active' THEN backfill.control WHEN {} THEN 'running' \
         WHEN {} THEN 'failed' ELSE 'succeeded' END",
        exists("'waiting', 'running'"),
        exists("'failed', 'stopped', 'not_run'")
    ))
}

/// Finds a backfill of a workflow that is running or paused.
pub(crate) async fn find_open_backfill(on: &Transaction, workflow: i64) -> Result<Option<i64>, CatalogError> {
    let open = [BackfillState::Running, BackfillState::Paused];
    let id = backfill::Entity::find()
        .select_only()
        .column(backfill::Column::Id)
        .filter(backfill::Column::WorkflowId.eq(workflow))
        .filter(state_expression().is_in(open.map(BackfillState::as_str)))
        .order_by_asc(backfill::Column::Id)
        .limit(1)
        .into_tuple()
        .one(on)
        .await?;
    Ok(id)
}
