//! The new instances of a batch: request keys first, then the rows of those that do not exist yet.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::InstanceId;
use engine::states::{InstanceState, OwnershipReason};
use engine::trigger::Trigger;
use ports::{NewInstance, NodeIdentity, StoreError, WriteOutcome};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, json, map_json, source};
use crate::batch_statement::{BatchStatement, run_over_rows};
use crate::engine::members::lock_active_member;
use crate::engine::task_rows::{TaskColumns, upsert_tasks};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// Reason of a new instance without an owner; the first claim clears it.
const WAITING_FOR_MASTER: &str = "waiting for a master";

#[derive(Serialize)]
struct NewRow<'a> {
    id: i64,
    project_id: i64,
    workflow_id: i64,
    version: i64,
    state: &'static str,
    reason: Option<&'static str>,
    owner: Option<i64>,
    host: Option<&'a str>,
    epoch: i64,
    start: String,
    project_params: String,
    tasks_total: u32,
    tasks_excluded: u32,
    priority: &'static str,
    #[serde(flatten)]
    trigger: TriggerColumns<'a>,
    requested_by: Option<&'a str>,
    scheduled_at: Option<i64>,
    dry_run: bool,
    continued_from: Option<i64>,
    created_at: i64,
    chosen_tasks: bool,
    // Of the first transition; not columns of the instance.
    why: String,
    at: i64,
}

/// The columns that say what started an instance.
#[derive(Serialize, Default)]
struct TriggerColumns<'a> {
    trigger_type: &'static str,
    schedule: Option<&'a str>,
    backfill: Option<i64>,
    parent: Option<i64>,
    parent_task: Option<&'a str>,
    parent_attempt: Option<u32>,
    parent_index: Option<u32>,
}

impl<'a> From<&'a Trigger> for TriggerColumns<'a> {
    fn from(trigger: &'a Trigger) -> Self {
        let parent = trigger.parent();
        let columns = Self {
            trigger_type: trigger.trigger_type().as_str(),
            parent: parent.map(|parent| parent.instance.0),
            parent_task: parent.map(|parent| parent.task.as_str()),
            parent_attempt: parent.map(|parent| parent.attempt.0),
            ..Self::default()
        };
        match trigger {
            Trigger::Api => columns,
            Trigger::Schedule { schedule, .. } => Self {
                schedule: Some(schedule),
                ..columns
            },
            Trigger::Backfill(backfill) => Self {
                backfill: Some(backfill.0),
                ..columns
            },
            Trigger::SubWorkflow(_) | Trigger::Dynamic { .. } => Self {
                parent_index: trigger.child_index(),
                ..columns
            },
        }
    }
}

const INSTANCE: [Column; 27] = [
    ("id", "bigint"),
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("version", "bigint"),
    ("state", "text"),
    ("reason", "text"),
    ("owner", "bigint"),
    ("host", "text"),
    ("epoch", "bigint"),
    ("start", "text"),
    ("project_params", "text"),
    ("tasks_total", "bigint"),
    ("tasks_excluded", "bigint"),
    ("priority", "text"),
    ("trigger_type", "text"),
    ("schedule", "text"),
    ("backfill", "bigint"),
    ("parent", "bigint"),
    ("parent_task", "text"),
    ("parent_attempt", "bigint"),
    ("parent_index", "bigint"),
    ("requested_by", "text"),
    ("scheduled_at", "bigint"),
    ("dry_run", "boolean"),
    ("continued_from", "bigint"),
    ("created_at", "bigint"),
    ("chosen_tasks", "boolean"),
];

const FIRST_TRANSITION: [Column; 6] = [
    ("id", "bigint"),
    ("at", "bigint"),
    ("state", "text"),
    ("why", "text"),
    ("host", "text"),
    ("epoch", "bigint"),
];

/// A label of an instance, for filters; the instance's own are in `start`.
#[derive(Serialize)]
struct LabelRow<'a> {
    instance: i64,
    name: &'a str,
    value: &'a str,
}

const LABEL: [Column; 3] = [("instance", "bigint"), ("name", "text"), ("value", "text")];

#[derive(Serialize)]
struct KeyRow<'a> {
    key: &'a str,
    body_hash: &'a str,
    resource_kind: &'static str,
    resource: String,
    at: i64,
}

