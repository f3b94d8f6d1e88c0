//! The rounds of a batch: instance rows first, each under its fence; then the children of those that matched.

use std::collections::BTreeSet;

use actors::ports::{InstanceCommit, StoreError};
use engine::instance::{Attention, Header, Reset};
use engine::states::TaskState;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};
use serde::Serialize;

use super::attempts::{AttemptRow, TaskRow};
use super::rows::{Cells, Column, insert, json, map_json, source};
use super::{attempts, store_error};

/// The fence of one round.
#[derive(Serialize)]
struct Fence {
    c_id: i64,
    c_owner: i64,
    c_epoch: i64,
    c_rev: i64,
    c_rests: bool,
}

const FENCE: [Column; 5] = [
    ("c_id", "bigint"),
    ("c_owner", "bigint"),
    ("c_epoch", "bigint"),
    ("c_rev", "bigint"),
    ("c_rests", "boolean"),
];

/// A fence and the instance's row behind it.
#[derive(Serialize)]
struct HeaderRow<'a> {
    #[serde(flatten)]
    fence: Fence,
    c_state: &'static str,
    c_reason: Option<&'a str>,
    c_attention: Option<String>,
    c_run: u32,
    c_due_at: Option<i64>,
    c_time_left_ms: Option<i64>,
    c_timed_out: bool,
    c_started_at: Option<i64>,
    c_ended_at: Option<i64>,
    c_outputs: String,
}

const HEADER: [Column; 10] = [
    ("c_state", "text"),
    ("c_reason", "text"),
    ("c_attention", "text"),
    ("c_run", "bigint"),
    ("c_due_at", "bigint"),
    ("c_time_left_ms", "bigint"),
    ("c_timed_out", "boolean"),
    ("c_started_at", "bigint"),
    ("c_ended_at", "bigint"),
    ("c_outputs", "text"),
];

#[derive(Serialize)]
struct TransitionRow<'a> {
    instance: i64,
    at: i64,
    ordinal: Option<u32>,
    attempt: Option<u32>,
    from_state: Option<&'static str>,
    to_state: &'static str,
    why: &'a str,
    host: &'a str,
    epoch: i64,
}

const TRANSITION: [Column; 9] = [
    ("instance", "bigint"),
    ("at", "bigint"),
    ("ordinal", "bigint"),
    ("attempt", "bigint"),
    ("from_state", "text"),
    ("to_state", "text"),
    ("why", "text"),
    ("host", "text"),
    ("epoch", "bigint"),
];

#[derive(Serialize)]
struct DecidedRow<'a> {
    c_operation: i64,
    c_instance: i64,
    c_at: i64,
    c_epoch: i64,
    c_outcome: &'static str,
    c_detail: Option<&'a str>,
}

const DECIDED: [Column; 6] = [
    ("c_operation", "bigint"),
    ("c_instance", "bigint"),
    ("c_at", "bigint"),
    ("c_epoch", "bigint"),
    ("c_outcome", "text"),
    ("c_detail", "text"),
];

/// Stores rounds; returns (id, rev before) of those whose fence matched.
pub(super) async fn store(
    transaction: &DatabaseTransaction,
    commits: &[&InstanceCommit],
) -> Result<BTreeSet<(i64, i64)>, StoreError> {
    let matched = store_instances(transaction, commits).await?;
    let held: Vec<&InstanceCommit> = commits
        .iter()
        .copied()
        .filter(|c| matched.contains(&(c.id.0, c.rev.0)))
        .collect();
    store_resets(transaction, &held).await?;
    store_tasks(transaction, &held).await?;
    store_transitions(transaction, &held).await?;
    store_decisions(transaction, &held).await?;
    Ok(matched)
}

/// Runs a bulk statement, unless there are no rows.
pub(super) async fn run<T: Serialize>(
    transaction: &DatabaseTransaction,
    rows: &[T],
    sql: impl FnOnce() -> String,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let parameter: Value = json(&rows)?.into();
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql(), [parameter]);
    transaction.execute_raw(statement).await.map_err(store_error)?;
    Ok(())
}

async fn store_instances(
    transaction: &DatabaseTransaction,
    commits: &[&InstanceCommit],
) -> Result<BTreeSet<(i64, i64)>, StoreError> {
    let mut plain = Vec::new();
    let mut whole = Vec::new();
    for commit in commits {
        let fence = Fence {
            c_id: commit.id.0,
            c_owner: commit.owner.0,
            c_epoch: commit.epoch.0,
            c_rev: commit.rev.0,
            c_rests: commit.changes.rests,
        };
        match &commit.changes.header {
            Some(header) => whole.push(header_row(fence, header)?),
            None => plain.push(fence),
        }
    }
    let mut matched: BTreeSet<(i64, i64)> = fenced(transaction, &plain, &FENCE, "")
        .await?
        .into_iter()
        .collect();
    let columns: Vec<Column> = FENCE.iter().chain(&HEADER).copied().collect();
    let sets: String = HEADER
        .iter()
        .map(|(name, _)| format!(", {} = {name}", name.trim_start_matches("c_")))
        .collect();
    matched.extend(fenced(transaction, &whole, &columns, &sets).await?);
    Ok(matched)
}

