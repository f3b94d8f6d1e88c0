//! The group commit: one transaction for each batch, and the search for an entry that is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::InstanceId;
use engine::place::PlaceOutlook;
use ports::{InstanceCommit, InstanceWriter, NewInstance, StoreError, Write, WriteOutcome};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::engine::commit_statements::{CommitStatements, CommittedRow, Execution};
use crate::engine::create;
use crate::engine::limit_statements::{RoomRefusals, refuse_without_room};
use crate::engine::places::request::request_run_places;
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Time within which a batch is prepared; then it is rolled back.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(12);

/// Time within which terminated sessions are gone.
const TERMINATE_TIMEOUT: Duration = Duration::from_secs(5);

/// Batches at a time on PostgreSQL: while one waits for the disk, the next is prepared and read.
const POSTGRES_WRITERS: usize = 2;

/// What became of a batch in its transaction.
enum BatchWritten {
    /// It may be committed.
    Stored {
        /// The commits.
        committed: BTreeSet<CommittedRow>,
        /// The answers to the new instances.
        created: Vec<WriteOutcome>,
        /// The commits that limits had no room for, which are left out.
        refused: RoomRefusals,
    },
    /// The fence of a commit did not hold.
    Stale {
        /// Those whose fence held.
        committed: BTreeSet<CommittedRow>,
        /// Those that limits had no room for.
        refused: RoomRefusals,
    },
    /// Runs that commits begin have no place.
    NoPlace(BTreeMap<InstanceId, PlaceOutlook>),
}

/// The commits of a batch that were left out because something has no room for them.
struct BatchRefusals {
    without_place: BTreeMap<InstanceId, PlaceOutlook>,
    refused: RoomRefusals,
}

impl BatchRefusals {
    /// Answers a commit that was not stored.
    fn answer(&mut self, commit: &InstanceCommit) -> WriteOutcome {
        if let Some(outlook) = self.without_place.get(&commit.id) {
            return WriteOutcome::NoPlace(outlook.clone());
        }
        self.refused
            .remove(&(commit.id, commit.revision))
            .map_or(WriteOutcome::Stale, WriteOutcome::NoRoom)
    }
}

#[async_trait]
impl InstanceWriter for Store {
    /// Returns how many batches may be stored at the same time; SQLite has one writer.
    fn writer_count(&self) -> usize {
        match self.backend() {
            DbBackend::Postgres => POSTGRES_WRITERS,
            _ => 1,
        }
    }

