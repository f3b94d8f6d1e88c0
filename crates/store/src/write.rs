//! The group commit: one transaction per batch, and what happens when it fails.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use actors::ports::{InstanceCommit, NewInstance, StoreError, Write, WriteOutcome};
use sea_orm::{ConnectionTrait, DbBackend};

use super::commits::{Held, Rounds};
use super::rows::Cells;
use super::{Store, Transaction, begin_on, creates, store_error};

/// A batch that takes longer to prepare is given up.
const PATIENCE: Duration = Duration::from_secs(12);

/// How long the end of an old backend is waited for.
const BACKEND_ENDS: Duration = Duration::from_secs(5);

/// Batches at a time on PostgreSQL: while one waits for the disk, the next is being made and read.
const POSTGRES_WRITERS: usize = 2;

impl Store {
    /// How many batches may be stored at the same time; SQLite has one writer.
    pub(super) fn writer_count(&self) -> usize {
        match self.backend() {
            DbBackend::Postgres => POSTGRES_WRITERS,
            _ => 1,
        }
    }

    /// Stores a batch; a part that is refused is halved until the culprit is alone.
    pub(super) async fn write_batch(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        let mut answers: Vec<Option<WriteOutcome>> = vec![None; batch.len()];
        // Whole batches nearly always pass; what is left to try is kept so that the first part is tried first.
        let mut parts: Vec<Range<usize>> = std::iter::once(0..batch.len()).collect();
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self.write_part(&batch[part.clone()]).await {
                Ok(written) => {
                    for (place, answer) in part.zip(written) {
                        answers[place] = Some(answer);
                    }
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

    async fn write_part(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        let (news, mut rounds) = parted(batch);
        let mut careful = false;
        loop {
            match self.write_once(&news, &rounds, careful).await {
                Ok((held, Some(created))) => return answers(batch, created, held),
                Ok((held, None)) => rounds.retain(|round| held.contains(&(round.id.0, round.rev.0))),
                Err(StoreError::Rejected(_)) if !careful => careful = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// Stores in one transaction; nothing is stored, and nothing was created, unless the fences of all rounds
    /// held or the rest stood apart from those that did not.
    async fn write_once(
        &self,
        news: &[&NewInstance],
        rounds: &[&InstanceCommit],
        careful: bool,
    ) -> Result<(BTreeSet<Held>, Option<Vec<WriteOutcome>>), StoreError> {
        let statements = Rounds::of(self.backend(), rounds, careful)?;
        let prepared = tokio::time::timeout(PATIENCE, async {
            let transaction = begin_on(&self.inner.pools.engine).await?;
            let (created, births) = creates::prepare(&transaction, news).await?;
            let (held, whole) = statements.run(&transaction, births).await?;
            Ok::<_, StoreError>((transaction, created, held, whole))
        });
        let (transaction, created, held, whole) = prepared
            .await
            .map_err(|_| StoreError::Unavailable("the database takes too long".to_owned()))??;
        if !whole {
            transaction.rollback().await.map_err(store_error)?;
            return Ok((held, None));
        }
        self.commit_engine(transaction).await?;
        Ok((held, Some(created)))
    }

    /// Commits; after an uncertain answer nothing of this process is left at work in the database.
    pub(super) async fn commit_engine(&self, transaction: Transaction) -> Result<(), StoreError> {
        let done = self.commit(transaction).await;
        if let Err(StoreError::Uncertain(_)) = &done {
            self.end_old_backends().await;
        }
        done
    }

    /// Ends the sessions of this process's engine and waits until they are gone, so that a statement whose
    /// answer was lost cannot take effect after the reload. Best effort: `rev` refuses a late one anyway.
    async fn end_old_backends(&self) {
        if self.backend() == DbBackend::Postgres {
            let ended = tokio::time::timeout(BACKEND_ENDS, self.terminate_engine()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::warn!("the old database sessions could not be ended");
            }
        }
    }

    async fn terminate_engine(&self) -> Result<(), StoreError> {
        let end = "SELECT string_agg(pid::text, ',' ORDER BY pg_terminate_backend(pid)) \
                   FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()";
        let name = self.inner.pools.engine_name();
        let row = self
            .writer()
            .query_one_raw(self.statement(end, [name.into()]))
            .await
            .map_err(store_error)?;
        let Some(pids) = row
            .map(|row| Cells::of(&row).take::<Option<String>>())
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

fn parted(batch: &[Write]) -> (Vec<&NewInstance>, Vec<&InstanceCommit>) {
    let (mut news, mut rounds) = (Vec::new(), Vec::new());
    for entry in batch {
        match entry {
            Write::Create(new) => news.push(new),
            Write::Commit(round) => rounds.push(round),
        }
    }
    (news, rounds)
}

fn answers(
    batch: &[Write],
    created: Vec<WriteOutcome>,
    mut held: BTreeSet<Held>,
) -> Result<Vec<WriteOutcome>, StoreError> {
    let mut created = created.into_iter();
    batch
        .iter()
        .map(|entry| match entry {
            Write::Create(_) => created
                .next()
                .ok_or_else(|| StoreError::Uncertain("an answer is missing".to_owned())),
            Write::Commit(round) if held.remove(&(round.id.0, round.rev.0)) => Ok(WriteOutcome::Stored),
            Write::Commit(_) => Ok(WriteOutcome::Stale),
        })
        .collect()
}