async fn fenced<T: Serialize>(
    transaction: &DatabaseTransaction,
    rows: &[T],
    columns: &[Column],
    sets: &str,
) -> Result<Vec<(i64, i64)>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let backend = transaction.get_database_backend();
    let sql = format!(
        "UPDATE instance SET rev = rev + 1, claims_without_progress = 0, \
         owner = CASE WHEN c_rests THEN NULL ELSE owner END, \
         host = CASE WHEN c_rests THEN NULL ELSE host END{sets} \
         FROM {} WHERE id = c_id AND owner = c_owner AND epoch = c_epoch AND rev = c_rev \
         RETURNING id, rev - 1",
        source(backend, columns)
    );
    let parameter: Value = json(&rows)?.into();
    let answer = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [parameter]))
        .await
        .map_err(store_error)?;
    answer
        .iter()
        .map(|row| {
            let mut cells = Cells::of(row);
            Ok((cells.take()?, cells.take()?))
        })
        .collect()
}

fn header_row(fence: Fence, header: &Header) -> Result<HeaderRow<'_>, StoreError> {
    let attention = |attention: &Attention| json(attention);
    Ok(HeaderRow {
        fence,
        c_state: header.state.as_str(),
        c_reason: header.reason.as_deref(),
        c_attention: header.attention.as_ref().map(attention).transpose()?,
        c_run: header.run.0,
        c_due_at: header.due_at.map(|at| at.0),
        c_time_left_ms: header.time_left_ms,
        c_timed_out: header.timed_out,
        c_started_at: header.started_at.map(|at| at.0),
        c_ended_at: header.ended_at.map(|at| at.0),
        c_outputs: map_json(&header.outputs)?,
    })
}

/// Sends rows back to `pending`: one statement per instance, whatever its number of tasks.
async fn store_resets(
    transaction: &DatabaseTransaction,
    commits: &[&InstanceCommit],
) -> Result<(), StoreError> {
    for commit in commits {
        if let Some(reset) = commit.changes.reset {
            let sql = reset_sql(reset);
            let backend = transaction.get_database_backend();
            let statement = Statement::from_sql_and_values(backend, sql, [commit.id.0.into()]);
            transaction.execute_raw(statement).await.map_err(store_error)?;
        }
    }
    Ok(())
}

fn reset_sql(reset: Reset) -> String {
    let counts = match reset {
        Reset::Held => "",
        Reset::All | Reset::FailedAndKilled | Reset::Killed => {
            ", attempts_before_run = attempts, lost_in_run = 0"
        }
    };
    let traces = match reset {
        Reset::All => ", outputs = '{}', started_at = NULL, ended_at = NULL",
        Reset::FailedAndKilled | Reset::Killed | Reset::Held => "",
    };
    let rows = reset.states().map_or_else(String::new, |states| {
        let names: Vec<String> = states.iter().map(|s: &TaskState| format!("'{s}'")).collect();
        format!(" AND state IN ({})", names.join(", "))
    });
    format!(
        "UPDATE task_instance SET state = 'pending', reason = NULL, due_at = NULL{counts}{traces} \
         WHERE instance = $1{rows}"
    )
}

async fn store_tasks(
    transaction: &DatabaseTransaction,
    commits: &[&InstanceCommit],
) -> Result<(), StoreError> {
    let mut closed: Vec<AttemptRow<'_>> = Vec::new();
    let mut latest: Vec<AttemptRow<'_>> = Vec::new();
    let mut tasks: Vec<TaskRow<'_>> = Vec::new();
    for commit in commits {
        for (ordinal, attempt) in &commit.changes.closed {
            closed.push(AttemptRow::of(commit.id, *ordinal, attempt));
        }
        for (ordinal, task) in &commit.changes.tasks {
            tasks.push(TaskRow::of(commit.id, *ordinal, task)?);
            let attempt = task.attempt.as_ref();
            latest.extend(attempt.map(|attempt| AttemptRow::of(commit.id, *ordinal, attempt)));
        }
    }
    let backend = transaction.get_database_backend();
    run(transaction, &tasks, || attempts::upsert_tasks(backend)).await?;
    // Closed ones first: a task has one open attempt at most.
    run(transaction, &closed, || attempts::upsert_attempts(backend)).await?;
    run(transaction, &latest, || attempts::upsert_attempts(backend)).await
}

async fn store_transitions(
    transaction: &DatabaseTransaction,
    commits: &[&InstanceCommit],
) -> Result<(), StoreError> {
    let rows: Vec<TransitionRow<'_>> = commits
        .iter()
        .flat_map(|commit| {
            commit.changes.transitions.iter().map(|step| TransitionRow {
                instance: commit.id.0,
                at: commit.at.0,
                ordinal: step.ordinal.map(|o| o.0),
                attempt: step.attempt.map(|a| a.0),
                from_state: step.from,
                to_state: step.to,
                why: &step.why,
                host: &commit.host,
                epoch: commit.epoch.0,
            })
        })
        .collect();
    let backend = transaction.get_database_backend();
    run(transaction, &rows, || insert(backend, "transition", &TRANSITION)).await
}

async fn store_decisions(
    transaction: &DatabaseTransaction,
    commits: &[&InstanceCommit],
) -> Result<(), StoreError> {
    let rows: Vec<DecidedRow<'_>> = commits
        .iter()
        .flat_map(|commit| {
            commit.changes.decided.iter().map(|decided| DecidedRow {
                c_operation: decided.operation.0,
                c_instance: commit.id.0,
                c_at: commit.at.0,
                c_epoch: commit.epoch.0,
                c_outcome: decided.outcome.as_str(),
                c_detail: decided.detail.as_deref(),
            })
        })
        .collect();
    let backend = transaction.get_database_backend();
    run(transaction, &rows, || {
        format!(
            "UPDATE inbox SET applied_at = c_at, applied_epoch = c_epoch, outcome = c_outcome, detail = c_detail \
             FROM {} WHERE id = c_operation AND instance = c_instance AND applied_at IS NULL",
            source(backend, &DECIDED)
        )
    })
    .await
}
