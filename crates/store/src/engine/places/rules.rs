//! Changes of what is allowed: the rule of a workflow, the cap of a project.
//!
//! Instances that were admitted before hold places from then on; those that wait may be admitted at once. The caller has
//! locked the row of the workflow or project, so that no instance is created under the rule before.

use std::collections::BTreeMap;

use engine::ids::Timestamp;
use engine::place::{KeyedStart, urgency_of};
use engine::spec::ConcurrencyRule;
use engine::start::{Start, StartChanges};
use engine::states::{InstanceState, Priority};
use ports::{DefinitionStore as _, StoreError};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, json};
use crate::batch_statement::{run_in_order, run_over_rows};
use crate::engine::places::ledger::lock_places;
use crate::engine::places::rows::{HELD, ReleasedPlace, SUSPENDED, WAITING, store_releases};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// The condition of open instances that need places.
const OPEN: &str = "NOT dry_run AND state IN ('queued', 'running', 'pausing', 'paused', 'stopping')";

/// An open instance and its place.
#[derive(Serialize)]
struct FollowingRow {
    instance: i64,
    project_id: i64,
    workflow_id: i64,
    key: Option<String>,
    counted: bool,
    state: &'static str,
    urgency: u32,
    since: i64,
}

const FOLLOWING: [Column; 8] = [
    ("instance", "bigint"),
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("key", "text"),
    ("counted", "boolean"),
    ("state", "text"),
    ("urgency", "bigint"),
    ("since", "bigint"),
];

/// An open instance, as far as it decides about its place.
struct OpenInstance {
    row: FollowingRow,
    version: i64,
    start: Start,
    project_params: BTreeMap<String, String>,
}

/// The workflow whose rule changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuledWorkflow {
    /// Its row.
    pub id: i64,
    /// Its project's row.
    pub project_id: i64,
}

/// Stores the rule of a workflow, by which all its open instances hold their places or wait from now on.
///
/// # Errors
/// As the database reports.
pub async fn change_concurrency(
    store: &Store,
    transaction: &Transaction,
    workflow: RuledWorkflow,
    rule: Option<&ConcurrencyRule>,
) -> Result<(), StoreError> {
    lock_places(transaction, workflow.project_id).await?;
    let stored: Value = rule.map(json).transpose()?.into();
    let sql = "UPDATE workflow SET concurrency = $1 WHERE id = $2";
    execute(transaction, sql, [stored, workflow.id.into()]).await?;
    match rule {
        None => {
            let sql = "UPDATE place SET key = NULL WHERE workflow_id = $1";
            execute(transaction, sql, [workflow.id.into()]).await?;
        }
        Some(rule) => {
            let open = gate_instances(transaction, "workflow_id", workflow.id).await?;
            let project = read_project_name(transaction, workflow.project_id).await?;
            let rows = with_keys(store, open, (&project, rule)).await?;
            store_following(transaction, &rows, "key = excluded.key").await?;
        }
    }
    let release = ReleasedPlace {
        project_id: workflow.project_id,
        workflow_id: Some(workflow.id),
        key: None,
    };
    note_release(transaction, release).await
}

/// Stores the cap of a project, which counts its open instances from now on.
///
/// # Errors
/// As the database reports.
pub async fn change_max_instances(
    transaction: &Transaction,
    project_id: i64,
    max_instances: Option<u32>,
) -> Result<(), StoreError> {
    lock_places(transaction, project_id).await?;
    let sql = "UPDATE project SET max_instances = $1 WHERE id = $2";
    let cap: Value = max_instances.map(i64::from).into();
    execute(transaction, sql, [cap, project_id.into()]).await?;
    if max_instances.is_some() {
        let open = gate_instances(transaction, "parent IS NULL AND project_id", project_id).await?;
        let rows: Vec<FollowingRow> = open.into_iter().map(|instance| instance.row).collect();
        store_following(transaction, &rows, "counted = excluded.counted").await?;
    }
    let release = ReleasedPlace {
        project_id,
        workflow_id: None,
        key: None,
    };
    note_release(transaction, release).await
}

