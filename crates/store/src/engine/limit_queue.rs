//! The queues of limits: which waiting tasks have room, and the caps of projects.

use std::collections::{BTreeMap, BTreeSet};

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
const PAGE: usize = 100;

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

/// Lists the limits that a task waits for.
const AWAITED_LIMITS: &str = "SELECT l.id, l.slots, l.used, l.enabled FROM named_limit l WHERE EXISTS \
    (SELECT 1 FROM limit_request r WHERE r.limit_id = l.id AND r.state <> 'holding') ORDER BY l.id";

/// Whether another limit of the task `r` lacks room for it, or has a task before it that lacks it.
const BLOCKED_ELSEWHERE: &str = "EXISTS (SELECT 1 FROM limit_request o JOIN named_limit m ON m.id = o.limit_id \
    WHERE o.instance = r.instance AND o.task_index = r.task_index AND o.name <> r.name AND NOT o.forced AND m.enabled \
    AND (o.slots > m.slots - m.used OR EXISTS (SELECT 1 FROM limit_request b WHERE b.limit_id = m.id \
    AND b.state <> 'holding' AND NOT b.forced AND b.slots > m.slots - m.used AND {b} < {o})))";

/// Lists the tasks of a queue after one of them, each with its other limits.
const QUEUE_PAGE: &str = "SELECT r.instance, r.task_index, i.owner, r.slots, r.state = 'awaiting_worker', r.forced, {blocked}, \
    r.worker_group, (SELECT string_agg(o.limit_id || ':' || o.slots, ',') FROM limit_request o \
    WHERE o.instance = r.instance AND o.task_index = r.task_index AND o.limit_id <> r.limit_id AND NOT o.forced), \
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

/// The walks along the queues of a look, by limit: a task is admitted where all its limits have room for it beside those
/// that were admitted before.
type QueueWalks = BTreeMap<i64, QueueWalk>;

/// Reads a limit and starts the walk along its queue.
fn read_walk(row: &QueryResult) -> Result<(i64, QueueWalk), StoreError> {
    let mut columns = RowReader::new(row);
    let id = columns.next_value()?;
    let (slots, used) = (columns.next_value()?, columns.next_value()?);
    let is_enabled: bool = columns.next_value()?;
    let room = match is_enabled {
        true => LimitRoom::new(slots, used),
        false => LimitRoom::unlimited(),
    };
    Ok((id, QueueWalk::new(room)))
}

/// Parses limits and slots, as `7:1,9:2`.
fn parse_others(text: Option<&str>) -> Vec<(i64, i64)> {
    let pairs = text.unwrap_or_default().split(',');
    pairs
        .filter_map(|pair| {
            let (limit, slots) = pair.split_once(':')?;
            Some((limit.parse().ok()?, slots.parse().ok()?))
        })
        .collect()
}

/// A task in a queue.
struct QueuedTask {
    instance: i64,
    task_index: u32,
    owner: Option<i64>,
    slots: i64,
    place: QueuePlace,
    group: String,
    /// Its other limits, with the slots that it wants of them.
    others: Vec<(i64, i64)>,
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
            group: columns.next_value()?,
            others: parse_others(columns.next_value::<Option<String>>()?.as_deref()),
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
        let mut walks = self.awaited_limits(scope).await?;
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
        let rows = match scope {
            LimitScope::All => self.query_limits(AWAITED_LIMITS, Vec::new()).await?,
            LimitScope::Keys(keys) => self.limits_by_key(keys).await?,
        };
        rows.iter().map(read_walk).collect()
    }

    async fn limits_by_key(&self, keys: &BTreeSet<LimitKey>) -> Result<Vec<QueryResult>, StoreError> {
        let rows: Vec<LimitKeyRow<'_>> = keys
            .iter()
            .map(|key| LimitKeyRow {
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

    /// Walks along the queue of a limit, page by page, as far as there is room and not past too many tasks that wait for
    /// something else.
    async fn walk_queue(
        &self,
        limit: i64,
        most_passed: usize,
        walks: &mut QueueWalks,
        found: &mut BTreeSet<AdmissibleTask>,
    ) -> Result<(), StoreError> {
        let sql = QUEUE_PAGE
            .replace("{blocked}", &blocked_elsewhere())
            .replace("{order}", &queue_order("r"));
        let (mut after, mut passed, before) = ([0, 0, 0, 0, -1], 0, found.len());
        let is_full = |walks: &QueueWalks| walks.get(&limit).is_none_or(QueueWalk::is_full);
        while !is_full(walks) && passed < most_passed && found.len() < before + MAX_FOUND {
            let mut values: Vec<Value> = vec![limit.into()];
            values.extend(after.map(Value::from));
            values.push(i64::try_from(PAGE).unwrap_or(i64::MAX).into());
            let page = self.query_limits(&sql, values).await?;
            for row in &page {
                let task = QueuedTask::read(row)?;
                after = task.cursor();
                match self.step(limit, &task, walks).await? {
                    QueueStep::Admit => found.extend(task.to_admissible()),
                    QueueStep::Pass => passed += 1,
                    QueueStep::Stop => return Ok(()),
                }
            }
            if page.len() < PAGE {
                return Ok(());
            }
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
        let Some(walk) = walks.get_mut(&limit) else {
            return Ok(QueueStep::Stop);
        };
        let step = walk.step(task.place, &task.group, task.slots);
        if step != QueueStep::Admit || task.place == QueuePlace::Forced {
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

    /// Returns the walk along the queue of a limit, which is read when it is not known; one that is gone limits nothing.
    async fn walk_of<'w>(
        &self,
        limit: i64,
        walks: &'w mut QueueWalks,
    ) -> Result<&'w mut QueueWalk, StoreError> {
        if !walks.contains_key(&limit) {
            let sql = "SELECT id, slots, used, enabled FROM named_limit WHERE id = $1";
            let rows = self.query_limits(sql, vec![limit.into()]).await?;
            for row in &rows {
                walks.extend([read_walk(row)?]);
            }
        }
        Ok(walks
            .entry(limit)
            .or_insert_with(|| QueueWalk::new(LimitRoom::unlimited())))
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
