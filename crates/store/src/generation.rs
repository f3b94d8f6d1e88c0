//! The database's generation: after a bump, everything that is decided is newer than anything decided before, also
//! than what the database has lost.
//!
//! The new generation is the database's time in seconds, not the old one plus one: restoring the same backup twice
//! would otherwise assign the same number twice. Incarnations continue above it, so that none of the previous
//! generation meets its own number in the new one.

use std::time::Duration;

use engine::ids::Generation;
use ports::StoreError;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::batch_sql::row_lock;
use crate::connect;
use crate::error::store_error;
use crate::ownership_predicates::LIVE_MEMBER;
use crate::pool::{MonitoredConnection, Pool, Transaction};
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;
use crate::timeline::{self, DatabaseTimeline};

/// Time between two reads of the server's timeline.
const TIMELINE_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The effect of a new generation; for the log and for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationBump {
    /// The generation before.
    pub from: Generation,
    /// The generation now.
    pub to: Generation,
    /// What made it necessary.
    pub why: String,
    /// Incarnations that end by it: all but those of pure workers.
    pub ended: u64,
    /// Instances that have an owner, and are claimed again.
    pub owned: i64,
    /// Attempts that are open in this database, about which their workers are asked.
    pub open_attempts: i64,
}

/// The row of the cluster.
struct ClusterRow {
    generation: i64,
    system: Option<String>,
    timeline: Option<i64>,
}

impl ClusterRow {
    /// Says why this server is not the one of the last join.
    fn divergence(&self, current: Option<&DatabaseTimeline>) -> Option<String> {
        let current = current?;
        match (&self.system, self.timeline) {
            (Some(system), _) if *system != current.system => {
                Some(timeline::server_changed(system, &current.system))
            }
            (_, Some(before)) if before != current.timeline => {
                Some(timeline::timeline_changed(before, current.timeline))
            }
            _ => None,
        }
    }
}

impl Store {
    /// Bumps the generation by order of an operator, after a restore.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn bump_after_restore(&self) -> Result<GenerationBump, StoreError> {
        let timeline = self.timeline().await?;
        let transaction = self.begin().await?;
        let cluster = lock_cluster_row(&transaction).await?;
        let why = "an operator said that it was restored".to_owned();
        let bump = self
            .bump_above(&transaction, &cluster, cluster.generation, why)
            .await?;
        store_identity(&transaction, &cluster, timeline.as_ref()).await?;
        self.commit(transaction).await?;
        Ok(bump)
    }

    /// Waits until a connection leads to another timeline than this process has joined, after which nothing is
    /// written any more; says why.
    pub async fn diverged(&self) -> String {
        let monitor = self.timeline_monitor();
        let mut polls = tokio::time::interval(TIMELINE_POLL_INTERVAL);
        polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                why = monitor.diverged() => return why,
                _ = polls.tick() => monitor.poll(self.heartbeat_pool()).await,
            }
        }
    }

    /// Bumps the generation above that of an incarnation whose database diverged, unless another node already has.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn bump_generation(
        &self,
        joined: Generation,
        why: &str,
    ) -> Result<Option<GenerationBump>, StoreError> {
        // The pools of this process refuse the new timeline.
        let session = connect::postgres_session(self.url(), "porpoise-generation")
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let session = Pool::new(session, MonitoredConnection::default());
        let timeline = timeline::query_timeline(&session).await.map_err(store_error)?;
        let transaction = session.begin_write().await?;
        let cluster = lock_cluster_row(&transaction).await?;
        let bump = if cluster.generation > joined.0 && cluster.divergence(timeline.as_ref()).is_none() {
            None
        } else {
            let above = cluster.generation.max(joined.0);
            let bump = self.bump_above(&transaction, &cluster, above, why.to_owned());
            Some(bump.await?)
        };
        store_identity(&transaction, &cluster, timeline.as_ref()).await?;
        if let Some(bump) = &bump {
            // Before the commit, after which the next heartbeat reads the end of this incarnation and ends the process.
            bump.log();
        }
        self.commit(transaction).await?;
        session
            .without_deadline()
            .close_by_ref()
            .await
            .map_err(store_error)?;
        Ok(bump)
    }

    /// Reads the server's timeline.
    pub(crate) async fn timeline(&self) -> Result<Option<DatabaseTimeline>, StoreError> {
        timeline::query_timeline(self.writer()).await.map_err(store_error)
    }

    /// Bumps the generation as part of a join when the server is another one than at the last join.
    pub(crate) async fn check_at_join(
        &self,
        transaction: &Transaction,
        timeline: Option<&DatabaseTimeline>,
    ) -> Result<Option<GenerationBump>, StoreError> {
        let cluster = lock_cluster_row(transaction).await?;
        let bump = match cluster.divergence(timeline) {
            Some(why) => {
                let bump = self.bump_above(transaction, &cluster, cluster.generation, why);
                Some(bump.await?)
            }
            None => None,
        };
        store_identity(transaction, &cluster, timeline).await?;
        Ok(bump)
    }

    async fn bump_above(
        &self,
        transaction: &Transaction,
        cluster: &ClusterRow,
        above: i64,
        why: String,
    ) -> Result<GenerationBump, StoreError> {
        let now = self.now_on(transaction).await?;
        let to = (above + 1).max(now.0 / 1000);
        let execute = async |sql: &str, values: Vec<Value>| {
            let done = transaction.execute_raw(self.statement(sql, values)).await;
            done.map_err(store_error)
        };
        execute("UPDATE cluster_meta SET generation = $1", vec![to.into()]).await?;
        let end = format!(
            "UPDATE member SET state = 'dead', state_at = $1, reason = $2 \
             WHERE {LIVE_MEMBER} AND roles <> 'worker'"
        );
        let reason = format!("the generation was raised: {why}");
        let ended = execute(&end, vec![now.0.into(), reason.into()]).await?;
        execute(continue_incarnations(self.backend()), vec![to.into()]).await?;
        let (owned, open_attempts) = count_open(transaction).await?;
        Ok(GenerationBump {
            from: Generation(cluster.generation),
            to: Generation(to),
            why,
            ended: ended.rows_affected(),
            owned,
            open_attempts,
        })
    }
}