const KEY: [Column; 5] = [
    ("key", "text"),
    ("body_hash", "text"),
    ("resource_kind", "text"),
    ("resource", "text"),
    ("at", "bigint"),
];

#[derive(Serialize)]
struct FirstOwner<'a> {
    instance: i64,
    epoch: i64,
    owner: i64,
    host: &'a str,
    at: i64,
    why: &'static str,
}

const OWNER_LOG: [Column; 6] = [
    ("instance", "bigint"),
    ("epoch", "bigint"),
    ("owner", "bigint"),
    ("host", "text"),
    ("at", "bigint"),
    ("why", "text"),
];

/// Prepares new instances: returns the answers, in order, and the statements that make them true.
pub(crate) async fn prepare_new_instances(
    transaction: &Transaction,
    news: &[&NewInstance],
) -> Result<(Vec<WriteOutcome>, Vec<BatchStatement>), StoreError> {
    if news.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let ids = next_ids(transaction, news.len()).await?;
    let known = store_keys(transaction, news, &ids).await?;
    let active = active_owners(transaction, news).await?;
    let mut answers = Vec::with_capacity(news.len());
    let (mut rows, mut labels, mut reused) = (Vec::new(), Vec::new(), Vec::new());
    for (new, id) in news.iter().copied().zip(ids) {
        let key = new.request_key.as_ref();
        let before = key.and_then(|key| known.get(&key.key).map(|old| (key, old)));
        match before {
            Some((key, (body_hash, _))) if *body_hash != key.body_hash => {
                answers.push(WriteOutcome::KeyReused)
            }
            Some((_, (_, resource))) if *resource != id => answers.push(WriteOutcome::Known {
                id: InstanceId(*resource),
            }),
            _ => {
                rows.push(new_row(new, id, &active)?);
                labels.extend(label_rows(new, id));
                for (task_index, row) in new.continued_from.iter().flat_map(|(_, rows)| rows) {
                    reused.push(TaskColumns::new(InstanceId(id), *task_index, row)?);
                }
                answers.push(WriteOutcome::Created {
                    id: InstanceId(id),
                    owner: active_owner(new, &active).cloned(),
                });
            }
        }
    }
    let backend = transaction.get_database_backend();
    let mut statements = inserts(backend, &rows)?;
    let insert_labels = || insert(backend, "instance_label", &LABEL, ALL);
    statements.extend(BatchStatement::over_rows(&labels, insert_labels)?);
    statements.extend(BatchStatement::over_rows(&reused, || upsert_tasks(backend, ALL))?);
    Ok((answers, statements))
}

/// Takes ids that were never used, in ascending order.
async fn next_ids(transaction: &Transaction, count: usize) -> Result<Vec<i64>, StoreError> {
    let backend = transaction.get_database_backend();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if backend == DbBackend::Sqlite {
        // The transaction has the write lock, and the insert of these ids moves the sequence.
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'instance'";
        let row = transaction
            .query_one_raw(Statement::from_string(backend, sql))
            .await
            .map_err(store_error)?;
        let last: i64 = row.map_or(Ok(0), |row| RowReader::new(&row).next_value())?;
        return Ok((last + 1..=last + count).collect());
    }
    let sql = "SELECT nextval(pg_get_serial_sequence('instance', 'id')) FROM generate_series(1, $1)";
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [count.into()]))
        .await
        .map_err(store_error)?;
    rows.iter().map(|row| RowReader::new(row).next_value()).collect()
}

