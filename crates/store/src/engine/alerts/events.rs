//! Events, stored in the commit of the change when a rule that is valid then names them.

use engine::alert::{AlertEvent, EventSet};
use engine::ids::{InstanceId, Timestamp};
use ports::{InstanceCommit, StoreError};
use sea_orm::{ConnectionTrait, DbBackend};
use serde::Serialize;

use crate::batch_sql::{ALL, Column, source};
use crate::batch_statement::{BatchStatement, run_in_order, run_over_rows};
use crate::engine::alerts::rules::{COUNTS_FOR_INSTANCE, COUNTS_FOR_SCHEDULE};
use crate::pool::Transaction;

/// An event of an instance or of one of its tasks.
#[derive(Serialize)]
pub(crate) struct InstanceEventRow<'a> {
    instance: i64,
    at: i64,
    event: &'static str,
    /// The set of events that it may become.
    bits: i64,
    run: Option<u32>,
    task_index: Option<u32>,
    attempt: Option<u32>,
    reason: Option<&'a str>,
}

const INSTANCE_EVENT: [Column; 8] = [
    ("instance", "bigint"),
    ("at", "bigint"),
    ("event", "text"),
    ("bits", "bigint"),
    ("run", "bigint"),
    ("task_index", "bigint"),
    ("attempt", "bigint"),
    ("reason", "text"),
];

/// A fire that was refused.
#[derive(Serialize)]
pub(crate) struct RefusedFireRow<'a> {
    /// The schedule.
    pub(crate) c_schedule: i64,
    /// Its time.
    pub(crate) c_fire_at: i64,
    /// When it was decided.
    pub(crate) c_at: i64,
    /// Why.
    pub(crate) c_reason: &'a str,
}

const REFUSED_FIRE: [Column; 4] = [
    ("c_schedule", "bigint"),
    ("c_fire_at", "bigint"),
    ("c_at", "bigint"),
    ("c_reason", "text"),
];

impl<'a> InstanceEventRow<'a> {
    /// Makes the event of an instance that ends or needs a person without an owner who decides it.
    pub(crate) fn unowned(instance: InstanceId, at: Timestamp, event: AlertEvent, reason: &'a str) -> Self {
        Self {
            instance: instance.0,
            at: at.0,
            event: event.as_str(),
            bits: bits_of(event),
            run: None,
            task_index: None,
            attempt: None,
            reason: Some(reason),
        }
    }
}

/// Returns the events that a stored one may become, as the rules have them.
pub(super) fn bits_of(event: AlertEvent) -> i64 {
    let set = EventSet::NONE.with(event);
    match event {
        AlertEvent::Succeeded => set.with(AlertEvent::Recovered).bits(),
        _ => set.bits(),
    }
}

/// Writes the statement that stores the events of commits; `filter` is about the column `instance` of `c`.
pub(crate) fn commit_events(
    backend: DbBackend,
    commits: &[&InstanceCommit],
    filter: &str,
) -> Result<Option<BatchStatement>, StoreError> {
    let rows: Vec<InstanceEventRow<'_>> = commits
        .iter()
        .flat_map(|commit| {
            let run = commit.changes.record.as_ref().map(|record| record.run.0);
            commit.changes.events.iter().map(move |raised| InstanceEventRow {
                instance: commit.id.0,
                at: commit.at.0,
                event: raised.event.as_str(),
                bits: bits_of(raised.event),
                run,
                task_index: raised.task_index.map(|index| index.0),
                attempt: raised.attempt.map(|attempt| attempt.0),
                reason: raised.reason.as_deref(),
            })
        })
        .collect();
    instance_events(backend, &rows, filter)
}

