//! Which incarnation owns which instance, and the hand-over to another one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::ids::{Epoch, Generation, Incarnation, InstanceId};
use engine::states::OwnershipReason;
use ports::{HandOver, InstanceOwner, OwnedInstance, Ownership, OwnershipStore, StoreError};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use serde::Serialize;

use crate::batch_sql::{Column, id_list, json, row_lock, source};
use crate::batch_statement::run_over_rows;
use crate::engine::relayed_results::OPEN_RESULT;
use crate::error::store_error;
use crate::ownership_predicates::needs_owner;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// An instance on its way to another owner, under the fence of the current one.
#[derive(Serialize)]
struct HandoverRow<'a> {
    c_id: i64,
    c_from: i64,
    c_from_host: &'a str,
    c_epoch: i64,
    c_owner: i64,
    c_host: &'a str,
    c_at: i64,
    c_why: &'static str,
}

const HANDOVER: [Column; 8] = [
    ("c_id", "bigint"),
    ("c_from", "bigint"),
    ("c_from_host", "text"),
    ("c_epoch", "bigint"),
    ("c_owner", "bigint"),
    ("c_host", "text"),
    ("c_at", "bigint"),
    ("c_why", "text"),
];

#[async_trait]
impl OwnershipStore for Store {
    /// Reads who owns these instances, in the order of their ids.
    async fn find_owners(&self, ids: &[InstanceId]) -> Result<Vec<InstanceOwner>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT i.id, i.owner, i.host, m.state, i.epoch, (SELECT generation FROM cluster_meta), {} \
             FROM instance i LEFT JOIN member m ON m.incarnation = i.owner \
             WHERE i.id IN (SELECT c_id FROM {}) ORDER BY i.id",
            needs_owner(),
            source(self.backend(), &[("c_id", "bigint")])
        );
        let list = id_list(ids.iter().map(|id| id.0))?;
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [list]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_owner).collect()
    }

    /// Counts the instances of each owner; only the index of owned rows is read.
    async fn count_owned(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError> {
        let sql = "SELECT owner, COUNT(*) FROM instance WHERE owner IS NOT NULL GROUP BY owner";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, []))
            .await
            .map_err(store_error)?;
        let counted = rows.iter().map(|row| {
            let mut columns = RowReader::new(row);
            let (owner, count) = (columns.next_value()?, columns.next_value::<i64>()?);
            Ok((Incarnation(owner), u32::try_from(count).unwrap_or(u32::MAX)))
        });
        counted.collect()
    }

    async fn list_owned(&self, owner: Incarnation) -> Result<Vec<OwnedInstance>, StoreError> {
        let sql = format!(
            "SELECT i.id, i.epoch, EXISTS (SELECT 1 FROM inbox x WHERE x.instance = i.id \
             AND x.applied_at IS NULL AND (x.kind = 'command' OR ({OPEN_RESULT}))) \
             FROM instance i WHERE i.owner = $1 ORDER BY i.id"
        );
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [owner.0.into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                Ok(OwnedInstance {
                    id: InstanceId(columns.next_value()?),
                    epoch: Epoch(columns.next_value()?),
                    has_unread_inbox: columns.next_value()?,
                })
            })
            .collect()
    }

    async fn clear_claims(&self, owner: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE instance SET claims_without_progress = 0 WHERE owner = $2 AND claims_without_progress > 0 \
             AND id IN (SELECT c_id FROM {})",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let list = id_list(ids.iter().map(|id| id.0))?;
        self.engine_pool()
            .execute_raw(self.statement(&sql, [list, owner.0.into()]))
            .await
            .map_err(store_error)?;
        Ok(())
    }

    /// Hands instances over; those that this node does not own under their epoch any more are left out. The count
    /// of claims without progress stays: a hand-over is no claim.
    async fn hand_over_instances(&self, hand_over: &HandOver) -> Result<Vec<Ownership>, StoreError> {
        let transaction = self.engine_pool().begin_write().await?;
        let Some(host) = lock_active_master(&transaction, hand_over.to).await? else {
            return Ok(Vec::new());
        };
        let rows: Vec<HandoverRow<'_>> = hand_over
            .instances
            .iter()
            .map(|owned| HandoverRow {
                c_id: owned.id.0,
                c_from: hand_over.from.incarnation.0,
                c_from_host: &hand_over.from.host,
                c_epoch: owned.epoch.0,
                c_owner: hand_over.to.0,
                c_host: &host,
                c_at: hand_over.at.0,
                c_why: OwnershipReason::Handover.as_str(),
            })
            .collect();
        let locked = lock_owned(&transaction, &rows).await?;
        let moved: Vec<HandoverRow<'_>> = rows
            .into_iter()
            .filter(|row| locked.contains(&row.c_id))
            .collect();
        store_owner(&transaction, &moved).await?;
        self.commit_engine(transaction).await?;
        Ok(moved
            .iter()
            .map(|row| Ownership {
                id: InstanceId(row.c_id),
                epoch: Epoch(row.c_epoch + 1),
            })
            .collect())
    }
}

