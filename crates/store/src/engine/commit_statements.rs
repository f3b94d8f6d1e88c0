//! The statements of commits: instance rows first, each under its fence; then their children.

use std::collections::BTreeSet;

use engine::instance::InstanceRecord;
use engine::states::{Attention, OwnershipReason};
use ports::fail_points::{self, DisabledGuard};
use ports::{InstanceCommit, StoreError};
use sea_orm::{DbBackend, QueryResult};
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, json, map_json, source};
use crate::batch_statement::{BatchStatement, run_as_one, run_in_order, select_named};
use crate::engine::alerts::events::commit_events;
use crate::engine::limit_statements::limit_rows;
use crate::engine::reset_statements::resets;
use crate::engine::task_rows::{self, AttemptColumns, TaskColumns};
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// The fence of one commit.
#[derive(Serialize)]
struct Fence {
    c_id: i64,
    c_owner: i64,
    c_epoch: i64,
    c_revision: i64,
    c_releases_owner: bool,
}

const FENCE: [Column; 5] = [
    ("c_id", "bigint"),
    ("c_owner", "bigint"),
    ("c_epoch", "bigint"),
    ("c_revision", "bigint"),
    ("c_releases_owner", "boolean"),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    c_queued_by: Option<&'static str>,
    c_due_at: Option<i64>,
    c_time_left_ms: Option<i64>,
    c_timed_out: bool,
    c_started_at: Option<i64>,
    c_ended_at: Option<i64>,
    c_outputs: String,
    c_run_range: Option<String>,
}

const HEADER: [Column; 12] = [
    ("c_state", "text"),
    ("c_reason", "text"),
    ("c_attention", "text"),
    ("c_run", "bigint"),
    ("c_queued_by", "text"),
    ("c_due_at", "bigint"),
    ("c_time_left_ms", "bigint"),
    ("c_timed_out", "boolean"),
    ("c_started_at", "bigint"),
    ("c_ended_at", "bigint"),
    ("c_outputs", "text"),
    ("c_run_range", "text"),
];

/// The choices of a start that a command changed.
#[derive(Serialize)]
struct StartChangeRow {
    c_id: i64,
    c_params: String,
    c_priority: &'static str,
}

const START: [Column; 3] = [("c_id", "bigint"), ("c_params", "text"), ("c_priority", "text")];

#[derive(Serialize)]
struct TransitionRow<'a> {
    instance: i64,
    at: i64,
    task_index: Option<u32>,
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
    ("task_index", "bigint"),
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

/// A committed instance as the database answers it: its id, and its revision before.
pub(crate) type CommittedRow = (i64, i64);

/// How the statements of commits are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Execution {
    /// As one statement of PostgreSQL, which stores nothing of a commit whose fence does not hold.
    SingleStatement,
    /// As one message to SQLite; everything is rolled back when a fence does not hold.
    Batch,
    /// The fences first, the rest when all of them hold: more messages, but a stale commit differs from a refused one.
    Sequential,
}

impl Execution {
    /// Chooses the cheapest way in which these commits can be executed.
    pub(crate) fn choose(backend: DbBackend, commits: &[&InstanceCommit]) -> Self {
        if backend == DbBackend::Sqlite {
            return Self::Batch;
        }
        let instances: BTreeSet<i64> = commits.iter().map(|commit| commit.id.0).collect();
        let is_ordered = instances.len() < commits.len() || commits.iter().any(|commit| needs_order(commit));
        if is_ordered {
            Self::Sequential
        } else {
            Self::SingleStatement
        }
    }
}

/// The statements of some commits.
pub(crate) struct CommitStatements {
    count: usize,
    execution: Execution,
    /// Update instances under their fences and return the rows whose fence held.
    fences: Vec<BatchStatement>,
    children: Vec<BatchStatement>,
}

impl CommitStatements {
    /// Writes the statements.
    pub(crate) fn new(
        backend: DbBackend,
        commits: &[&InstanceCommit],
        execution: Execution,
    ) -> Result<Self, StoreError> {
        let fences = fences(backend, commits)?;
        let filter = match execution {
            Execution::SingleStatement => format!("c.instance IN ({})", select_named(fences.len(), "id")),
            Execution::Batch | Execution::Sequential => ALL.to_owned(),
        };
        let mut children = resets(backend, commits)?;
        children.extend(starts(backend, commits)?);
        children.extend(tasks(backend, commits, &filter)?);
        children.extend(transitions(backend, commits, &filter)?);
        children.extend(commit_events(backend, commits, &filter)?);
        children.extend(decisions(backend, commits)?);
        children.extend(limit_rows(backend, commits)?);
        Ok(Self {
            count: commits.len(),
            execution,
            fences,
            children,
        })
    }

