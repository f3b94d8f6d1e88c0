//! Raising the database's generation: what is decided from now on is newer than anything that was decided before,
//! also than what the database has forgotten.
//!
//! The new generation is the database's time in seconds, not the old one plus one: who restores the same backup
//! twice would otherwise give the same number twice. Lives go on above it, so that no life of the lost world
//! meets its own number in a new one.

use std::time::Duration;

use actors::ports::StoreError;
use engine::ids::Generation;
use sea_orm::{ConnectionTrait, DbBackend};

use super::line::Line;
use super::lineage::{self, Lineage};
use super::members::LIVE;
use super::rows::{Cells, damaged, row_lock};
use super::{Pool, Store, Transaction, begin_on, connect, store_error};

/// How often is looked how far the database has come.
const LOOK: Duration = Duration::from_secs(1);

/// What a raise found and did; for the log and for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The generation before.
    pub from: Generation,
    /// The generation now.
    pub to: Generation,
    /// What made it necessary.
    pub why: String,
    /// Lives that end by it: all but those of pure workers.
    pub ended: u64,
    /// Instances that have an owner, and are taken up anew.
    pub owned: i64,
    /// Attempts that are open by this database, about which their workers are asked.
    pub open_attempts: i64,
}

/// The row of the cluster.
struct Meta {
    generation: i64,
    system: Option<String>,
    timeline: Option<i64>,
}

impl Meta {
    /// Says why this server is not the one of the last life that joined.
    fn departed(&self, now: Option<&Lineage>) -> Option<String> {
        let now = now?;
        match (&self.system, self.timeline) {
            (Some(system), _) if *system != now.system => Some(lineage::moved(system, &now.system)),
            (_, Some(timeline)) if timeline != now.timeline => {
                Some(lineage::promoted(timeline, now.timeline))
            }
            _ => None,
        }
    }
}

impl Store {
    /// Raises the generation at an operator's word, after a restore.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn restored(&self) -> Result<Raised, StoreError> {
        let lineage = self.lineage().await?;
        let transaction = begin_on(self.writer()).await?;
        let meta = lock_meta(&transaction).await?;
        let why = "an operator said that it was restored".to_owned();
        let raised = self.raise(&transaction, &meta, meta.generation, why).await?;
        remember(self, &transaction, &meta, lineage.as_ref()).await?;
        self.commit(transaction).await?;
        Ok(raised)
    }

    /// Waits until a connection leads to another line of history than this process has joined; nothing is written
    /// any more then. Says why. Meanwhile looks how far the database has come.
    pub async fn departed(&self) -> String {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                why = self.inner.watch.departed() => return why,
                _ = looks.tick() => self.inner.watch.look(&self.inner.pools.beats).await,
            }
        }
    }

    /// Raises the generation above that of a life whose database departed, unless somebody was faster.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn leave_behind(&self, mine: Generation, why: &str) -> Result<Option<Raised>, StoreError> {
        // The pools of this process refuse the new line of history.
        let session = connect::postgres_session(&self.inner.url, "porpoise-generation")
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let session = Pool::new(session, Line::default());
        let lineage = lineage::ask(&session).await.map_err(store_error)?;
        let transaction = begin_on(&session).await?;
        let meta = lock_meta(&transaction).await?;
        let raised = if meta.generation > mine.0 && meta.departed(lineage.as_ref()).is_none() {
            None
        } else {
            let above = meta.generation.max(mine.0);
            Some(self.raise(&transaction, &meta, above, why.to_owned()).await?)
        };
        remember(self, &transaction, &meta, lineage.as_ref()).await?;
        self.commit(transaction).await?;
        session.patient().close_by_ref().await.map_err(store_error)?;
        Ok(raised)
    }

    /// Asks the server which line of history it is on.
    pub(super) async fn lineage(&self) -> Result<Option<Lineage>, StoreError> {
        lineage::ask(self.writer()).await.map_err(store_error)
    }

    /// Part of a join: raises the generation when the server is another one than at the last join.
    pub(super) async fn follow(
        &self,
        transaction: &Transaction,
        lineage: Option<&Lineage>,
    ) -> Result<Option<Raised>, StoreError> {
        let meta = lock_meta(transaction).await?;
        let raised = match meta.departed(lineage) {
            Some(why) => Some(self.raise(transaction, &meta, meta.generation, why).await?),
            None => None,
        };
        remember(self, transaction, &meta, lineage).await?;
        Ok(raised)
    }

    async fn raise(
        &self,
        transaction: &Transaction,
        meta: &Meta,
        above: i64,
        why: String,
    ) -> Result<Raised, StoreError> {
        let now = self.now_on(transaction).await?;
        let to = (above + 1).max(now.0 / 1000);
        let execute = async |sql: &str, values: Vec<sea_orm::Value>| {
            let done = transaction.execute_raw(self.statement(sql, values)).await;
            done.map_err(store_error)
        };
        execute("UPDATE cluster_meta SET generation = $1", vec![to.into()]).await?;
        let end = format!(
            "UPDATE member SET state = 'dead', state_at = $1, reason = $2 WHERE {LIVE} AND roles <> 'worker'"
        );
        let reason = format!("the generation was raised: {why}");
        let ended = execute(&end, vec![now.0.into(), reason.into()]).await?;
        let lives_go_on = match self.backend() {
            DbBackend::Sqlite => "UPDATE sqlite_sequence SET seq = max(seq, $1) WHERE name = 'member'",
            _ => {
                "SELECT setval(pg_get_serial_sequence('member', 'incarnation'), \
                 greatest(nextval(pg_get_serial_sequence('member', 'incarnation')), $1))"
            }
        };
        execute(lives_go_on, vec![to.into()]).await?;
        let counts = "SELECT (SELECT count(*) FROM instance WHERE owner IS NOT NULL), \
                      (SELECT count(*) FROM attempt WHERE uid IS NOT NULL AND state IN ('created', 'running'))";
        let row = transaction
            .query_one_raw(self.statement(counts, []))
            .await
            .map_err(store_error)?
            .ok_or_else(|| damaged("nothing was counted"))?;
        let mut cells = Cells::of(&row);
        Ok(Raised {
            from: Generation(meta.generation),
            to: Generation(to),
            why,
            ended: ended.rows_affected(),
            owned: cells.take()?,
            open_attempts: cells.take()?,
        })
    }
}

