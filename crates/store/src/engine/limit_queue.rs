//! The queues of limits: which waiting tasks have room, and the caps of projects.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use engine::ids::Incarnation;
use engine::limits::{LimitRoom, ProjectCap, QueuePlace, QueuePosition, QueueStep, QueueWalk};
use ports::{AdmissibleTask, LimitScope, LimitStore, ProjectShare, StoreError};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use crate::batch_sql::{Column, json, source};
use crate::engine::limit_queue::rows::{QueuedTask, read_walk};
use crate::engine::limit_statements::{queue_order, resolved_limit};
use crate::error::store_error;
use crate::row_reader::RowReader;
use crate::store::Store;

/// The most tasks of one queue that are read at a time.
const MAX_PAGE: i64 = 100;

/// The fewest tasks of one queue that are read at a time: some of the first may wait for something else.
const MIN_PAGE: i64 = 10;

/// The most tasks that are found in one queue: those after them are found when these have started.
const MAX_FOUND: usize = 500;

/// Tasks that wait for something else which a look after a commit passes in one queue; the look at all limits passes any
/// number.
const MAX_PASSED: usize = 200;

/// A limit that is looked for.
#[derive(Serialize)]
struct LimitKeyRow<'a> {
    c_project: &'a str,
    c_name: &'a str,
}

const KEY: [Column; 2] = [("c_project", "text"), ("c_name", "text")];

/// Reads limits, each with the place of the first task that wants more slots than are free; a full limit needs none. Where
/// no task does, which is the rule, an index says so without a look at the queue; the sign has SQLite look for the first
/// one in the order of the queue.
const LIMITS: &str = "SELECT l.id, l.slots, l.used, l.enabled, CASE WHEN l.slots > l.used AND EXISTS (\
    SELECT 1 FROM limit_request b WHERE b.limit_id = l.id AND b.state <> 'holding' AND NOT b.forced \
    AND b.slots > l.slots - l.used) THEN (\
    SELECT b.instance_priority || ' ' || b.task_priority || ' ' || b.ready_at || ' ' || b.instance || ' ' || b.task_index \
    FROM limit_request b WHERE b.limit_id = l.id AND b.state <> 'holding' AND NOT b.forced \
    AND +b.slots > l.slots - l.used \
    ORDER BY b.instance_priority, b.task_priority, b.ready_at, b.instance, b.task_index LIMIT 1) END \
    FROM named_limit l WHERE {which} ORDER BY l.id";

/// Limits that a task waits for.
const AWAITED: &str =
    "EXISTS (SELECT 1 FROM limit_request r WHERE r.limit_id = l.id AND r.state <> 'holding')";

/// Lists waiting tasks, each with its other limits; without an owner no task can start.
const TASKS: &str = "SELECT r.instance, r.task_index, i.owner, r.slots, r.state = 'awaiting_worker', r.forced, r.worker_group, \
    (SELECT string_agg(o.limit_id || ':' || o.slots, ',') FROM limit_request o \
    WHERE o.instance = r.instance AND o.task_index = r.task_index AND o.name <> r.name AND NOT o.forced), \
    r.instance_priority, r.task_priority, r.ready_at \
    FROM limit_request r JOIN instance i ON i.id = r.instance WHERE r.state <> 'holding' AND {which} \
    ORDER BY r.instance_priority, r.task_priority, r.ready_at, r.instance, r.task_index LIMIT $1";

/// Tasks of a queue after one of them.
const OF_QUEUE: &str = "r.limit_id = $2 AND {order} > ($3, $4, $5, $6, $7)";

/// Tasks of which a limit does not exist.
const WITHOUT_LIMIT: &str = "r.limit_id IS NULL";

/// Tasks that a person lets start over a limit.
const FORCED: &str = "r.forced";

/// Attempts that a cap does not count yet.
const UNCOUNTED: &str = "FROM named_limit l JOIN instance i ON i.project_id = l.project_id AND i.owner = $1 \
    JOIN attempt a ON a.instance = i.id WHERE l.name = '' AND a.state IN ('created', 'running') \
    AND a.worker IS NOT NULL AND NOT EXISTS (SELECT 1 FROM limit_request r \
    WHERE r.instance = a.instance AND r.task_index = a.task_index AND r.name = '')";

/// Rows of a cap whose attempt has ended.
const ENDED: &str = "name = '' AND state = 'holding' AND instance IN (SELECT id FROM instance WHERE owner = $1 OR owner IS NULL) \
    AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.instance = limit_request.instance \
    AND a.task_index = limit_request.task_index AND a.state IN ('created', 'running') AND a.worker IS NOT NULL)";

