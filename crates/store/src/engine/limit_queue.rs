//! The queues of limits: which waiting tasks have room, and the caps of projects.

use std::collections::BTreeSet;

use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId, TaskIndex};
use engine::limits::{LimitRoom, ProjectCap, QueuePlace, QueueStep, QueueWalk};
use ports::{AdmissibleTask, LimitKey, LimitScope, LimitStore, ProjectShare, StoreError};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;

use crate::batch_sql::{Column, json, source};
use crate::engine::limit_statements::{queue_order, resolved_limit};
use crate::error::store_error;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Tasks of one queue that are read at a time.
const PAGE: u64 = 100;

/// The most tasks that are found in one queue: those after them are found when these have started.
const MAX_FOUND: usize = 500;

/// A limit that is looked for.
#[derive(Serialize)]
struct KeyRow<'a> {
    c_project: &'a str,
    c_name: &'a str,
}

const KEY: [Column; 2] = [("c_project", "text"), ("c_name", "text")];

/// Lists the limits that a task waits for.
const AWAITED_LIMITS: &str = "SELECT l.id, l.slots, l.used, l.enabled FROM named_limit l WHERE EXISTS \
    (SELECT 1 FROM limit_request r WHERE r.limit_id = l.id AND r.state <> 'holding') ORDER BY l.id";

/// Whether another limit of the task `r` lacks room for it, or has a task before it that lacks it.
const BLOCKED_ELSEWHERE: &str = "EXISTS (SELECT 1 FROM limit_request o JOIN named_limit m ON m.id = o.limit_id \
    WHERE o.instance = r.instance AND o.task_index = r.task_index AND o.name <> r.name AND NOT o.forced AND m.enabled \
    AND (o.slots > m.slots - m.used OR EXISTS (SELECT 1 FROM limit_request b WHERE b.limit_id = m.id \
    AND b.state <> 'holding' AND NOT b.forced AND b.slots > m.slots - m.used AND {b} < {o})))";

/// Lists the tasks of a queue after one of them.
const QUEUE_PAGE: &str = "SELECT r.instance, r.task_index, i.owner, r.slots, r.state = 'awaiting_worker', r.forced, {blocked}, \
    r.instance_priority, r.task_priority, r.ready_at \
    FROM limit_request r JOIN instance i ON i.id = r.instance WHERE r.limit_id = $1 AND r.state <> 'holding' \
    AND {order} > ($2, $3, $4, $5, $6) \
    ORDER BY r.instance_priority, r.task_priority, r.ready_at, r.instance, r.task_index LIMIT $7";

/// Lists the waiting tasks of which a limit does not exist, or is passed by force.
const UNLIMITED: &str = "SELECT r.instance, r.task_index, i.owner FROM limit_request r JOIN instance i ON i.id = r.instance \
    WHERE {which} AND r.state = 'waiting' AND i.owner IS NOT NULL AND NOT {blocked} LIMIT $1";

/// Attempts that a cap does not count yet.
const UNCOUNTED: &str = "FROM named_limit l JOIN instance i ON i.project_id = l.project_id AND i.owner = $1 \
    JOIN attempt a ON a.instance = i.id WHERE l.name = '' AND a.state IN ('created', 'running') \
    AND a.worker IS NOT NULL AND NOT EXISTS (SELECT 1 FROM limit_request r \
    WHERE r.instance = a.instance AND r.task_index = a.task_index AND r.name = '')";

/// Rows of a cap whose attempt has ended.
const ENDED: &str = "name = '' AND state = 'holding' AND instance IN (SELECT id FROM instance WHERE owner = $1 OR owner IS NULL) \
    AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.instance = limit_request.instance \
    AND a.task_index = limit_request.task_index AND a.state IN ('created', 'running') AND a.worker IS NOT NULL)";

/// A limit with its room.
struct AwaitedLimit {
    id: i64,
    room: LimitRoom,
}

impl AwaitedLimit {
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let mut columns = RowReader::new(row);
        let id = columns.next_value()?;
        let (slots, used) = (columns.next_value()?, columns.next_value()?);
        let is_enabled: bool = columns.next_value()?;
        let room = match is_enabled {
            true => LimitRoom::new(slots, used),
            false => LimitRoom::unlimited(),
        };
        Ok(Self { id, room })
    }
}

/// A task in a queue.
struct QueuedTask {
    instance: i64,
    task_index: u32,
    owner: Option<i64>,
    slots: i64,
    place: QueuePlace,
    priorities: (i64, i64),
    ready_at: i64,
}