/// Stores request keys; returns (body hash, instance) of every key of the batch.
async fn store_keys(
    transaction: &Transaction,
    news: &[&NewInstance],
    ids: &[i64],
) -> Result<BTreeMap<String, (String, i64)>, StoreError> {
    let keys: Vec<KeyRow<'_>> = news
        .iter()
        .zip(ids)
        .filter_map(|(new, id)| {
            new.request_key.as_ref().map(|key| KeyRow {
                key: &key.key,
                body_hash: &key.body_hash,
                resource_kind: "instance",
                resource: id.to_string(),
                at: new.at.0,
            })
        })
        .collect();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let backend = transaction.get_database_backend();
    run_over_rows(transaction, &keys, || {
        format!(
            "{} ON CONFLICT (key) DO NOTHING",
            insert(backend, "request_key", &KEY, ALL)
        )
    })
    .await?;
    let sql = format!(
        "SELECT key, request_key.body_hash, request_key.resource FROM request_key WHERE key IN (SELECT c_key FROM {})",
        source(backend, &[("c_key", "text")])
    );
    let asked: Vec<BTreeMap<&str, &str>> = keys.iter().map(|k| BTreeMap::from([("c_key", k.key)])).collect();
    let parameter: Value = json(&asked)?.into();
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [parameter]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok((
                columns.next_value()?,
                (columns.next_value()?, columns.next_parsed()?),
            ))
        })
        .collect()
}

/// Returns which of the requested owners are active; they stay so until the commit.
async fn active_owners(
    transaction: &Transaction,
    news: &[&NewInstance],
) -> Result<BTreeSet<i64>, StoreError> {
    let requested: BTreeSet<i64> = news
        .iter()
        .filter_map(|new| new.owner.as_ref().map(|me| me.incarnation.0))
        .collect();
    let mut active = BTreeSet::new();
    for incarnation in requested {
        if lock_active_member(transaction, incarnation).await? {
            active.insert(incarnation);
        }
    }
    Ok(active)
}

/// Returns the wished owner if it is active.
fn active_owner<'a>(new: &'a NewInstance, active: &BTreeSet<i64>) -> Option<&'a NodeIdentity> {
    new.owner
        .as_ref()
        .filter(|owner| active.contains(&owner.incarnation.0))
}

fn new_row<'a>(new: &'a NewInstance, id: i64, active: &BTreeSet<i64>) -> Result<NewRow<'a>, StoreError> {
    let owner = active_owner(new, active);
    Ok(NewRow {
        id,
        project_id: new.project_id,
        workflow_id: new.workflow_id,
        version: new.version,
        state: InstanceState::Running.as_str(),
        reason: owner.is_none().then_some(WAITING_FOR_MASTER),
        owner: owner.map(|me| me.incarnation.0),
        host: owner.map(|me| me.host.as_str()),
        epoch: i64::from(owner.is_some()),
        start: json(&new.start)?,
        project_params: map_json(&new.project_params)?,
        tasks_total: new.tasks,
        tasks_excluded: new.excluded,
        priority: new.start.priority.as_str(),
        trigger: TriggerColumns::from(&new.trigger),
        requested_by: new.requested_by.as_deref(),
        scheduled_at: new.start.scheduled_at.map(|at| at.0),
        dry_run: new.start.dry_run,
        continued_from: new.continued_from.as_ref().map(|(from, _)| from.0),
        created_at: new.at.0,
        chosen_tasks: !new.start.tasks.is_empty(),
        why: new.start_reason(),
        at: new.at.0,
    })
}

fn label_rows(new: &NewInstance, id: i64) -> impl Iterator<Item = LabelRow<'_>> {
    let labels = new.start.labels.iter();
    labels.map(move |(name, value)| LabelRow {
        instance: id,
        name,
        value,
    })
}

fn inserts(backend: DbBackend, rows: &[NewRow<'_>]) -> Result<Vec<BatchStatement>, StoreError> {
    let owners: Vec<FirstOwner<'_>> = rows
        .iter()
        .filter_map(|row| {
            row.owner.zip(row.host).map(|(owner, host)| FirstOwner {
                instance: row.id,
                epoch: row.epoch,
                owner,
                host,
                at: row.created_at,
                why: OwnershipReason::Start.as_str(),
            })
        })
        .collect();
    let first_transitions = || {
        format!(
            "INSERT INTO transition (instance, at, to_state, why, host, epoch) \
             SELECT id, at, state, why, coalesce(host, ''), epoch FROM {}",
            source(backend, &FIRST_TRANSITION)
        )
    };
    let statements = [
        BatchStatement::over_rows(rows, || insert(backend, "instance", &INSTANCE, ALL))?,
        BatchStatement::over_rows(rows, first_transitions)?,
        BatchStatement::over_rows(&owners, || insert(backend, "owner_log", &OWNER_LOG, ALL))?,
    ];
    Ok(statements.into_iter().flatten().collect())
}
