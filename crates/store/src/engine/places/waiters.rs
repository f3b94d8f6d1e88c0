//! Instances that wait for a place, as an admission reads and changes them.

use std::collections::{BTreeMap, BTreeSet};

use engine::alert::AlertEvent;
use engine::ids::{BackfillId, Epoch, InstanceId, Timestamp};
use engine::place::urgency_of;
use engine::states::{InstanceState, OwnershipReason, Priority};
use ports::{AdmissionPass, ClaimedInstance, EndedWaiter, StoreError, WaitEnd};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde::Serialize;

use crate::batch_sql::{Column, id_list, json, row_lock, source};
use crate::batch_statement::run_over_rows;
use crate::engine::alerts::events::{InstanceEventRow, store_instance_events};
use crate::engine::places::rows::{HELD, PlaceDemand, ReleasedPlace, WAITING, WorkflowKey};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::{RowReader, corrupt};

/// Instances of one page of waiters.
const PAGE: i64 = 100;

/// Waiters that a page leaves out.
#[derive(Debug, Default)]
pub(crate) struct FullGates {
    /// Keys without a free place.
    pub(crate) keys: BTreeSet<WorkflowKey>,
    /// Whether the project has no free place.
    pub(crate) project: bool,
    /// Instances that another transaction holds, or that an owner is deciding about.
    pub(crate) busy: BTreeSet<InstanceId>,
}

#[derive(Serialize)]
struct LeftOutRow<'a> {
    c_workflow: Option<i64>,
    c_key: Option<&'a str>,
    c_instance: Option<i64>,
}

const LEFT_OUT: [Column; 3] = [
    ("c_workflow", "bigint"),
    ("c_key", "text"),
    ("c_instance", "bigint"),
];

/// Reads the most urgent waiters of a scope that are not left out.
pub(crate) async fn list_waiters(
    transaction: &Transaction,
    scope: &ReleasedPlace,
    full: &FullGates,
) -> Result<Vec<PlaceDemand>, StoreError> {
    let backend = transaction.get_database_backend();
    let mut values: Vec<Value> = vec![
        left_out(full)?,
        scope.project_id.into(),
        WAITING.into(),
        PAGE.into(),
    ];
    let mut of_scope = String::new();
    if let Some(workflow) = scope.workflow_id {
        values.push(workflow.into());
        of_scope.push_str(" AND p.workflow_id = $5");
        if let Some(key) = &scope.key {
            values.push(key.clone().into());
            of_scope.push_str(" AND p.key = $6");
        }
    }
    if full.project {
        of_scope.push_str(" AND NOT p.counted");
    }
    let sql = format!(
        "SELECT p.instance, p.project_id, p.workflow_id, p.key, p.counted, p.urgency, p.since, p.due_at FROM place p \
         WHERE p.project_id = $2 AND p.state = $3{of_scope} AND NOT EXISTS (SELECT 1 FROM {} \
         WHERE c_instance = p.instance OR (c_workflow = p.workflow_id AND c_key = p.key)) \
         ORDER BY p.urgency, p.instance LIMIT $4",
        source(backend, &LEFT_OUT)
    );
    read_demands(transaction, sql, values).await
}

fn left_out(full: &FullGates) -> Result<Value, StoreError> {
    let keys = full.keys.iter().map(|(workflow, key)| LeftOutRow {
        c_workflow: Some(*workflow),
        c_key: Some(key),
        c_instance: None,
    });
    let busy = full.busy.iter().map(|id| LeftOutRow {
        c_workflow: None,
        c_key: None,
        c_instance: Some(id.0),
    });
    let rows: Vec<LeftOutRow<'_>> = keys.chain(busy).collect();
    Ok(json(&rows)?.into())
}

/// Reads the waiters of one key, the last that came first.
pub(crate) async fn list_latest_waiters(
    transaction: &Transaction,
    (workflow, key): &WorkflowKey,
) -> Result<Vec<PlaceDemand>, StoreError> {
    let sql = "SELECT instance, project_id, workflow_id, key, counted, urgency, since, due_at FROM place \
               WHERE workflow_id = $1 AND key = $2 AND state = $3 ORDER BY since DESC, instance DESC";
    let values = vec![(*workflow).into(), key.clone().into(), WAITING.into()];
    read_demands(transaction, sql.to_owned(), values).await
}

