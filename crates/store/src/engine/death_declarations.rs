//! Declarations that an incarnation is dead, and the records of what became of its instances.

use async_trait::async_trait;
use engine::ids::{Incarnation, Timestamp};
use ports::{Declaration, DeclarationOutcome, FailoverRecord, FailoverStore, StoreError};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::batch_sql::row_lock;
use crate::engine::alerts::events::{NodeEventRow, store_node_events};
use crate::engine::members::lock_active_member;
use crate::error::store_error;
use crate::ownership_predicates::LIVE_MEMBER;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Inserts or raises the record of a take-over.
const UPSERT_FAILOVER: &str = "INSERT INTO failover (dead, dead_host, survivor, survivor_host, reason, suspected_at, \
    declared_at, acknowledged_at, instances, attempts_reattached, attempts_lost) \
    SELECT m.incarnation, m.host, $2, $3, coalesce(m.reason, m.state), $4, m.state_at, $5, $6, $7, $8 \
    FROM member m WHERE m.incarnation = $1 AND m.state IN ('dead', 'left') \
    ON CONFLICT (dead, survivor) DO UPDATE SET \
    suspected_at = COALESCE(failover.suspected_at, excluded.suspected_at)";

/// The columns of a take-over that only grow.
const GROWING_COLUMNS: [&str; 4] = [
    "acknowledged_at",
    "instances",
    "attempts_reattached",
    "attempts_lost",
];

#[async_trait]
impl FailoverStore for Store {
    /// Declares an incarnation dead. The declaration waits for what that incarnation is just claiming, so that a
    /// scan for orphans afterwards finds everything, and for the heartbeat that it is just storing, which prevents
    /// the declaration. Two that declare each other wait for each other: the database refuses one of them, which is
    /// `Unavailable` here, and its next attempt reads that it is not active any more.
    async fn declare_dead(&self, declaration: &Declaration) -> Result<DeclarationOutcome, StoreError> {
        let transaction = self.begin().await?;
        if !lock_active_member(&transaction, declaration.declared_by.0).await? {
            return Ok(DeclarationOutcome::NotActive);
        }
        let lock = row_lock(self.backend(), "FOR NO KEY UPDATE");
        let live = format!("SELECT 1 FROM member WHERE incarnation = $1 AND {LIVE_MEMBER}{lock}");
        let row = transaction
            .query_one_raw(self.statement(&live, [declaration.dead.0.into()]))
            .await
            .map_err(store_error)?;
        if row.is_none() {
            return Ok(DeclarationOutcome::AlreadyEnded);
        }
        if self.lock_heartbeat(&transaction, declaration.dead).await? != Some(declaration.heartbeats) {
            return Ok(DeclarationOutcome::HeartbeatStored);
        }
        let now = self.now_on(&transaction).await?;
        let end = "UPDATE member SET state = 'dead', state_at = $2, declared_by = $3, reason = $4 \
                   WHERE incarnation = $1";
        let values = [
            declaration.dead.0.into(),
            now.0.into(),
            declaration.declared_by.0.into(),
            declaration.reason.clone().into(),
        ];
        transaction
            .execute_raw(self.statement(end, values))
            .await
            .map_err(store_error)?;
        let death = NodeEventRow::death(declaration.dead.0, now, &declaration.reason);
        store_node_events(&transaction, &[death]).await?;
        self.commit(transaction).await?;
        self.terminate_sessions_of(declaration.dead).await;
        Ok(DeclarationOutcome::Dead)
    }

    /// Records a take-over; when and why the incarnation ended comes from its own row. The records of one pair come
    /// from several scans, and an earlier one may report its attempts after a later one: the record only grows.
    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError> {
        let sql = GROWING_COLUMNS
            .iter()
            .fold(UPSERT_FAILOVER.to_owned(), |sql, column| {
                format!(
                    "{sql}, {column} = CASE WHEN excluded.{column} < failover.{column} \
                     THEN failover.{column} ELSE COALESCE(excluded.{column}, failover.{column}) END"
                )
            });
        let values = [
            record.dead.0.into(),
            record.survivor.incarnation.0.into(),
            record.survivor.host.clone().into(),
            record.suspected_at.map(|at| at.0).into(),
            record.acknowledged_at.map(|at| at.0).into(),
            i64::from(record.instances).into(),
            i64::from(record.attempts_reattached).into(),
            i64::from(record.attempts_lost).into(),
        ];
        let transaction = self.begin().await?;
        let done = transaction
            .execute_raw(self.statement(&sql, values))
            .await
            .map_err(store_error)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Rejected(format!(
                "the incarnation {} has not ended: there is nothing to take over",
                record.dead
            )));
        }
        let (dead, survivor) = (record.dead.0, record.survivor.incarnation.0);
        let now = self.now_on(&transaction).await?;
        let reason = format!("{} took over what it owned", record.survivor.host);
        store_node_events(
            &transaction,
            &[NodeEventRow::failover(dead, survivor, now, &reason)],
        )
        .await?;
        self.commit(transaction).await
    }
}

impl Store {
    /// Counts the heartbeats of an incarnation; none is stored until the transaction ends.
    async fn lock_heartbeat(
        &self,
        transaction: &Transaction,
        incarnation: Incarnation,
    ) -> Result<Option<i64>, StoreError> {
        let lock = row_lock(self.backend(), "FOR NO KEY UPDATE");
        let sql = format!("SELECT heartbeats FROM member_heartbeat WHERE incarnation = $1{lock}");
        let row = transaction
            .query_one_raw(self.statement(&sql, [incarnation.0.into()]))
            .await
            .map_err(store_error)?;
        row.map(|row| RowReader::new(&row).next_value()).transpose()
    }

    /// Ends what a dead incarnation still has open in this database: a process that is frozen inside a transaction
    /// holds rows that claims would skip. Best effort: such a session ends by its time limit too.
    async fn terminate_sessions_of(&self, dead: Incarnation) {
        if self.backend() != DbBackend::Postgres {
            return;
        }
        // Incarnations are counted in each database; the same server may hold others.
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = $1 AND datname = current_database()";
        let name = format!("master:{dead}");
        let ended = self
            .writer()
            .query_all_raw(self.statement(sql, [name.into()]))
            .await;
        if let Err(error) = ended {
            tracing::warn!(%dead, %error, "the sessions of a dead member could not be ended");
        }
    }

    /// Lists when incarnations of an address were declared dead by another node. One that was superseded, or ended by
    /// a new generation, was declared by no node.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn declared_deaths(&self, host: &str, since: Timestamp) -> Result<Vec<Timestamp>, StoreError> {
        let sql = "SELECT state_at FROM member WHERE state = 'dead' AND state_at > $2 AND host = $1 \
                   AND declared_by IS NOT NULL";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, [host.into(), since.0.into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| RowReader::new(row).next_value().map(Timestamp))
            .collect()
    }
}
