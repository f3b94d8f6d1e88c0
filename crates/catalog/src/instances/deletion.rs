//! The deletion of an instance with the instances that it started, at any depth.

use std::collections::BTreeSet;

use engine::ids::InstanceId;
use engine::states::InstanceState;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, LockType, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::audited_transaction::AuditedTransaction;
use crate::columns::parse_name;
use crate::context::AuditContext;
use crate::entity::{inbox, instance, instance_purge};
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

/// Instances in one statement; more would be more parameters than a statement may have.
const CHUNK: usize = 1_000;

/// An instance that goes with the one that started it.
type Descendant = (i64, String, Option<i64>);

impl Instances<'_> {
    /// Deletes a final instance that has no owner and no unapplied command, with those that it started. One that
    /// another instance started stays while that is open.
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

/// Deletes a final instance that has no owner and no unapplied command, with those that it started, in a transaction of
/// the caller, who writes the audit row.
pub(crate) async fn delete_at_rest(on: &Transaction, id: InstanceId) -> Result<DeleteOutcome, CatalogError> {
    // The lock first: a command that is being posted is then either visible, or finds nothing.
    let row = instance::Entity::find_by_id(id.0)
        .lock(LockType::Update)
        .one(on)
        .await?
        .ok_or_else(|| missing_instance(id))?;
    if let Some(detail) = find_open_parent(on, row.parent).await? {
        return undeletable(&row, detail);
    }
    let descendants = match list_descendants(on, id).await? {
        Ok(descendants) => descendants,
        Err(detail) => return undeletable(&row, detail),
    };
    let deleted = instance::Entity::delete_many()
        .filter(instance::Column::Id.eq(id.0))
        .filter(instance::Column::State.is_in(final_states()))
        .filter(instance::Column::Owner.is_null())
        .filter(Expr::exists(unapplied_commands(id)).not())
        .exec(on)
        .await?;
    if deleted.rows_affected == 0 {
        let detail = explain_state(&row)?;
        return undeletable(&row, detail);
    }
    delete_descendants(on, &descendants).await?;
    Ok(DeleteOutcome::Gone)
}

/// Explains why the parent of an instance holds it: while it is open, its children stay.
async fn find_open_parent<C: ConnectionTrait>(
    on: &C,
    parent: Option<i64>,
) -> Result<Option<String>, CatalogError> {
    let Some(parent) = parent else { return Ok(None) };
    let state: Option<String> = instance::Entity::find_by_id(parent)
        .select_only()
        .column(instance::Column::State)
        .lock(LockType::Share)
        .into_tuple()
        .one(on)
        .await?;
    let Some(state) = state else { return Ok(None) };
    let state: InstanceState = parse_name("state", &state)?;
    Ok((!state.is_final()).then(|| {
        format!("instance {parent}, which started it, is {state}; it can be deleted when that one has ended")
    }))
}

/// Lists the instances that an instance started, at any depth.
///
/// # Errors
/// With a readable text, when one of them cannot be deleted now.
async fn list_descendants<C: ConnectionTrait>(
    on: &C,
    root: InstanceId,
) -> Result<Result<Vec<i64>, String>, CatalogError> {
    let mut found = BTreeSet::new();
    let mut level = vec![root.0];
    while !level.is_empty() {
        let mut next = Vec::new();
        for parents in level.chunks(CHUNK) {
            let children: Vec<Descendant> = instance::Entity::find()
                .select_only()
                .columns([
                    instance::Column::Id,
                    instance::Column::State,
                    instance::Column::Owner,
                ])
                .filter(instance::Column::Parent.is_in(parents.iter().copied()))
                .order_by_asc(instance::Column::Id)
                .lock(LockType::Update)
                .into_tuple()
                .all(on)
                .await?;
            let held = children
                .iter()
                .find(|(_, state, owner)| !is_at_rest(state, *owner));
            if let Some((id, state, _)) = held {
                return Ok(Err(format!(
                    "instance {id}, which it started, is {state}; it can be deleted when that one has ended"
                )));
            }
            next.extend(
                children
                    .into_iter()
                    .map(|(id, _, _)| id)
                    .filter(|id| found.insert(*id)),
            );
        }
        level = next;
    }
    let found: Vec<i64> = found.into_iter().collect();
    Ok(match find_undecided(on, &found).await? {
        Some(id) => Err(format!(
            "a control operation on instance {id}, which it started, is not decided yet"
        )),
        None => Ok(found),
    })
}

fn is_at_rest(state: &str, owner: Option<i64>) -> bool {
    owner.is_none() && final_states().any(|name| name == state)
}

/// Deletes instances; their other rows go a few at a time, as by retention.
async fn delete_descendants<C: ConnectionTrait>(on: &C, ids: &[i64]) -> Result<(), CatalogError> {
    for ids in ids.chunks(CHUNK) {
        let notes = ids.iter().map(|id| instance_purge::ActiveModel {
            instance: Set(*id),
            run: Set(ports::SWEEP.0),
        });
        instance_purge::Entity::insert_many(notes)
            .on_conflict(
                OnConflict::column(instance_purge::Column::Instance)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(on)
            .await?;
        instance::Entity::delete_many()
            .filter(instance::Column::Id.is_in(ids.iter().copied()))
            .exec(on)
            .await?;
    }
    Ok(())
}

async fn find_undecided<C: ConnectionTrait>(on: &C, ids: &[i64]) -> Result<Option<i64>, CatalogError> {
    for ids in ids.chunks(CHUNK) {
        let undecided: Option<i64> = inbox::Entity::find()
            .select_only()
            .column(inbox::Column::Instance)
            .filter(inbox::Column::Instance.is_in(ids.iter().copied()))
            .filter(inbox::Column::Kind.eq("command"))
            .filter(inbox::Column::AppliedAt.is_null())
            .into_tuple()
            .one(on)
            .await?;
        if undecided.is_some() {
            return Ok(undecided);
        }
    }
    Ok(None)
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

fn explain_state(row: &instance::Model) -> Result<String, CatalogError> {
    let state: InstanceState = parse_name("state", &row.state)?;
    Ok(if state.is_final() {
        "a control operation on the instance is not decided yet".to_owned()
    } else {
        format!("the instance is {state}; only a stopped, failed or succeeded one can be deleted")
    })
}

fn undeletable(row: &instance::Model, detail: String) -> Result<DeleteOutcome, CatalogError> {
    let state = parse_name("state", &row.state)?;
    Ok(DeleteOutcome::InvalidState { state, detail })
}
