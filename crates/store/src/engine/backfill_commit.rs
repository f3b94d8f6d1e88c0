//! The commit of decisions about backfills, with the instances of the dates that start.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::backfill::{BackfillRecord, DateDecision, DateState, DateSummary, PendingWork, pending_work};
use engine::ids::{BackfillId, InstanceId, Revision};
use ports::{
    BackfillCommit, BackfillOutcome, MissingPlace, NewInstance, StartAdmission, StartedInstance, StoreError,
    WriteOutcome,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::Serialize;

use crate::backfill_dates::{read_summary, summary_columns, sweep_backfill_dates};
use crate::batch_sql::{Column, id_list, row_lock, source};
use crate::batch_statement::{BatchStatement, run_in_order};
use crate::engine::create::prepare_new_instances;
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Time within which a batch is prepared; then it is rolled back.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(12);

/// A backfill as it is when its lock is held.
struct LockedBackfill {
    revision: Revision,
    record: BackfillRecord,
    dates: DateSummary,
}

/// What a batch writes to the row of a backfill.
#[derive(Serialize)]
struct RecordRow<'a> {
    c_id: i64,
    /// 1 when the reason is replaced, else 0.
    c_replaced: i64,
    c_reason: Option<&'a str>,
    /// 1 when nothing waits any more, else 0.
    c_settled: i64,
}

const RECORD: [Column; 4] = [
    ("c_id", "bigint"),
    ("c_replaced", "bigint"),
    ("c_reason", "text"),
    ("c_settled", "bigint"),
];

/// What a batch writes to a date whose turn came.
#[derive(Serialize)]
struct DateRow<'a> {
    c_backfill: i64,
    c_position: u32,
    c_state: &'static str,
    c_instance: Option<i64>,
    c_reason: Option<&'a str>,
    c_ended_at: Option<i64>,
}

const DATE: [Column; 6] = [
    ("c_backfill", "bigint"),
    ("c_position", "bigint"),
    ("c_state", "text"),
    ("c_instance", "bigint"),
    ("c_reason", "text"),
    ("c_ended_at", "bigint"),
];

impl Store {
    /// Stores a batch; one that is refused as a whole is stored entry by entry.
    pub(crate) async fn commit_backfill_batch(
        &self,
        commits: &[BackfillCommit],
    ) -> Result<Vec<BackfillOutcome>, StoreError> {
        match self.commit_backfills_once(commits).await {
            Err(StoreError::Rejected(why)) if commits.len() == 1 => Ok(vec![BackfillOutcome::Rejected(why)]),
            Err(StoreError::Rejected(_)) => {
                let mut outcomes = Vec::with_capacity(commits.len());
                for commit in commits {
                    let one = std::slice::from_ref(commit);
                    match self.commit_backfills_once(one).await {
                        Ok(stored) => outcomes.extend(stored),
                        Err(StoreError::Rejected(why)) => outcomes.push(BackfillOutcome::Rejected(why)),
                        Err(StoreError::Unavailable(why)) => return Err(StoreError::Uncertain(why)),
                        Err(error) => return Err(error),
                    }
                }
                Ok(outcomes)
            }
            other => other,
        }
    }

    async fn commit_backfills_once(
        &self,
        commits: &[BackfillCommit],
    ) -> Result<Vec<BackfillOutcome>, StoreError> {
        let prepared = tokio::time::timeout(PREPARE_TIMEOUT, async {
            let transaction = self.engine_pool().begin_write().await?;
            let outcomes = prepare_commits(self, &transaction, commits).await?;
            Ok::<_, StoreError>((transaction, outcomes))
        });
        let (transaction, outcomes) = prepared
            .await
            .map_err(|_| StoreError::Unavailable("the database takes too long".to_owned()))??;
        let Some(outcomes) = outcomes else {
            transaction.rollback().await.map_err(store_error)?;
            return Ok(vec![BackfillOutcome::Stale; commits.len()]);
        };
        self.commit_engine(transaction).await?;
        Ok(outcomes)
    }
}

