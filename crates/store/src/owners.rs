//! Who owns what: asked by those who route, changed by those who hand over.

use std::collections::BTreeMap;

use actors::ports::{HandOver, InstanceOwner, Ownership, StoreError};
use engine::ids::{Epoch, Generation, Incarnation, InstanceId};
use engine::states::OwnerWhy;
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use serde::Serialize;

use super::bulk::run;
use super::need::needs_owner;
use super::rows::{Cells, Column, id_list, json, row_lock, source};
use super::{Store, Transaction, begin_on, store_error};

/// An instance on its way to another owner, under the fence of the one who gives it.
#[derive(Serialize)]
struct Given<'a> {
    c_id: i64,
    c_from: i64,
    c_from_host: &'a str,
    c_epoch: i64,
    c_owner: i64,
    c_host: &'a str,
    c_at: i64,
    c_why: &'static str,
}

const GIVEN: [Column; 8] = [
    ("c_id", "bigint"),
    ("c_from", "bigint"),
    ("c_from_host", "text"),
    ("c_epoch", "bigint"),
    ("c_owner", "bigint"),
    ("c_host", "text"),
    ("c_at", "bigint"),
    ("c_why", "text"),
];

impl Store {
    /// Reads who owns these instances, in the order of their ids.
    pub(super) async fn find_owners(&self, ids: &[InstanceId]) -> Result<Vec<InstanceOwner>, StoreError> {
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
        let asked = id_list(ids.iter().map(|id| id.0))?;
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [asked]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_owned).collect()
    }

    /// Counts the instances of each owner; only the index of owned rows is read.
    pub(super) async fn count_owned(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError> {
        let sql = "SELECT owner, COUNT(*) FROM instance WHERE owner IS NOT NULL GROUP BY owner";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, []))
            .await
            .map_err(store_error)?;
        let counted = rows.iter().map(|row| {
            let mut cells = Cells::of(row);
            let (owner, count) = (cells.take()?, cells.take::<i64>()?);
            Ok((Incarnation(owner), u32::try_from(count).unwrap_or(u32::MAX)))
        });
        counted.collect()
    }

    /// Gives instances away; those that the giver does not hold under their epoch any more are left out. The
    /// count of claims without progress stays: nobody claims here.
    pub(super) async fn hand_over_instances(&self, hand_over: &HandOver) -> Result<Vec<Ownership>, StoreError> {
        let transaction = begin_on(&self.inner.pools.engine).await?;
        let Some(host) = master_host(&transaction, hand_over.to).await? else {
            return Ok(Vec::new());
        };
        let rows: Vec<Given<'_>> = hand_over
            .instances
            .iter()
            .map(|owned| Given {
                c_id: owned.id.0,
                c_from: hand_over.from.incarnation.0,
                c_from_host: &hand_over.from.host,
                c_epoch: owned.epoch.0,
                c_owner: hand_over.to.0,
                c_host: &host,
                c_at: hand_over.at.0,
                c_why: OwnerWhy::Handover.as_str(),
            })
            .collect();
        let held = held(&transaction, &rows).await?;
        let given: Vec<Given<'_>> = rows.into_iter().filter(|row| held.contains(&row.c_id)).collect();
        move_rows(&transaction, &given).await?;
        self.commit_engine(transaction).await?;
        let answers = given.iter();
        Ok(answers
            .map(|row| Ownership {
                id: InstanceId(row.c_id),
                epoch: Epoch(row.c_epoch + 1),
            })
            .collect())
    }
}

/// Locks those rows that the giver holds under the epoch it names, in the order in which everybody locks.
async fn held(transaction: &Transaction, rows: &[Given<'_>]) -> Result<Vec<i64>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT i.id FROM instance i JOIN {} ON i.id = c_id AND i.owner = c_from AND i.epoch = c_epoch \
         ORDER BY i.id{}",
        source(backend, &GIVEN),
        row_lock(backend, "FOR NO KEY UPDATE OF i")
    );
    let statement = Statement::from_sql_and_values(backend, sql, [json(&rows)?.into()]);
    let rows = transaction.query_all_raw(statement).await.map_err(store_error)?;
    rows.iter().map(|row| Cells::of(row).take()).collect()
}

/// Stores owner, host, epoch and the owner log of rows that are locked.
async fn move_rows(transaction: &Transaction, given: &[Given<'_>]) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    run(transaction, given, || {
        format!(
            "UPDATE instance SET owner = c_owner, host = c_host, epoch = epoch + 1, rev = rev + 1 \
             FROM {} WHERE id = c_id",
            source(backend, &GIVEN)
        )
    })
    .await?;
    run(transaction, given, || {
        format!(
            "INSERT INTO owner_log (instance, epoch, owner, host, from_host, at, why) \
             SELECT c_id, c_epoch + 1, c_owner, c_host, c_from_host, c_at, c_why FROM {}",
            source(backend, &GIVEN)
        )
    })
    .await
}

/// Reads the host of an active master, which stays active until the commit.
async fn master_host(transaction: &Transaction, target: Incarnation) -> Result<Option<String>, StoreError> {
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
    row.map(|row| Cells::of(&row).take()).transpose()
}

fn read_owned(row: &QueryResult) -> Result<InstanceOwner, StoreError> {
    let mut cells = Cells::of(row);
    let id = InstanceId(cells.take()?);
    let owner = cells.take::<Option<i64>>()?.map(Incarnation);
    let host = cells.take::<Option<String>>()?;
    Ok(InstanceOwner {
        id,
        owner: owner.zip(host),
        owner_state: cells.optional_name()?,
        epoch: Epoch(cells.take()?),
        generation: Generation(cells.take()?),
        needs_owner: cells.take()?,
    })
}
