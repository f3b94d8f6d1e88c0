//! The commit of new children: each under the open attempt that starts it.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::ids::InstanceId;
use ports::{
    ChildrenCommit, ChildrenOutcome, CreatedChild, NewInstance, ParentTask, StoreError, WriteOutcome,
};
use sea_orm::{ConnectionTrait, Statement};
use serde::Serialize;

use crate::batch_sql::{Column, json, row_lock, source};
use crate::batch_statement::run_in_order;
use crate::engine::backfill_commit::lock_startable_workflows;
use crate::engine::children::list_children_on;
use crate::engine::create::prepare_new_instances;
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Time within which a batch is prepared; then it is rolled back.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(12);

/// An attempt that starts children, under the ownership of its instance.
#[derive(Serialize)]
struct FenceRow {
    c_place: usize,
    c_parent: i64,
    c_owner: i64,
    c_epoch: i64,
    c_task_index: u32,
    c_attempt: u32,
}

const FENCE: [Column; 6] = [
    ("c_place", "bigint"),
    ("c_parent", "bigint"),
    ("c_owner", "bigint"),
    ("c_epoch", "bigint"),
    ("c_task_index", "bigint"),
    ("c_attempt", "bigint"),
];

impl Store {
    /// Stores a batch; one that is refused as a whole is stored commit by commit.
    pub(crate) async fn commit_children(
        &self,
        commits: &[ChildrenCommit],
    ) -> Result<Vec<ChildrenOutcome>, StoreError> {
        match self.commit_children_once(commits).await {
            Err(StoreError::Rejected(why)) if commits.len() == 1 => Ok(vec![ChildrenOutcome::Rejected(why)]),
            Err(StoreError::Rejected(_)) => {
                let mut outcomes = Vec::with_capacity(commits.len());
                for commit in commits {
                    match self.commit_children_once(std::slice::from_ref(commit)).await {
                        Ok(stored) => outcomes.extend(stored),
                        Err(StoreError::Rejected(why)) => outcomes.push(ChildrenOutcome::Rejected(why)),
                        Err(StoreError::Unavailable(why)) => return Err(StoreError::Uncertain(why)),
                        Err(error) => return Err(error),
                    }
                }
                Ok(outcomes)
            }
            other => other,
        }
    }

    async fn commit_children_once(
        &self,
        commits: &[ChildrenCommit],
    ) -> Result<Vec<ChildrenOutcome>, StoreError> {
        let prepared = tokio::time::timeout(PREPARE_TIMEOUT, async {
            let transaction = self.engine_pool().begin_write().await?;
            let outcomes = prepare_children(self, &transaction, commits).await?;
            Ok::<_, StoreError>((transaction, outcomes))
        });
        let (transaction, outcomes) = prepared
            .await
            .map_err(|_| StoreError::Unavailable("the database takes too long".to_owned()))??;
        self.commit_engine(transaction).await?;
        Ok(outcomes)
    }
}

async fn prepare_children(
    store: &Store,
    transaction: &Transaction,
    commits: &[ChildrenCommit],
) -> Result<Vec<ChildrenOutcome>, StoreError> {
    let backend = transaction.get_database_backend();
    let parents: Vec<&ParentTask> = commits.iter().map(|commit| &commit.parent).collect();
    let open = lock_open_attempts(transaction, &parents).await?;
    let workflows: BTreeSet<i64> = commits
        .iter()
        .flat_map(|commit| &commit.instances)
        .map(|new| new.workflow_id)
        .collect();
    let startable = lock_startable_workflows(transaction, workflows).await?;
    let parents: Vec<ParentTask> = parents.into_iter().cloned().collect();
    let known: BTreeSet<(usize, u32)> = list_children_on(transaction, backend, &parents)
        .await?
        .into_iter()
        .map(|(place, child)| (place, child.index))
        .collect();
    let mut outcomes = Vec::with_capacity(commits.len());
    let mut news: Vec<(usize, usize, &NewInstance)> = Vec::new();
    let is_known = |place: usize, new: &NewInstance| {
        let index = new.trigger.child_index();
        index.is_some_and(|index| known.contains(&(place, index)))
    };
    for (place, commit) in commits.iter().enumerate() {
        let is_startable = |new: &NewInstance| startable.contains(&new.workflow_id);
        if !open.contains(&place) {
            outcomes.push(ChildrenOutcome::Deferred);
        } else if !commit.instances.iter().all(is_startable) {
            outcomes.push(ChildrenOutcome::NotStartable);
        } else {
            outcomes.push(ChildrenOutcome::Stored(Vec::new()));
            let missing = commit.instances.iter().enumerate();
            news.extend(
                missing
                    .filter(|(_, new)| !is_known(place, new))
                    .map(|(at, new)| (place, at, new)),
            );
        }
    }
    let instances: Vec<&NewInstance> = news.iter().map(|(_, _, new)| *new).collect();
    let (created, statements) = prepare_new_instances(store, transaction, &instances).await?;
    run_in_order(transaction, statements).await?;
    for ((place, at, _), outcome) in news.into_iter().zip(created) {
        if let (ChildrenOutcome::Stored(children), WriteOutcome::Created { id, owner, .. }) =
            (&mut outcomes[place], outcome)
        {
            children.push(CreatedChild { place: at, id, owner });
        }
    }
    Ok(outcomes)
}

/// Locks the parents of attempts; returns the places of those attempts that may start children. A parent that another
/// transaction writes is left out: waiting for it could be a deadlock, since that one may hold other parents.
pub(crate) async fn lock_open_attempts(
    transaction: &Transaction,
    parents: &[&ParentTask],
) -> Result<BTreeSet<usize>, StoreError> {
    let backend = transaction.get_database_backend();
    let rows: Vec<FenceRow> = parents
        .iter()
        .enumerate()
        .map(|(place, parent)| FenceRow {
            c_place: place,
            c_parent: parent.instance.0,
            c_owner: parent.owner.0,
            c_epoch: parent.epoch.0,
            c_task_index: parent.task_index.0,
            c_attempt: parent.attempt.0,
        })
        .collect();
    let fences = json(&rows)?;
    let sql = format!(
        "SELECT id FROM instance WHERE state = 'running' AND attention IS NULL AND (id, owner, epoch) IN \
         (SELECT c_parent, c_owner, c_epoch FROM {}) ORDER BY id{}",
        source(backend, &FENCE),
        row_lock(backend, "FOR NO KEY UPDATE SKIP LOCKED")
    );
    let locked = transaction
        .query_all_raw(Statement::from_sql_and_values(
            backend,
            sql,
            [fences.clone().into()],
        ))
        .await
        .map_err(store_error)?;
    let locked: BTreeSet<InstanceId> = locked
        .iter()
        .map(|row| RowReader::new(row).next_value().map(InstanceId))
        .collect::<Result<_, _>>()?;
    // Read after the lock: the parent's own commits change its attempts.
    let sql = format!(
        "SELECT c_place FROM {} JOIN attempt a ON a.instance = c_parent AND a.task_index = c_task_index \
         AND a.number = c_attempt WHERE a.state = 'running' AND a.kill_cause IS NULL",
        source(backend, &FENCE)
    );
    let open = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [fences.into()]))
        .await
        .map_err(store_error)?;
    let open: BTreeSet<usize> = open
        .iter()
        .map(|row| RowReader::new(row).next_u32().map(|place| place as usize))
        .collect::<Result<_, _>>()?;
    let places = open.into_iter();
    Ok(places
        .filter(|place| locked.contains(&parents[*place].instance))
        .collect())
}