    /// Runs the statements after others; returns the instances whose fence held, and whether that may be committed.
    pub(crate) async fn run(
        self,
        transaction: &Transaction,
        before: Vec<BatchStatement>,
    ) -> Result<(BTreeSet<CommittedRow>, bool), StoreError> {
        let rows = match self.execution {
            Execution::Batch => {
                let all = before.into_iter().chain(self.fences).chain(self.children);
                run_in_order(transaction, all.collect()).await?
            }
            Execution::SingleStatement => {
                let named = self.fences.len();
                let all = self.fences.into_iter().chain(before).chain(self.children);
                run_as_one(transaction, all.collect(), named).await?
            }
            Execution::Sequential => {
                let fences = before.into_iter().chain(self.fences);
                let rows = run_in_order(transaction, fences.collect()).await?;
                if rows.len() == self.count {
                    run_in_order(transaction, self.children).await?;
                }
                rows
            }
        };
        let committed = committed_rows(&rows)?;
        let is_complete = self.execution == Execution::SingleStatement || committed.len() == self.count;
        Ok((committed, is_complete))
    }
}

/// Whether the statements of a commit touch a row twice, or a row that another statement must not see any more.
fn needs_order(commit: &InstanceCommit) -> bool {
    let changes = &commit.changes;
    changes.place.is_some()
        || changes.reset.is_some()
        || !changes.closed.is_empty()
        || !changes.decisions.is_empty()
        || !changes.limits.is_empty()
}

fn committed_rows(rows: &[QueryResult]) -> Result<BTreeSet<CommittedRow>, StoreError> {
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok((columns.next_value()?, columns.next_value()?))
        })
        .collect()
}

fn fences(backend: DbBackend, commits: &[&InstanceCommit]) -> Result<Vec<BatchStatement>, StoreError> {
    let mut plain = Vec::new();
    let mut with_header = Vec::new();
    for commit in commits {
        let fence = Fence {
            c_id: commit.id.0,
            c_owner: commit.owner.0,
            c_epoch: commit.epoch.0,
            c_revision: commit.revision.0,
            c_releases_owner: commit.changes.releases_owner,
        };
        match &commit.changes.record {
            Some(header) => with_header.push(header_row(fence, header)?),
            None => plain.push(fence),
        }
    }
    let columns: Vec<Column> = FENCE.iter().chain(&HEADER).copied().collect();
    let sets: String = HEADER
        .iter()
        .map(|(name, _)| format!(", {} = {name}", name.trim_start_matches("c_")))
        .collect();
    let plain = BatchStatement::over_rows(&plain, || fenced(backend, &FENCE, ""))?;
    let with_header = BatchStatement::over_rows(&with_header, || fenced(backend, &columns, &sets))?;
    Ok(plain.into_iter().chain(with_header).collect())
}

fn fenced(backend: DbBackend, columns: &[Column], sets: &str) -> String {
    let (fence, found) = if fail_points::is_disabled(DisabledGuard::Fencing) {
        ("", "c_revision")
    } else {
        (
            " AND owner = c_owner AND epoch = c_epoch AND revision = c_revision",
            "revision - 1",
        )
    };
    format!(
        "UPDATE instance SET revision = revision + 1, claims_without_progress = 0, \
         owner = CASE WHEN c_releases_owner THEN NULL ELSE owner END, \
         host = CASE WHEN c_releases_owner THEN NULL ELSE host END{sets} \
         FROM {} WHERE id = c_id{fence} RETURNING id, {found}",
        source(backend, columns)
    )
}