/// The walks along the queues of a look, by limit: a task is admitted where all its limits have room for it beside those
/// that were admitted before.
type QueueWalks = BTreeMap<i64, QueueWalk>;

#[async_trait]
impl LimitStore for Store {
    async fn find_admissible_tasks(&self, scope: &LimitScope) -> Result<Vec<AdmissibleTask>, StoreError> {
        let mut found = BTreeSet::new();
        let mut walks = self.awaited_limits(scope).await?;
        let named = walks.len();
        let most_passed = match scope {
            LimitScope::All => usize::MAX,
            LimitScope::Keys(_) => MAX_PASSED,
        };
        // The tightest first: a task of several limits is found in the order of the queue that it has to wait in.
        let mut limits: Vec<(i64, i64)> = walks.iter().map(|(id, walk)| (walk.free_slots(), *id)).collect();
        limits.sort_unstable();
        for (_, limit) in limits {
            self.walk_queue(limit, most_passed, &mut walks, &mut found)
                .await?;
        }
        // A force has all limits looked at; afterwards its task is found in the queues of its other limits.
        let unlimited: &[&str] = match scope {
            LimitScope::All => &[WITHOUT_LIMIT, FORCED],
            LimitScope::Keys(keys) if keys.len() > named => &[WITHOUT_LIMIT],
            LimitScope::Keys(_) => &[],
        };
        for which in unlimited {
            self.add_unlimited(which, &mut walks, &mut found).await?;
        }
        Ok(found.into_iter().collect())
    }

    async fn list_project_shares(&self) -> Result<Vec<ProjectShare>, StoreError> {
        let sql = "SELECT name, max_tasks IS NOT NULL, weight FROM project \
                   WHERE deleted_at IS NULL AND (weight <> 1 OR max_tasks IS NOT NULL)";
        let rows = self.query_limits(sql, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                let project = columns.next_value()?;
                let is_capped: bool = columns.next_value()?;
                Ok(ProjectShare {
                    project,
                    cap: if is_capped {
                        ProjectCap::Counted
                    } else {
                        ProjectCap::Unlimited
                    },
                    weight: columns.next_u32()?,
                })
            })
            .collect()
    }

    async fn reconcile_project_caps(&self, owner: Incarnation) -> Result<(), StoreError> {
        let owner: [Value; 1] = [owner.0.into()];
        let uncounted = format!("SELECT 1 {UNCOUNTED} LIMIT 1");
        let ended = format!("SELECT 1 FROM limit_request WHERE {ENDED} LIMIT 1");
        let is_settled = self.query_limits(&uncounted, owner.to_vec()).await?.is_empty()
            && self.query_limits(&ended, owner.to_vec()).await?.is_empty();
        if is_settled {
            return Ok(());
        }
        let transaction = self.engine_pool().begin_write().await?;
        let count = format!(
            "INSERT INTO limit_request (instance, task_index, name, limit_id, slots, state, instance_priority, \
             task_priority, ready_at, attempt, since) SELECT a.instance, a.task_index, '', l.id, 1, 'holding', 3, 3, \
             a.created_at, a.number, a.created_at {UNCOUNTED} ON CONFLICT (instance, task_index, name) DO NOTHING"
        );
        for sql in [format!("DELETE FROM limit_request WHERE {ENDED}"), count] {
            let statement = self.statement(&sql, owner.clone());
            transaction.execute_raw(statement).await.map_err(store_error)?;
        }
        self.commit_engine(transaction).await
    }
}

impl Store {
    async fn awaited_limits(&self, scope: &LimitScope) -> Result<QueueWalks, StoreError> {
        match scope {
            LimitScope::All => self.read_walks(AWAITED, Vec::new()).await,
            LimitScope::Keys(keys) => {
                let rows: Vec<LimitKeyRow<'_>> = keys
                    .iter()
                    .map(|key| LimitKeyRow {
                        c_project: &key.project,
                        c_name: &key.name,
                    })
                    .collect();
                let named = format!(
                    "l.id IN (SELECT {limit} FROM {keys} \
                     JOIN project p ON p.name = c_project AND p.deleted_at IS NULL)",
                    limit = resolved_limit("p.id", "c_name"),
                    keys = source(self.backend(), &KEY)
                );
                self.read_walks(&named, vec![json(&rows)?.into()]).await
            }
        }
    }

    /// Reads limits and starts the walks along their queues.
    async fn read_walks(&self, which: &str, values: Vec<Value>) -> Result<QueueWalks, StoreError> {
        let rows = self
            .query_limits(&LIMITS.replace("{which}", which), values)
            .await?;
        rows.iter().map(read_walk).collect()
    }