/// Reads the waiters that have waited for too long.
pub(crate) async fn list_overdue_waiters(
    transaction: &Transaction,
    at: Timestamp,
) -> Result<Vec<PlaceDemand>, StoreError> {
    let sql = "SELECT instance, project_id, workflow_id, key, counted, urgency, since, due_at FROM place \
               WHERE due_at <= $1 ORDER BY due_at, instance LIMIT $2";
    read_demands(transaction, sql.to_owned(), vec![at.0.into(), PAGE.into()]).await
}

async fn read_demands(
    transaction: &Transaction,
    sql: String,
    values: Vec<Value>,
) -> Result<Vec<PlaceDemand>, StoreError> {
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let rows = transaction.query_all_raw(statement).await.map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok(PlaceDemand {
                instance: InstanceId(columns.next_value()?),
                project_id: columns.next_value()?,
                workflow_id: columns.next_value()?,
                key: columns.next_value()?,
                counted: columns.next_value()?,
                priority: priority_of(columns.next_u32()?)?,
                at: Timestamp(columns.next_value()?),
                due_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
            })
        })
        .collect()
}

fn priority_of(urgency: u32) -> Result<Priority, StoreError> {
    let found = Priority::ALL
        .iter()
        .copied()
        .find(|one| urgency_of(*one) == urgency);
    found.ok_or_else(|| corrupt(format!("there is no priority {urgency}")))
}

/// A queued instance that no owner is deciding about, locked.
#[derive(Debug, Clone)]
pub(crate) struct LockedWaiter {
    epoch: i64,
    queued_by: Option<OwnershipReason>,
    backfill: Option<i64>,
}

/// Locks those of the waiters that are queued without an owner; what another transaction holds is left out.
pub(crate) async fn lock_waiters(
    transaction: &Transaction,
    ids: impl IntoIterator<Item = InstanceId>,
) -> Result<BTreeMap<InstanceId, LockedWaiter>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT i.id, i.epoch, i.queued_by, i.backfill FROM instance i WHERE i.id IN (SELECT c_id FROM {}) \
         AND i.state = 'queued' AND i.owner IS NULL AND i.attention IS NULL ORDER BY i.id{}",
        source(backend, &[("c_id", "bigint")]),
        row_lock(backend, "FOR NO KEY UPDATE OF i SKIP LOCKED")
    );
    let list = id_list(ids.into_iter().map(|id| id.0))?;
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [list]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            let id = InstanceId(columns.next_value()?);
            let waiter = LockedWaiter {
                epoch: columns.next_value()?,
                queued_by: columns.next_optional_parsed()?,
                backfill: columns.next_value()?,
            };
            Ok((id, waiter))
        })
        .collect()
}

#[derive(Serialize)]
struct AdmittedRow<'a> {
    c_id: i64,
    c_epoch: i64,
    c_owner: i64,
    c_host: &'a str,
    c_at: i64,
    c_why: &'static str,
}

const ADMITTED: [Column; 6] = [
    ("c_id", "bigint"),
    ("c_epoch", "bigint"),
    ("c_owner", "bigint"),
    ("c_host", "text"),
    ("c_at", "bigint"),
    ("c_why", "text"),
];