impl GenerationBump {
    /// Announces it in the log, before it is committed.
    pub fn log(&self) {
        tracing::warn!(
            from = %self.from, to = %self.to, why = self.why, incarnations_ended = self.ended,
            instances_owned = self.owned, attempts_open = self.open_attempts,
            "raising the generation: commits after the state of this database are lost; workers are asked about \
             the attempts that are open here, and anything else that they still run is not known here"
        );
    }
}

/// Moves the sequence of incarnations above the parameter.
fn continue_incarnations(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Sqlite => "UPDATE sqlite_sequence SET seq = max(seq, $1) WHERE name = 'member'",
        _ => {
            "SELECT setval(pg_get_serial_sequence('member', 'incarnation'), \
             greatest(nextval(pg_get_serial_sequence('member', 'incarnation')), $1))"
        }
    }
}

/// Counts instances with an owner, and open attempts.
async fn count_open(transaction: &Transaction) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT (SELECT count(*) FROM instance WHERE owner IS NOT NULL), \
               (SELECT count(*) FROM attempt WHERE dispatch_id IS NOT NULL AND state IN ('created', 'running'))";
    let row = transaction
        .query_one_raw(Statement::from_string(transaction.get_database_backend(), sql))
        .await
        .map_err(store_error)?
        .ok_or_else(|| corrupt("nothing was counted"))?;
    let mut columns = RowReader::new(&row);
    Ok((columns.next_value()?, columns.next_value()?))
}

/// Reads the row of the cluster; locked until the transaction ends, so that joins and bumps are ordered.
async fn lock_cluster_row(transaction: &Transaction) -> Result<ClusterRow, StoreError> {
    let backend = transaction.get_database_backend();
    let lock = row_lock(backend, "FOR NO KEY UPDATE");
    let sql = format!("SELECT generation, system_identifier, timeline FROM cluster_meta{lock}");
    let row = transaction
        .query_one_raw(Statement::from_string(backend, sql))
        .await
        .map_err(store_error)?
        .ok_or_else(|| corrupt("the row of the cluster is missing"))?;
    let mut columns = RowReader::new(&row);
    Ok(ClusterRow {
        generation: columns.next_value()?,
        system: columns.next_value()?,
        timeline: columns.next_value()?,
    })
}

/// Stores on which timeline the cluster works from now on; an unchanged one is not written.
async fn store_identity(
    transaction: &Transaction,
    cluster: &ClusterRow,
    timeline: Option<&DatabaseTimeline>,
) -> Result<(), StoreError> {
    let Some(now) = timeline else { return Ok(()) };
    if cluster.system.as_ref() == Some(&now.system) && cluster.timeline == Some(now.timeline) {
        return Ok(());
    }
    let sql = "UPDATE cluster_meta SET system_identifier = $1, timeline = $2";
    let values = [now.system.clone().into(), now.timeline.into()];
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let done = transaction.execute_raw(statement).await;
    done.map(|_| ()).map_err(store_error)
}