/// Locks the rows that are owned under the named epochs, in the order of ids, in which every statement locks.
async fn lock_owned(transaction: &Transaction, rows: &[HandoverRow<'_>]) -> Result<Vec<i64>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT i.id FROM instance i JOIN {} ON i.id = c_id AND i.owner = c_from AND i.epoch = c_epoch \
         ORDER BY i.id{}",
        source(backend, &HANDOVER),
        row_lock(backend, "FOR NO KEY UPDATE OF i")
    );
    let statement = Statement::from_sql_and_values(backend, sql, [json(&rows)?.into()]);
    let rows = transaction.query_all_raw(statement).await.map_err(store_error)?;
    rows.iter().map(|row| RowReader::new(row).next_value()).collect()
}

/// Stores owner, host, epoch and the owner log of locked rows.
async fn store_owner(transaction: &Transaction, moved: &[HandoverRow<'_>]) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    run_over_rows(transaction, moved, || {
        format!(
            "UPDATE instance SET owner = c_owner, host = c_host, epoch = epoch + 1, revision = revision + 1 \
             FROM {} WHERE id = c_id",
            source(backend, &HANDOVER)
        )
    })
    .await?;
    run_over_rows(transaction, moved, || {
        format!(
            "INSERT INTO owner_log (instance, epoch, owner, host, from_host, at, why) \
             SELECT c_id, c_epoch + 1, c_owner, c_host, c_from_host, c_at, c_why FROM {}",
            source(backend, &HANDOVER)
        )
    })
    .await
}

/// Reads the host of an active master, which stays active until the commit.
async fn lock_active_master(
    transaction: &Transaction,
    target: Incarnation,
) -> Result<Option<String>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT host FROM member WHERE incarnation = $1 AND state = 'active' \
         AND ',' || roles || ',' LIKE '%,master,%'{}",
        row_lock(backend, "FOR SHARE")
    );
    let row = transaction
        .query_one_raw(Statement::from_sql_and_values(backend, sql, [target.0.into()]))
        .await
        .map_err(store_error)?;
    row.map(|row| RowReader::new(&row).next_value()).transpose()
}

fn read_owner(row: &QueryResult) -> Result<InstanceOwner, StoreError> {
    let mut columns = RowReader::new(row);
    let id = InstanceId(columns.next_value()?);
    let owner = columns.next_value::<Option<i64>>()?.map(Incarnation);
    let host = columns.next_value::<Option<String>>()?;
    Ok(InstanceOwner {
        id,
        owner: owner.zip(host),
        owner_state: columns.next_optional_parsed()?,
        epoch: Epoch(columns.next_value()?),
        generation: Generation(columns.next_value()?),
        needs_owner: columns.next_value()?,
    })
}