/// Admits locked waiters: their places, states and owners change in the same transaction.
pub(crate) async fn admit_waiters(
    transaction: &Transaction,
    pass: &AdmissionPass,
    waiters: &[(InstanceId, LockedWaiter)],
) -> Result<Vec<ClaimedInstance>, StoreError> {
    let reason = |waiter: &LockedWaiter| waiter.queued_by.unwrap_or(OwnershipReason::Start);
    let rows: Vec<AdmittedRow<'_>> = waiters
        .iter()
        .map(|(id, waiter)| AdmittedRow {
            c_id: id.0,
            c_epoch: waiter.epoch + 1,
            c_owner: pass.claimant.incarnation.0,
            c_host: &pass.claimant.host,
            c_at: pass.at.0,
            c_why: reason(waiter).as_str(),
        })
        .collect();
    let rows_of = source(transaction.get_database_backend(), &ADMITTED);
    let statements = [
        format!(
            "UPDATE instance SET state = 'running', reason = NULL, queued_by = NULL, owner = c_owner, host = c_host, \
             epoch = c_epoch, revision = revision + 1 FROM {rows_of} WHERE id = c_id"
        ),
        format!(
            "UPDATE place SET state = '{HELD}', since = c_at, due_at = NULL FROM {rows_of} WHERE instance = c_id"
        ),
        format!(
            "INSERT INTO owner_log (instance, epoch, owner, host, from_host, at, why) \
             SELECT c_id, c_epoch, c_owner, c_host, NULL, c_at, c_why FROM {rows_of}"
        ),
        format!(
            "INSERT INTO transition (instance, at, from_state, to_state, why, host, epoch) \
             SELECT c_id, c_at, 'queued', 'running', 'a place is free', c_host, c_epoch FROM {rows_of}"
        ),
    ];
    for statement in statements {
        run_over_rows(transaction, &rows, || statement).await?;
    }
    let claimed = waiters.iter().map(|(id, waiter)| ClaimedInstance {
        id: *id,
        epoch: Epoch(waiter.epoch + 1),
        reason: reason(waiter),
        from_owner: None,
        from_host: None,
    });
    Ok(claimed.collect())
}

/// The end of a waiter.
#[derive(Debug, Clone)]
pub(crate) struct WaiterEnd {
    /// Why.
    pub(crate) cause: WaitEnd,
    /// Why, in words.
    pub(crate) reason: String,
}

#[derive(Serialize)]
struct EndedRow<'a> {
    c_id: i64,
    c_at: i64,
    c_epoch: i64,
    c_reason: &'a str,
}

const ENDED: [Column; 4] = [
    ("c_id", "bigint"),
    ("c_at", "bigint"),
    ("c_epoch", "bigint"),
    ("c_reason", "text"),
];

/// Ends waiters that can be locked; those that cannot are left out.
pub(crate) async fn end_waiters(
    transaction: &Transaction,
    at: Timestamp,
    ends: &BTreeMap<InstanceId, WaiterEnd>,
) -> Result<Vec<EndedWaiter>, StoreError> {
    let locked = lock_waiters(transaction, ends.keys().copied()).await?;
    let rows: Vec<EndedRow<'_>> = locked
        .iter()
        .filter_map(|(id, waiter)| {
            Some(EndedRow {
                c_id: id.0,
                c_at: at.0,
                c_epoch: waiter.epoch,
                c_reason: &ends.get(id)?.reason,
            })
        })
        .collect();
    let rows_of = source(transaction.get_database_backend(), &ENDED);
    let stopped = InstanceState::Stopped;
    run_over_rows(transaction, &rows, || {
        format!(
            "UPDATE instance SET state = '{stopped}', reason = c_reason, queued_by = NULL, ended_at = c_at, \
             revision = revision + 1 FROM {rows_of} WHERE id = c_id"
        )
    })
    .await?;
    run_over_rows(transaction, &rows, || {
        format!(
            "INSERT INTO transition (instance, at, from_state, to_state, why, host, epoch) \
             SELECT c_id, c_at, 'queued', '{stopped}', c_reason, '', c_epoch FROM {rows_of}"
        )
    })
    .await?;
    let events: Vec<InstanceEventRow<'_>> = rows
        .iter()
        .map(|row| InstanceEventRow::unowned(InstanceId(row.c_id), at, AlertEvent::Stopped, row.c_reason))
        .collect();
    store_instance_events(transaction, &events).await?;
    let ended = locked.into_iter().filter_map(|(id, waiter)| {
        Some(EndedWaiter {
            id,
            epoch: Epoch(waiter.epoch),
            backfill: waiter.backfill.map(BackfillId),
            cause: ends.get(&id)?.cause,
        })
    });
    Ok(ended.collect())
}