impl Raised {
    /// Says it in the log.
    pub fn report(&self) {
        tracing::warn!(
            from = %self.from, to = %self.to, why = self.why, lives_ended = self.ended,
            instances_owned = self.owned, attempts_open = self.open_attempts,
            "the generation was raised: what was committed after the state that this database has is lost; workers \
             are asked about the attempts that are open here, and whatever else they still run is not known here"
        );
    }
}

/// Reads the row of the cluster; held until the transaction ends, so that joins and raises come one after another.
async fn lock_meta(transaction: &Transaction) -> Result<Meta, StoreError> {
    let backend = transaction.get_database_backend();
    let lock = row_lock(backend, "FOR NO KEY UPDATE");
    let sql = format!("SELECT generation, system_identifier, timeline FROM cluster_meta{lock}");
    let row = transaction
        .query_one_raw(sea_orm::Statement::from_string(backend, sql))
        .await
        .map_err(store_error)?
        .ok_or_else(|| damaged("the row of the cluster is missing"))?;
    let mut cells = Cells::of(&row);
    Ok(Meta {
        generation: cells.take()?,
        system: cells.take()?,
        timeline: cells.take()?,
    })
}

/// Stores on which line of history the cluster works from now on; the same again is not written.
async fn remember(
    store: &Store,
    transaction: &Transaction,
    meta: &Meta,
    lineage: Option<&Lineage>,
) -> Result<(), StoreError> {
    let Some(now) = lineage else { return Ok(()) };
    if meta.system.as_ref() == Some(&now.system) && meta.timeline == Some(now.timeline) {
        return Ok(());
    }
    let sql = "UPDATE cluster_meta SET system_identifier = $1, timeline = $2";
    let values = [now.system.clone().into(), now.timeline.into()];
    let done = transaction.execute_raw(store.statement(sql, values)).await;
    done.map(|_| ()).map_err(store_error)
}