async fn read_project_name(transaction: &Transaction, project_id: i64) -> Result<String, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = "SELECT name FROM project WHERE id = $1";
    let row = transaction
        .query_one_raw(Statement::from_sql_and_values(backend, sql, [project_id.into()]))
        .await
        .map_err(store_error)?;
    row.map_or(Ok(String::new()), |row| RowReader::new(&row).next_value())
}

/// Marks open instances as gated and returns them. Marked first: one that ends at this moment is not returned.
async fn gate_instances(
    transaction: &Transaction,
    of: &str,
    id: i64,
) -> Result<Vec<OpenInstance>, StoreError> {
    let sql = format!(
        "UPDATE instance SET gated = TRUE WHERE {of} = $1 AND {OPEN} \
         RETURNING id, project_id, workflow_id, parent IS NULL, state, queued_by, priority, created_at, version, \
         start, params, project_params"
    );
    let backend = transaction.get_database_backend();
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [id.into()]))
        .await
        .map_err(store_error)?;
    rows.iter().map(read_open).collect()
}

fn read_open(row: &QueryResult) -> Result<OpenInstance, StoreError> {
    let mut columns = RowReader::new(row);
    let (instance, project_id, workflow_id) = (
        columns.next_value()?,
        columns.next_value()?,
        columns.next_value()?,
    );
    let counted = columns.next_value()?;
    let state: InstanceState = columns.next_parsed()?;
    let queued_by: Option<String> = columns.next_value()?;
    let priority: Priority = columns.next_parsed()?;
    let row = FollowingRow {
        instance,
        project_id,
        workflow_id,
        key: None,
        counted,
        state: match (state, queued_by) {
            (InstanceState::Queued, _) => WAITING,
            (InstanceState::Paused, Some(_)) => SUSPENDED,
            _ => HELD,
        },
        urgency: urgency_of(priority),
        since: columns.next_value()?,
    };
    let version = columns.next_value()?;
    let start: Start = columns.next_json()?;
    let start = start.amend(StartChanges {
        params: columns.next_optional_json()?,
        labels: None,
        priority,
    });
    Ok(OpenInstance {
        row,
        version,
        start,
        project_params: columns.next_json()?,
    })
}

/// Resolves the key of each instance by the definition of its own version.
async fn with_keys(
    store: &Store,
    open: Vec<OpenInstance>,
    (project, rule): (&str, &ConcurrencyRule),
) -> Result<Vec<FollowingRow>, StoreError> {
    let mut rows = Vec::with_capacity(open.len());
    for instance in open {
        let mut row = instance.row;
        let definition = store.load_definition(row.workflow_id, instance.version).await?;
        let keyed = KeyedStart {
            definition: &definition,
            start: &instance.start,
            project,
            project_params: &instance.project_params,
            created_at: Timestamp(row.since),
        };
        row.key = Some(keyed.resolve_key(rule));
        rows.push(row);
    }
    Ok(rows)
}

/// Stores the places of instances that have none yet; of the others only what has changed.
async fn store_following(
    transaction: &Transaction,
    rows: &[FollowingRow],
    change: &str,
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    run_over_rows(transaction, rows, || {
        format!(
            "{} ON CONFLICT (instance) DO UPDATE SET {change}",
            insert(backend, "place", &FOLLOWING, ALL)
        )
    })
    .await
}

async fn note_release(transaction: &Transaction, release: ReleasedPlace) -> Result<(), StoreError> {
    let statement = store_releases(transaction.get_database_backend(), &[release])?;
    run_in_order(transaction, statement.into_iter().collect())
        .await
        .map(drop)
}

async fn execute(
    transaction: &Transaction,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<(), StoreError> {
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    transaction.execute_raw(statement).await.map_err(store_error)?;
    Ok(())
}
