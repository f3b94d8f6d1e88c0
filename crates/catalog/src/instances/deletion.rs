//! The deletion of one instance.

use engine::ids::InstanceId;
use engine::states::InstanceState;
use sea_orm::sea_query::{Expr, ExprTrait as _, LockType, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::audited_transaction::AuditedTransaction;
use crate::columns::parse_name;
use crate::context::AuditContext;
use crate::entity::{inbox, instance};
use crate::error::CatalogError;
use crate::instances::{Instances, missing_instance};
use store::Transaction;

/// What became of a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone, with its tasks, attempts and history.
    Gone,
    /// It is not final, or has an unapplied command; nothing was changed.
    InvalidState {
        /// The state it is in.
        state: InstanceState,
        /// Why it cannot be deleted, in words.
        detail: String,
    },
}

impl Instances<'_> {
    /// Deletes a final instance that has no owner and no unapplied command.
    ///
    /// # Errors
    /// `NotFound`: there is none of that id.
    pub async fn delete(self, id: InstanceId, context: &AuditContext) -> Result<DeleteOutcome, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let outcome = delete_at_rest(change.on(), id).await?;
        if outcome == DeleteOutcome::Gone {
            change
                .commit("instance.delete", "instance", &id.to_string())
                .await?;
        }
        Ok(outcome)
    }
}

/// Deletes a final instance that has no owner and no unapplied command, in a transaction of the caller, who writes the
/// audit row.
pub(crate) async fn delete_at_rest(on: &Transaction, id: InstanceId) -> Result<DeleteOutcome, CatalogError> {
    // The lock first: a command that is being posted is then either visible, or finds nothing.
    let row = instance::Entity::find_by_id(id.0)
        .lock(LockType::Update)
        .one(on)
        .await?
        .ok_or_else(|| missing_instance(id))?;
    let deleted = instance::Entity::delete_many()
        .filter(instance::Column::Id.eq(id.0))
        .filter(instance::Column::State.is_in(final_states()))
        .filter(instance::Column::Owner.is_null())
        .filter(Expr::exists(unapplied_commands(id)).not())
        .exec(on)
        .await?;
    if deleted.rows_affected == 0 {
        return undeletable(&row);
    }
    Ok(DeleteOutcome::Gone)
}

fn final_states() -> impl Iterator<Item = &'static str> {
    let states = InstanceState::ALL.iter().filter(|state| state.is_final());
    states.map(|state| state.as_str())
}

/// Selects the unapplied commands of an instance.
fn unapplied_commands(id: InstanceId) -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(inbox::Column::Id)
        .from(inbox::Entity)
        .and_where(inbox::Column::Instance.eq(id.0))
        .and_where(inbox::Column::Kind.eq("command"))
        .and_where(inbox::Column::AppliedAt.is_null())
        .to_owned()
}

fn undeletable(row: &instance::Model) -> Result<DeleteOutcome, CatalogError> {
    let state: InstanceState = parse_name("state", &row.state)?;
    let detail = if state.is_final() {
        "a control operation on the instance is not decided yet".to_owned()
    } else {
        format!("the instance is {state}; only a stopped, failed or succeeded one can be deleted")
    };
    Ok(DeleteOutcome::InvalidState { state, detail })
}