fn header_row(fence: Fence, header: &InstanceRecord) -> Result<HeaderRow<'_>, StoreError> {
    let attention = |attention: &Attention| json(attention);
    Ok(HeaderRow {
        fence,
        c_state: header.state.as_str(),
        c_reason: header.reason.as_deref(),
        c_attention: header.attention.as_ref().map(attention).transpose()?,
        c_run: header.run.0,
        c_queued_by: header.queued_by.map(OwnershipReason::as_str),
        c_due_at: header.due_at.map(|at| at.0),
        c_time_left_ms: header.time_left_ms,
        c_timed_out: header.timed_out,
        c_started_at: header.started_at.map(|at| at.0),
        c_ended_at: header.ended_at.map(|at| at.0),
        c_outputs: map_json(&header.outputs)?,
        c_run_range: header.run_range.as_ref().map(json).transpose()?,
    })
}

/// Stores what commands changed of starts; a decision comes with each, so that the statements run in order.
fn starts(backend: DbBackend, commits: &[&InstanceCommit]) -> Result<Option<BatchStatement>, StoreError> {
    let mut rows = Vec::new();
    for commit in commits {
        if let Some(start) = &commit.changes.start {
            rows.push(StartChangeRow {
                c_id: commit.id.0,
                c_params: map_json(&start.params)?,
                c_priority: start.priority.as_str(),
            });
        }
    }
    BatchStatement::over_rows(&rows, || {
        format!(
            "UPDATE instance SET params = c_params, priority = c_priority FROM {} WHERE id = c_id",
            source(backend, &START)
        )
    })
}

fn tasks(
    backend: DbBackend,
    commits: &[&InstanceCommit],
    filter: &str,
) -> Result<impl Iterator<Item = BatchStatement>, StoreError> {
    let mut closed: Vec<AttemptColumns<'_>> = Vec::new();
    let mut latest: Vec<AttemptColumns<'_>> = Vec::new();
    let mut tasks: Vec<TaskColumns<'_>> = Vec::new();
    for commit in commits {
        for (ordinal, attempt) in &commit.changes.closed {
            closed.push(AttemptColumns::new(commit.id, *ordinal, attempt));
        }
        for (ordinal, task) in &commit.changes.tasks {
            tasks.push(TaskColumns::new(commit.id, *ordinal, task)?);
            let attempt = task.attempt.as_ref();
            latest.extend(attempt.map(|attempt| AttemptColumns::new(commit.id, *ordinal, attempt)));
        }
    }
    let upsert_attempts = || task_rows::upsert_attempts(backend, filter);
    // Closed ones first: a task has one open attempt at most.
    let statements = [
        BatchStatement::over_rows(&tasks, || task_rows::upsert_tasks(backend, filter))?,
        BatchStatement::over_rows(&closed, upsert_attempts)?,
        BatchStatement::over_rows(&latest, upsert_attempts)?,
    ];
    Ok(statements.into_iter().flatten())
}

fn transitions(
    backend: DbBackend,
    commits: &[&InstanceCommit],
    filter: &str,
) -> Result<Option<BatchStatement>, StoreError> {
    let rows: Vec<TransitionRow<'_>> = commits
        .iter()
        .flat_map(|commit| {
            commit.changes.transitions.iter().map(|step| TransitionRow {
                instance: commit.id.0,
                at: commit.at.0,
                task_index: step.task_index.map(|o| o.0),
                attempt: step.attempt.map(|a| a.0),
                from_state: step.from,
                to_state: step.to,
                why: &step.why,
                host: &commit.host,
                epoch: commit.epoch.0,
            })
        })
        .collect();
    BatchStatement::over_rows(&rows, || insert(backend, "transition", &TRANSITION, filter))
}

fn decisions(backend: DbBackend, commits: &[&InstanceCommit]) -> Result<Option<BatchStatement>, StoreError> {
    let rows: Vec<DecidedRow<'_>> = commits
        .iter()
        .flat_map(|commit| {
            commit.changes.decisions.iter().map(|decided| DecidedRow {
                c_operation: decided.operation.0,
                c_instance: commit.id.0,
                c_at: commit.at.0,
                c_epoch: commit.epoch.0,
                c_outcome: decided.status.as_str(),
                c_detail: decided.detail.as_deref(),
            })
        })
        .collect();
    BatchStatement::over_rows(&rows, || {
        format!(
            "UPDATE inbox SET applied_at = c_at, applied_epoch = c_epoch, outcome = c_outcome, detail = c_detail \
             FROM {} WHERE id = c_operation AND instance = c_instance AND applied_at IS NULL",
            source(backend, &DECIDED)
        )
    })
}
