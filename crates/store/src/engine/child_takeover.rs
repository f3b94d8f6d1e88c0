//! Children of earlier attempts that an attempt takes over, with the commands that make them run again.

use std::collections::BTreeSet;

use engine::ids::InstanceId;
use engine::states::{Command, InstanceState};
use ports::{ChildrenTakeover, StoreError, TakeoverOutcome};
use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;

use crate::batch_sql::{Column, id_list, row_lock, source};
use crate::batch_statement::run_over_rows;
use crate::engine::child_creation::lock_open_attempts;
use crate::engine::children::command_author;
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// A command that a child gets with its new attempt.
#[derive(Serialize)]
struct InboxRow<'a> {
    instance: i64,
    dedup_key: &'a str,
    kind: &'static str,
    command: &'static str,
    run: u32,
    requested_by: &'a str,
    created_at: i64,
}

const INBOX: [Column; 7] = [
    ("instance", "bigint"),
    ("dedup_key", "text"),
    ("kind", "text"),
    ("command", "text"),
    ("run", "bigint"),
    ("requested_by", "text"),
    ("created_at", "bigint"),
];

/// A child of an earlier attempt.
struct EarlierChild {
    id: InstanceId,
    state: InstanceState,
    run: u32,
}

impl Store {
    /// Moves children to the attempt.
    pub(crate) async fn move_children(
        &self,
        takeover: &ChildrenTakeover,
    ) -> Result<TakeoverOutcome, StoreError> {
        // Without children of earlier attempts, which is the rule, nothing is locked.
        if count_earlier(self.reader(), takeover).await? == 0 {
            return Ok(TakeoverOutcome::Done(Vec::new()));
        }
        let transaction = self.engine_pool().begin_write().await?;
        if lock_open_attempts(&transaction, &[&takeover.parent])
            .await?
            .is_empty()
        {
            return Ok(TakeoverOutcome::Deferred);
        }
        let children = lock_earlier_children(&transaction, takeover).await?;
        move_rows(&transaction, takeover, &children).await?;
        let commanded = insert_commands(&transaction, takeover, &children).await?;
        let left = count_earlier(&transaction, takeover).await?;
        self.commit_engine(transaction).await?;
        if left > 0 {
            return Ok(TakeoverOutcome::Deferred);
        }
        Ok(TakeoverOutcome::Done(commanded))
    }
}

/// The condition of the children that are taken over: `$1` parent, `$2` task, `$3` first attempt, `$4` attempt,
/// `$5` number of children.
const EARLIER: &str = "parent = $1 AND parent_task = $2 AND parent_attempt >= $3 AND parent_attempt < $4 \
     AND parent_index < $5";

fn earlier_values(takeover: &ChildrenTakeover) -> [sea_orm::Value; 5] {
    let parent = &takeover.parent;
    [
        parent.instance.0.into(),
        parent.task.as_str().into(),
        i64::from(parent.since.0).into(),
        i64::from(parent.attempt.0).into(),
        i64::from(takeover.count).into(),
    ]
}

async fn count_earlier<C: ConnectionTrait>(
    connection: &C,
    takeover: &ChildrenTakeover,
) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) FROM instance WHERE {EARLIER}");
    let backend = connection.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, earlier_values(takeover));
    let row = connection.query_one_raw(statement).await.map_err(store_error)?;
    row.map_or(Ok(0), |row| RowReader::new(&row).next_value())
}

/// Locks the children that nothing else writes at the moment.
async fn lock_earlier_children(
    transaction: &Transaction,
    takeover: &ChildrenTakeover,
) -> Result<Vec<EarlierChild>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT id, state, run FROM instance WHERE {EARLIER} ORDER BY id{}",
        row_lock(backend, "FOR NO KEY UPDATE SKIP LOCKED")
    );
    let statement = Statement::from_sql_and_values(backend, sql, earlier_values(takeover));
    let rows = transaction.query_all_raw(statement).await.map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok(EarlierChild {
                id: InstanceId(columns.next_value()?),
                state: columns.next_parsed()?,
                run: columns.next_u32()?,
            })
        })
        .collect()
}

async fn move_rows(
    transaction: &Transaction,
    takeover: &ChildrenTakeover,
    children: &[EarlierChild],
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "UPDATE instance SET parent_attempt = $2 WHERE id IN (SELECT c_id FROM {})",
        source(backend, &[("c_id", "bigint")])
    );
    let ids = id_list(children.iter().map(|child| child.id.0))?;
    let values = [ids, i64::from(takeover.parent.attempt.0).into()];
    let statement = Statement::from_sql_and_values(backend, sql, values);
    transaction
        .execute_raw(statement)
        .await
        .map(drop)
        .map_err(store_error)
}

/// Makes failed, stopped and paused children run again; returns them.
async fn insert_commands(
    transaction: &Transaction,
    takeover: &ChildrenTakeover,
    children: &[EarlierChild],
) -> Result<Vec<InstanceId>, StoreError> {
    let parent = &takeover.parent;
    let key = format!("take-over/{}/{}/{}", parent.instance, parent.task, parent.attempt);
    let author = command_author(parent);
    let rows: Vec<InboxRow<'_>> = children
        .iter()
        .filter_map(|child| {
            Some(InboxRow {
                instance: child.id.0,
                dedup_key: &key,
                kind: "command",
                command: command_for(child.state)?.as_str(),
                run: child.run,
                requested_by: &author,
                created_at: takeover.at.0,
            })
        })
        .collect();
    let backend = transaction.get_database_backend();
    run_over_rows(transaction, &rows, || {
        format!(
            "{} ON CONFLICT (instance, dedup_key) DO NOTHING",
            crate::batch_sql::insert(backend, "inbox", &INBOX, crate::batch_sql::ALL)
        )
    })
    .await?;
    let commanded: BTreeSet<InstanceId> = rows.iter().map(|row| InstanceId(row.instance)).collect();
    Ok(commanded.into_iter().collect())
}

fn command_for(state: InstanceState) -> Option<Command> {
    match state {
        InstanceState::Failed | InstanceState::Stopped => Some(Command::Recover),
        InstanceState::Paused => Some(Command::Resume),
        InstanceState::Queued
        | InstanceState::Running
        | InstanceState::Pausing
        | InstanceState::Stopping
        | InstanceState::Succeeded => None,
    }
}