impl QueuedTask {
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let mut columns = RowReader::new(row);
        let (instance, task_index) = (columns.next_value()?, columns.next_u32()?);
        let owner: Option<i64> = columns.next_value()?;
        let slots = columns.next_value()?;
        let (is_awaiting, is_forced): (bool, bool) = (columns.next_value()?, columns.next_value()?);
        let is_blocked: bool = columns.next_value()?;
        let place = match (is_awaiting, is_blocked || owner.is_none(), is_forced) {
            (true, _, _) => QueuePlace::AwaitingWorker,
            (false, true, _) => QueuePlace::BlockedElsewhere,
            (false, false, true) => QueuePlace::Forced,
            (false, false, false) => QueuePlace::Ready,
        };
        Ok(Self {
            instance,
            task_index,
            owner,
            slots,
            place,
            priorities: (columns.next_value()?, columns.next_value()?),
            ready_at: columns.next_value()?,
        })
    }

    fn to_admissible(&self) -> Option<AdmissibleTask> {
        Some(AdmissibleTask {
            owner: Incarnation(self.owner?),
            instance: InstanceId(self.instance),
            task_index: TaskIndex(self.task_index),
        })
    }

    /// Returns where the next page starts.
    fn cursor(&self) -> [i64; 5] {
        let (instance_priority, task_priority) = self.priorities;
        [
            instance_priority,
            task_priority,
            self.ready_at,
            self.instance,
            i64::from(self.task_index),
        ]
    }
}

#[async_trait]
impl LimitStore for Store {
    async fn find_admissible_tasks(&self, scope: &LimitScope) -> Result<Vec<AdmissibleTask>, StoreError> {
        let mut found = BTreeSet::new();
        for limit in self.awaited_limits(scope).await? {
            self.walk_queue(&limit, &mut found).await?;
        }
        for which in ["r.limit_id IS NULL", "r.forced"] {
            self.add_unlimited(which, &mut found).await?;
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
                    cap: if is_capped { ProjectCap::Counted } else { ProjectCap::Unlimited },
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
    async fn awaited_limits(&self, scope: &LimitScope) -> Result<Vec<AwaitedLimit>, StoreError> {
        let rows = match scope {
            LimitScope::All => self.query_limits(AWAITED_LIMITS, Vec::new()).await?,
            LimitScope::Keys(keys) => self.limits_by_key(keys).await?,
        };
        rows.iter().map(AwaitedLimit::read).collect()
    }

    async fn limits_by_key(&self, keys: &BTreeSet<LimitKey>) -> Result<Vec<QueryResult>, StoreError> {
        let rows: Vec<KeyRow<'_>> = keys
            .iter()
            .map(|key| KeyRow {
                c_project: &key.project,
                c_name: &key.name,
            })
            .collect();
        let sql = format!(
            "SELECT l.id, l.slots, l.used, l.enabled FROM named_limit l WHERE l.id IN (SELECT {limit} FROM {keys} \
             JOIN project p ON p.name = c_project AND p.deleted_at IS NULL) ORDER BY l.id",
            limit = resolved_limit("p.id", "c_name"),
            keys = source(self.backend(), &KEY)
        );
        self.query_limits(&sql, vec![json(&rows)?.into()]).await
    }

    /// Walks along the queue of a limit, page by page, as far as there is room.
    async fn walk_queue(
        &self,
        limit: &AwaitedLimit,
        found: &mut BTreeSet<AdmissibleTask>,
    ) -> Result<(), StoreError> {
        let sql = QUEUE_PAGE
            .replace("{blocked}", &blocked_elsewhere())
            .replace("{order}", &queue_order("r"));
        let mut walk = QueueWalk::new(limit.room);
        let (mut after, mut admitted) = ([0; 5], 0);
        after[4] = -1;
        while !walk.is_exhausted() && admitted < MAX_FOUND {
            let mut values: Vec<Value> = vec![limit.id.into()];
            values.extend(after.map(Value::from));
            values.push(i64::try_from(PAGE).unwrap_or(i64::MAX).into());
            let page = self.query_limits(&sql, values).await?;
            for row in &page {
                let task = QueuedTask::read(row)?;
                after = task.cursor();
                match walk.step(task.place, task.slots) {
                    QueueStep::Admit => {
                        admitted += 1;
                        found.extend(task.to_admissible());
                    }
                    QueueStep::Pass => {}
                    QueueStep::Stop => return Ok(()),
                }
            }
            if u64::try_from(page.len()).is_ok_and(|rows| rows < PAGE) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn add_unlimited(
        &self,
        which: &str,
        found: &mut BTreeSet<AdmissibleTask>,
    ) -> Result<(), StoreError> {
        let sql = UNLIMITED
            .replace("{which}", which)
            .replace("{blocked}", &blocked_elsewhere());
        let most = i64::try_from(MAX_FOUND).unwrap_or(i64::MAX);
        for row in &self.query_limits(&sql, vec![most.into()]).await? {
            let mut columns = RowReader::new(row);
            let (instance, task_index) = (InstanceId(columns.next_value()?), TaskIndex(columns.next_u32()?));
            found.insert(AdmissibleTask {
                owner: Incarnation(columns.next_value()?),
                instance,
                task_index,
            });
        }
        Ok(())
    }

    async fn query_limits(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let statement = self.statement(sql, values);
        let rows = self.reader().query_all_raw(statement).await;
        rows.map_err(store_error)
    }
}

fn blocked_elsewhere() -> String {
    BLOCKED_ELSEWHERE
        .replace("{b}", &queue_order("b"))
        .replace("{o}", &queue_order("o"))
}