/// Writes the statement that stores events of instances.
pub(crate) fn instance_events(
    backend: DbBackend,
    rows: &[InstanceEventRow<'_>],
    filter: &str,
) -> Result<Option<BatchStatement>, StoreError> {
    BatchStatement::over_rows(rows, || {
        format!(
            "INSERT INTO alert_event (event, at, instance, run, task_index, attempt, reason) \
             SELECT c.event, c.at, i.id, COALESCE(c.run, i.run), c.task_index, c.attempt, c.reason \
             FROM {} JOIN instance i ON i.id = c.instance WHERE {filter} AND EXISTS (SELECT 1 FROM alert_rule r \
             WHERE (r.valid_until IS NULL OR r.valid_until > c.at) AND (r.events & c.bits) <> 0 \
             AND {COUNTS_FOR_INSTANCE})",
            source(backend, &INSTANCE_EVENT)
        )
    })
}

/// Stores events of instances that end or need a person without an owner who decides it.
pub(crate) async fn store_instance_events(
    transaction: &Transaction,
    rows: &[InstanceEventRow<'_>],
) -> Result<(), StoreError> {
    let statement = instance_events(transaction.get_database_backend(), rows, ALL)?;
    run_in_order(transaction, statement.into_iter().collect())
        .await
        .map(drop)
}

/// Writes the statement that stores the events of refused fires.
pub(crate) fn refused_fire_events(
    backend: DbBackend,
    rows: &[RefusedFireRow<'_>],
) -> Result<Option<BatchStatement>, StoreError> {
    let event = AlertEvent::ScheduleRefused;
    let bits = bits_of(event);
    BatchStatement::over_rows(rows, || {
        format!(
            "INSERT INTO alert_event (event, at, schedule_id, fire_at, reason) \
             SELECT '{event}', c_at, s.id, c_fire_at, c_reason FROM {} JOIN schedule s ON s.id = c_schedule \
             JOIN workflow w ON w.id = s.workflow_id WHERE EXISTS (SELECT 1 FROM alert_rule r \
             WHERE (r.valid_until IS NULL OR r.valid_until > c_at) AND (r.events & {bits}) <> 0 \
             AND {COUNTS_FOR_SCHEDULE})",
            source(backend, &REFUSED_FIRE)
        )
    })
}

/// An incarnation that was declared dead, or whose instances another one took over.
#[derive(Serialize)]
pub(crate) struct NodeEventRow<'a> {
    c_event: &'static str,
    c_bits: i64,
    c_at: i64,
    c_incarnation: i64,
    c_survivor: Option<i64>,
    c_reason: &'a str,
}

const NODE_EVENT: [Column; 6] = [
    ("c_event", "text"),
    ("c_bits", "bigint"),
    ("c_at", "bigint"),
    ("c_incarnation", "bigint"),
    ("c_survivor", "bigint"),
    ("c_reason", "text"),
];

impl<'a> NodeEventRow<'a> {
    /// The death of an incarnation.
    pub(crate) fn death(incarnation: i64, at: Timestamp, reason: &'a str) -> Self {
        Self {
            c_event: AlertEvent::NodeDead.as_str(),
            c_bits: bits_of(AlertEvent::NodeDead),
            c_at: at.0,
            c_incarnation: incarnation,
            c_survivor: None,
            c_reason: reason,
        }
    }

    /// The take-over of what a dead incarnation owned.
    pub(crate) fn failover(dead: i64, survivor: i64, at: Timestamp, reason: &'a str) -> Self {
        Self {
            c_event: AlertEvent::Failover.as_str(),
            c_bits: bits_of(AlertEvent::Failover),
            c_at: at.0,
            c_incarnation: dead,
            c_survivor: Some(survivor),
            c_reason: reason,
        }
    }
}

/// Stores events about nodes.
pub(crate) async fn store_node_events(
    transaction: &Transaction,
    rows: &[NodeEventRow<'_>],
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    run_over_rows(transaction, rows, || {
        format!(
            "INSERT INTO alert_event (event, at, incarnation, survivor, reason) \
             SELECT c_event, c_at, c_incarnation, c_survivor, c_reason FROM {} \
             WHERE EXISTS (SELECT 1 FROM alert_rule r WHERE r.project_id = 0 AND r.workflow_id = 0 \
             AND (r.valid_until IS NULL OR r.valid_until > c_at) AND (r.events & c_bits) <> 0)",
            source(backend, &NODE_EVENT)
        )
    })
    .await
}