/// Runs the statements of those commits that still hold; none when a date was taken in between, which a command of a
/// user on its instance can do without the lock, or a place of its workflow.
async fn prepare_commits(
    store: &Store,
    transaction: &Transaction,
    commits: &[BackfillCommit],
) -> Result<Option<Vec<BackfillOutcome>>, StoreError> {
    let locked = lock_backfills(transaction, commits).await?;
    let instances = commits.iter().flat_map(|commit| &commit.instances);
    let startable =
        lock_startable_workflows(transaction, instances.map(|new| new.workflow_id).collect()).await?;
    let holds = |commit: &BackfillCommit| {
        let backfill = locked.get(&commit.id);
        backfill.is_some_and(|backfill| backfill.holds(commit))
            && commit
                .instances
                .iter()
                .all(|new| startable.contains(&new.workflow_id))
    };
    let current: Vec<&BackfillCommit> = commits.iter().filter(|commit| holds(commit)).collect();
    let news: Vec<&NewInstance> = current.iter().flat_map(|commit| &commit.instances).collect();
    let (created, mut statements) = prepare_new_instances(store, transaction, &news).await?;
    if created.iter().any(lacks_workflow_place) {
        return Ok(None);
    }
    let mut created = started_instances(created)?.into_iter();
    let mut outcomes = Vec::with_capacity(commits.len());
    let (mut records, mut dates) = (Vec::new(), Vec::new());
    for commit in commits {
        if !holds(commit) {
            outcomes.push(BackfillOutcome::Stale);
            continue;
        }
        if let Some(sweep) = &commit.changes.sweep {
            sweep_backfill_dates(transaction, commit.id, sweep, commit.at).await?;
        }
        let started: Vec<StartedInstance> = created.by_ref().take(commit.instances.len()).collect();
        records.push(record_row(commit));
        dates.extend(date_rows(commit, &started));
        outcomes.push(BackfillOutcome::Stored(started));
    }
    let expected = dates.len();
    statements.extend(update_statements(
        transaction.get_database_backend(),
        &records,
        &dates,
    )?);
    let changed = run_in_order(transaction, statements).await?;
    Ok((changed.len() == expected).then_some(outcomes))
}

impl LockedBackfill {
    /// Whether a commit was decided on what is stored, and starts no date that may not start any more.
    fn holds(&self, commit: &BackfillCommit) -> bool {
        if self.revision != commit.revision {
            return false;
        }
        match pending_work(&self.record, &self.dates) {
            PendingWork::Start { places } => commit.instances.len() <= places as usize,
            PendingWork::Nothing | PendingWork::Close => commit.instances.is_empty(),
        }
    }
}

/// Locks the backfills of a batch, in one order on every node.
async fn lock_backfills(
    transaction: &Transaction,
    commits: &[BackfillCommit],
) -> Result<BTreeMap<BackfillId, LockedBackfill>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT b.id, b.revision, b.control, b.version, b.parallelism, b.on_failure, b.existing, {} \
         FROM backfill b WHERE b.id IN (SELECT c_id FROM {}) ORDER BY b.id{}",
        summary_columns(),
        source(backend, &[("c_id", "bigint")]),
        row_lock(backend, "FOR UPDATE OF b")
    );
    let list = id_list(commits.iter().map(|commit| commit.id.0))?;
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [list]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            let id = BackfillId(columns.next_value()?);
            let backfill = LockedBackfill {
                revision: Revision(columns.next_value()?),
                record: BackfillRecord {
                    control: columns.next_parsed()?,
                    version: columns.next_value()?,
                    parallelism: columns.next_u32()?,
                    on_failure: columns.next_parsed()?,
                    existing: columns.next_parsed()?,
                    reason: None,
                },
                dates: read_summary(&mut columns)?,
            };
            Ok((id, backfill))
        })
        .collect()
}