    /// Walks along the queue of a limit, page by page, as far as there is room and not past too many tasks that wait for
    /// something else.
    async fn walk_queue(
        &self,
        limit: i64,
        most_passed: usize,
        walks: &mut QueueWalks,
        found: &mut BTreeSet<AdmissibleTask>,
    ) -> Result<(), StoreError> {
        let sql = TASKS
            .replace("{which}", OF_QUEUE)
            .replace("{order}", &queue_order("r"));
        let (mut after, mut passed, before) = (QueuePosition::START, 0, found.len());
        let mut rows = walks.get(&limit).map_or(0, QueueWalk::free_slots).max(MIN_PAGE);
        let is_full = |walks: &QueueWalks| walks.get(&limit).is_none_or(QueueWalk::is_full);
        while !is_full(walks) && passed < most_passed && found.len() < before + MAX_FOUND {
            rows = rows.min(MAX_PAGE);
            let mut values: Vec<Value> = vec![rows.into(), limit.into()];
            values.extend(after.0.map(Value::from));
            let page = self.query_limits(&sql, values).await?;
            for row in &page {
                let task = QueuedTask::read(row)?;
                after = task.position;
                match self.step(limit, &task, walks).await? {
                    QueueStep::Admit => found.extend(task.to_admissible()),
                    QueueStep::Pass => passed += 1,
                    QueueStep::Stop => return Ok(()),
                }
            }
            if i64::try_from(page.len()).is_ok_and(|length| length < rows) {
                return Ok(());
            }
            rows *= 2;
        }
        Ok(())
    }

    /// Decides about a task of a queue, and keeps room for it in all its limits when it is admitted.
    async fn step(
        &self,
        limit: i64,
        task: &QueuedTask,
        walks: &mut QueueWalks,
    ) -> Result<QueueStep, StoreError> {
        let place = match task.place {
            QueuePlace::Ready | QueuePlace::Forced if !self.is_open_elsewhere(task, walks).await? => {
                QueuePlace::BlockedElsewhere
            }
            place => place,
        };
        let Some(walk) = walks.get_mut(&limit) else {
            return Ok(QueueStep::Stop);
        };
        let step = walk.step(place, &task.group, task.slots);
        if step != QueueStep::Admit || place == QueuePlace::Forced {
            return Ok(step);
        }
        for (other, slots) in &task.others {
            let walk = self.walk_of(*other, walks).await?;
            if !walk.has_left(&task.group, *slots) {
                return Ok(QueueStep::Pass);
            }
        }
        let own = std::iter::once((limit, task.slots));
        for (wanted, slots) in task.others.iter().copied().chain(own) {
            if let Some(walk) = walks.get_mut(&wanted) {
                walk.keep_room(&task.group, slots);
            }
        }
        Ok(QueueStep::Admit)
    }

    /// Whether each other limit of a task has room for it, and no task before it that lacks room.
    async fn is_open_elsewhere(&self, task: &QueuedTask, walks: &mut QueueWalks) -> Result<bool, StoreError> {
        for (other, slots) in &task.others {
            let walk = self.walk_of(*other, walks).await?;
            if !walk.is_open_to(task.position, *slots) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the walk along the queue of a limit, which is read when it is not known; one that is gone limits nothing.
    async fn walk_of<'w>(
        &self,
        limit: i64,
        walks: &'w mut QueueWalks,
    ) -> Result<&'w mut QueueWalk, StoreError> {
        if !walks.contains_key(&limit) {
            walks.extend(self.read_walks("l.id = $1", vec![limit.into()]).await?);
        }
        Ok(walks
            .entry(limit)
            .or_insert_with(|| QueueWalk::new(LimitRoom::unlimited(), None)))
    }

    /// Adds the tasks that one of their limits does not hold up, where the others do not either.
    async fn add_unlimited(
        &self,
        which: &str,
        walks: &mut QueueWalks,
        found: &mut BTreeSet<AdmissibleTask>,
    ) -> Result<(), StoreError> {
        let most = i64::try_from(MAX_FOUND).unwrap_or(i64::MAX);
        let sql = TASKS.replace("{which}", which);
        for row in &self.query_limits(&sql, vec![most.into()]).await? {
            let task = QueuedTask::read(row)?;
            let is_waiting = matches!(task.place, QueuePlace::Ready | QueuePlace::Forced);
            if is_waiting && self.is_open_elsewhere(&task, walks).await? {
                found.extend(task.to_admissible());
            }
        }
        Ok(())
    }

    async fn query_limits(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let statement = self.statement(sql, values);
        let rows = self.reader().query_all_raw(statement).await;
        rows.map_err(store_error)
    }
}