    /// Stores a batch; a part that is refused is halved until the refused entry is alone.
    async fn write_batch(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        let mut answers: Vec<Option<WriteOutcome>> = vec![None; batch.len()];
        // Whole batches nearly always pass; the remaining parts are kept so that the first part is tried first.
        let mut parts: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self.write_part(&batch[part.clone()]).await {
                Ok(written) => {
                    let places = answers[part].iter_mut().zip(written);
                    places.for_each(|(place, answer)| *place = Some(answer));
                }
                Err(StoreError::Rejected(why)) if part.len() == 1 => {
                    answers[part.start] = Some(WriteOutcome::Rejected(why));
                }
                Err(StoreError::Rejected(_)) => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
                Err(StoreError::Unavailable(why)) if answers.iter().any(Option::is_some) => {
                    return Err(StoreError::Uncertain(why));
                }
                Err(other) => return Err(other),
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }
}

impl Store {
    async fn write_part(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        let (news, mut commits) = split(batch);
        let mut execution = Execution::choose(self.backend(), &commits);
        let mut without_place = BTreeMap::new();
        loop {
            match self.write_once(&news, &commits, execution).await {
                Ok(BatchWritten::Stored {
                    committed,
                    created,
                    refused,
                }) => {
                    let refusals = BatchRefusals {
                        without_place,
                        refused,
                    };
                    return answers(batch, created, committed, refusals);
                }
                // A commit that is not fenced any more is left out, and the rest stored without it.
                Ok(BatchWritten::Stale { committed, refused }) => {
                    let is_committed =
                        |commit: &InstanceCommit| committed.contains(&(commit.id.0, commit.revision.0));
                    let is_refused =
                        |commit: &InstanceCommit| refused.contains_key(&(commit.id, commit.revision));
                    commits.retain(|commit| is_committed(commit) || is_refused(commit));
                }
                Ok(BatchWritten::NoPlace(outlooks)) => {
                    commits.retain(|commit| !outlooks.contains_key(&commit.id));
                    without_place.extend(outlooks);
                }
                // Step by step, a stale commit differs from a refused one.
                Err(StoreError::Rejected(_)) if execution != Execution::Sequential => {
                    execution = Execution::Sequential;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Stores in one transaction. Nothing is stored, and nothing was created, unless the fences of all commits
    /// held, or the statement leaves out those whose fence did not hold.
    async fn write_once(
        &self,
        news: &[&NewInstance],
        commits: &[&InstanceCommit],
        execution: Execution,
    ) -> Result<BatchWritten, StoreError> {
        let prepared = tokio::time::timeout(PREPARE_TIMEOUT, async {
            let transaction = self.engine_pool().begin_write().await?;
            let written = self
                .prepare_batch(&transaction, (news, commits), execution)
                .await?;
            Ok::<_, StoreError>((transaction, written))
        });
        let (transaction, written) = prepared
            .await
            .map_err(|_| StoreError::Unavailable("the database takes too long".to_owned()))??;
        match written {
            BatchWritten::Stored { .. } => self.commit_engine(transaction).await?,
            BatchWritten::Stale { .. } | BatchWritten::NoPlace(_) => {
                transaction.rollback().await.map_err(store_error)?;
            }
        }
        Ok(written)
    }

    async fn prepare_batch(
        &self,
        transaction: &Transaction,
        (news, commits): (&[&NewInstance], &[&InstanceCommit]),
        execution: Execution,
    ) -> Result<BatchWritten, StoreError> {
        // Places first, then limits: a transaction that has locked them may wait for a row of an instance, never the
        // other way.
        let outlooks = request_run_places(self, transaction, commits).await?;
        if !outlooks.is_empty() {
            return Ok(BatchWritten::NoPlace(outlooks));
        }
        let refused = refuse_without_room(transaction, self.backend(), commits).await?;
        let mut with_room = commits.to_vec();
        with_room.retain(|commit| !refused.contains_key(&(commit.id, commit.revision)));
        let statements = CommitStatements::new(self.backend(), &with_room, execution)?;
        let (created, inserts) = create::prepare_new_instances(self, transaction, news).await?;
        let (committed, is_complete) = statements.run(transaction, inserts).await?;
        Ok(if is_complete {
            BatchWritten::Stored {
                committed,
                created,
                refused,
            }
        } else {
            BatchWritten::Stale { committed, refused }
        })
    }

    /// Commits; after an uncertain answer no statement of this process is left running in the database.
    pub(crate) async fn commit_engine(&self, transaction: Transaction) -> Result<(), StoreError> {
        let done = self.commit(transaction).await;
        if let Err(StoreError::Uncertain(_)) = &done {
            self.terminate_engine_sessions().await;
        }
        done
    }

    /// Ends the sessions of this process's engine and waits until they are gone, so that a statement whose
    /// answer was lost cannot take effect after the reload. Best effort: `rev` refuses a late one anyway.
    async fn terminate_engine_sessions(&self) {
        if self.backend() == DbBackend::Postgres {
            let ended = tokio::time::timeout(TERMINATE_TIMEOUT, self.terminate_and_wait()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::warn!("the old database sessions could not be ended");
            }
        }
    }

    async fn terminate_and_wait(&self) -> Result<(), StoreError> {
        let end = "SELECT string_agg(pid::text, ',' ORDER BY pg_terminate_backend(pid)) \
                   FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()";
        let name = self.engine_session_name();
        let row = self
            .writer()
            .query_one_raw(self.statement(end, [name.into()]))
            .await
            .map_err(store_error)?;
        let Some(pids) = row
            .map(|row| RowReader::new(&row).next_value::<Option<String>>())
            .transpose()?
            .flatten()
        else {
            return Ok(());
        };
        let left = "SELECT 1 FROM pg_stat_activity WHERE pid::text = ANY(string_to_array($1, ','))";
        loop {
            let statement = self.statement(left, [pids.clone().into()]);
            let row = self
                .writer()
                .query_one_raw(statement)
                .await
                .map_err(store_error)?;
            if row.is_none() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn split(batch: &[Write]) -> (Vec<&NewInstance>, Vec<&InstanceCommit>) {
    let (mut news, mut commits) = (Vec::new(), Vec::new());
    for entry in batch {
        match entry {
            Write::Create(new) => news.push(new),
            Write::Commit(commit) => commits.push(commit),
        }
    }
    (news, commits)
}

fn answers(
    batch: &[Write],
    created: Vec<WriteOutcome>,
    mut committed: BTreeSet<CommittedRow>,
    mut refusals: BatchRefusals,
) -> Result<Vec<WriteOutcome>, StoreError> {
    let mut created = created.into_iter();
    batch
        .iter()
        .map(|entry| match entry {
            Write::Create(_) => created
                .next()
                .ok_or_else(|| StoreError::Uncertain("an answer is missing".to_owned())),
            Write::Commit(commit) if committed.remove(&(commit.id.0, commit.revision.0)) => {
                Ok(WriteOutcome::Stored)
            }
            Write::Commit(commit) => Ok(refusals.answer(commit)),
        })
        .collect()
}