/// Locks the workflows of new instances against changes; returns those that may be started.
pub(crate) async fn lock_startable_workflows(
    transaction: &Transaction,
    workflows: BTreeSet<i64>,
) -> Result<BTreeSet<i64>, StoreError> {
    if workflows.is_empty() {
        return Ok(workflows);
    }
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT id FROM workflow WHERE enabled AND deleted_at IS NULL AND id IN (SELECT c_id FROM {}) ORDER BY id{}",
        source(backend, &[("c_id", "bigint")]),
        row_lock(backend, "FOR SHARE")
    );
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(
            backend,
            sql,
            [id_list(workflows)?],
        ))
        .await
        .map_err(store_error)?;
    rows.iter().map(|row| RowReader::new(row).next_value()).collect()
}

/// Whether a date would be queued or discarded: it waits for its place without an instance.
fn lacks_workflow_place(created: &WriteOutcome) -> bool {
    matches!(
        created,
        WriteOutcome::Created {
            admission: StartAdmission::Discarded { .. }
                | StartAdmission::Queued {
                    missing: MissingPlace::Workflow,
                    ..
                },
            ..
        }
    )
}

fn started_instances(created: Vec<WriteOutcome>) -> Result<Vec<StartedInstance>, StoreError> {
    let started = created.into_iter().map(|outcome| match outcome {
        WriteOutcome::Created { id, owner, .. } => Ok(StartedInstance { id, owner }),
        _ => Err(StoreError::Rejected(
            "the instance of a date was answered as another request".to_owned(),
        )),
    });
    started.collect()
}

fn record_row(commit: &BackfillCommit) -> RecordRow<'_> {
    let record = commit.changes.record.as_ref();
    RecordRow {
        c_id: commit.id.0,
        c_replaced: i64::from(record.is_some()),
        c_reason: record.and_then(|record| record.reason.as_deref()),
        c_settled: i64::from(commit.changes.is_settled),
    }
}

fn date_rows<'a>(commit: &'a BackfillCommit, started: &[StartedInstance]) -> Vec<DateRow<'a>> {
    let mut started = started.iter().map(|started| started.id);
    let row = |position: u32, state: DateState, instance: Option<InstanceId>| DateRow {
        c_backfill: commit.id.0,
        c_position: position,
        c_state: state.as_str(),
        c_instance: instance.map(|instance| instance.0),
        c_reason: None,
        c_ended_at: None,
    };
    let ended = |reason: &'a str, row: DateRow<'a>| DateRow {
        c_reason: Some(reason),
        c_ended_at: Some(commit.at.0),
        ..row
    };
    let decisions = commit.changes.dates.iter();
    decisions
        .filter_map(|decision| match decision {
            DateDecision::Start { position } => {
                Some(row(*position, DateState::Running, Some(started.next()?)))
            }
            DateDecision::Close {
                position,
                state,
                reason,
            } => Some(ended(reason, row(*position, *state, None))),
            DateDecision::Skip {
                position,
                instance,
                reason,
            } => Some(ended(reason, row(*position, DateState::Skipped, Some(*instance)))),
        })
        .collect()
}

/// Writes the statements that change rows of backfills and dates; those of dates return the rows that they changed.
fn update_statements(
    backend: DbBackend,
    records: &[RecordRow<'_>],
    dates: &[DateRow<'_>],
) -> Result<impl Iterator<Item = BatchStatement>, StoreError> {
    let update_records = || {
        format!(
            "UPDATE backfill SET revision = revision + 1, \
             reason = CASE WHEN c_replaced = 1 THEN c_reason ELSE reason END, \
             settled = CASE WHEN c_settled = 1 THEN TRUE ELSE settled END FROM {} WHERE backfill.id = c_id",
            source(backend, &RECORD)
        )
    };
    let update_dates = || {
        format!(
            "UPDATE backfill_date SET state = c_state, instance = c_instance, reason = c_reason, \
             ended_at = c_ended_at FROM {} \
             WHERE backfill = c_backfill AND position = c_position AND state = 'waiting' RETURNING position",
            source(backend, &DATE)
        )
    };
    let statements = [
        BatchStatement::over_rows(records, update_records)?,
        BatchStatement::over_rows(dates, update_dates)?,
    ];
    Ok(statements.into_iter().flatten())
}
