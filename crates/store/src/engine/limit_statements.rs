//! What a commit does with limits: the room of the tasks that it binds to workers, and the rows in the queues.
//!
//! Limits are locked in the order of their ids, before any other row, so that two batches never wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::{InstanceId, Revision, TaskIndex};
use engine::limits::{LimitChange, LimitPhase, LimitRoom, PROJECT_CAP};
use engine::states::Priority;
use ports::{InstanceCommit, RoomRefusal, StoreError};
use sea_orm::{DbBackend, QueryResult};
use serde::Serialize;

use crate::batch_sql::{Column, source};
use crate::batch_statement::{BatchStatement, run_in_order};
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// The order of a queue; `{row}` is the alias of its table.
const QUEUE_ORDER: &str = "({row}.instance_priority, {row}.task_priority, {row}.ready_at, {row}.instance, \
                           {row}.task_index)";

/// A task whose rows leave the queues.
#[derive(Serialize)]
struct ReleasedRow {
    c_instance: i64,
    c_task: u32,
}

const RELEASED: [Column; 2] = [("c_instance", "bigint"), ("c_task", "bigint")];

/// A row in the queue of a limit.
#[derive(Serialize)]
struct RequestRow<'a> {
    c_instance: i64,
    c_task: u32,
    c_name: &'a str,
    c_slots: u32,
    c_state: &'static str,
    c_group: &'a str,
    c_instance_priority: i64,
    c_task_priority: i64,
    c_ready_at: i64,
    c_attempt: Option<u32>,
    c_since: i64,
}

const REQUEST: [Column; 11] = [
    ("c_instance", "bigint"),
    ("c_task", "bigint"),
    ("c_name", "text"),
    ("c_slots", "bigint"),
    ("c_state", "text"),
    ("c_group", "text"),
    ("c_instance_priority", "bigint"),
    ("c_task_priority", "bigint"),
    ("c_ready_at", "bigint"),
    ("c_attempt", "bigint"),
    ("c_since", "bigint"),
];

/// The commits that cannot be stored, because a limit has no room for a task that they bind.
pub(crate) type RoomRefusals = BTreeMap<(InstanceId, Revision), Vec<RoomRefusal>>;

/// Writes the order of a queue for an alias of its table.
pub(crate) fn queue_order(row: &str) -> String {
    QUEUE_ORDER.replace("{row}", row)
}

/// Writes the id of the limit that a name means in a project: its own, else the shared one.
pub(crate) fn resolved_limit(project: &str, name: &str) -> String {
    format!(
        "COALESCE((SELECT o.id FROM named_limit o WHERE o.project_id = {project} AND o.name = {name}), \
         (SELECT s.id FROM named_limit s WHERE s.project_id IS NULL AND s.name = {name}))"
    )
}

/// Locks the limits whose slots in use change, and finds the commits for which there is no room. They are to be left out;
/// the others take their slots in this transaction.
pub(crate) async fn refuse_without_room(
    transaction: &Transaction,
    backend: DbBackend,
    commits: &[&InstanceCommit],
) -> Result<RoomRefusals, StoreError> {
    let moving = request_rows(commits, LimitChange::moves_slots);
    if moving.is_empty() {
        return Ok(RoomRefusals::new());
    }
    if backend == DbBackend::Postgres {
        let lock = BatchStatement::over_rows(&moving, || lock_limits(backend))?;
        run_in_order(transaction, lock.into_iter().collect()).await?;
    }
    let takers = request_rows(commits, is_taking);
    let Some(read) = BatchStatement::over_rows(&takers, || room_of_takers(backend))? else {
        return Ok(RoomRefusals::new());
    };
    let rows = run_in_order(transaction, vec![read]).await?;
    let wanted: Vec<WantedSlots> = rows.iter().map(WantedSlots::read).collect::<Result<_, _>>()?;
    Ok(find_refusals(commits, &wanted))
}

/// Writes the rows of queues: what is left first, so that it is free for what is taken.
pub(crate) fn limit_rows(
    backend: DbBackend,
    commits: &[&InstanceCommit],
) -> Result<impl Iterator<Item = BatchStatement>, StoreError> {
    let released: Vec<ReleasedRow> = commits
        .iter()
        .flat_map(|commit| {
            let left = commit.changes.limits.iter();
            left.filter(|change| change.phase == LimitPhase::Released)
                .map(|change| ReleasedRow {
                    c_instance: commit.id.0,
                    c_task: change.task_index.0,
                })
        })
        .collect();
    let kept = request_rows(commits, |change| change.phase != LimitPhase::Released);
    let statements = [
        BatchStatement::over_rows(&released, || {
            format!(
                "DELETE FROM limit_request WHERE (instance, task_index) IN (SELECT c_instance, c_task FROM {})",
                source(backend, &RELEASED)
            )
        })?,
        BatchStatement::over_rows(&kept, || upsert_requests(backend))?,
    ];
    Ok(statements.into_iter().flatten())
}

fn is_taking(change: &LimitChange) -> bool {
    matches!(change.phase, LimitPhase::Holding { .. })
}

fn request_rows<'a>(
    commits: &[&'a InstanceCommit],
    filter: impl Fn(&LimitChange) -> bool,
) -> Vec<RequestRow<'a>> {
    let mut rows = Vec::new();
    for commit in commits {
        for change in commit.changes.limits.iter().filter(|change| filter(change)) {
            let (state, ready_at, attempt) = match change.phase {
                LimitPhase::Waiting { ready_at } => ("waiting", ready_at, None),
                LimitPhase::AwaitingWorker => ("awaiting_worker", commit.at, None),
                LimitPhase::Holding { attempt } => ("holding", commit.at, Some(attempt.0)),
                LimitPhase::Released => ("waiting", commit.at, None),
            };
            rows.extend(change.limits.iter().map(|limit| RequestRow {
                c_instance: commit.id.0,
                c_task: change.task_index.0,
                c_name: &limit.name,
                c_slots: limit.slots,
                c_state: state,
                c_group: &change.worker_group,
                c_instance_priority: rank(change.instance_priority),
                c_task_priority: rank(change.task_priority),
                c_ready_at: ready_at.0,
                c_attempt: attempt,
                c_since: commit.at.0,
            }));
        }
    }
    rows
}

/// Returns the place of a priority, most urgent first, from 1.
fn rank(priority: Priority) -> i64 {
    let place = Priority::ALL.iter().position(|other| *other == priority);
    place
        .and_then(|place| i64::try_from(place + 1).ok())
        .unwrap_or(i64::MAX)
}

/// Locks what the tasks hold, and what they are about to take.
fn lock_limits(backend: DbBackend) -> String {
    let rows = source(backend, &REQUEST);
    format!(
        "SELECT l.id FROM named_limit l WHERE l.id IN (\
         SELECT r.limit_id FROM {rows} JOIN limit_request r ON r.instance = c_instance AND r.task_index = c_task \
         WHERE r.state = 'holding' \
         UNION SELECT {limit} FROM {rows} JOIN instance i ON i.id = c_instance WHERE c_state = 'holding') \
         ORDER BY l.id FOR UPDATE",
        limit = resolved_limit("i.project_id", "c_name")
    )
}

/// Reads the limits of the tasks that are to be bound, in the order of the queues, and whether a task before wants more
/// than is free. A limit that is disabled or does not exist has room for everything. The sign in the order keeps SQLite
/// from looking for such a task in the order of the queue, where it would read all that wait: there is none, as a rule, and
/// the index by slots says so.
fn room_of_takers(backend: DbBackend) -> String {
    format!(
        "SELECT c_instance, c_task, c_name, c_slots, l.id, l.slots, l.used, COALESCE(r.forced, false), \
         (l.slots > l.used AND EXISTS (SELECT 1 FROM limit_request b WHERE b.limit_id = l.id \
         AND b.state <> 'holding' AND NOT b.forced AND b.slots > l.slots - l.used AND {before} < {own})) \
         FROM {rows} JOIN instance i ON i.id = c_instance \
         JOIN named_limit l ON l.id = {limit} AND l.enabled \
         LEFT JOIN limit_request r ON r.instance = c_instance AND r.task_index = c_task AND r.name = c_name \
         ORDER BY c_instance_priority, c_task_priority, COALESCE(r.ready_at, c_ready_at), c_instance, c_task, c_name",
        before = queue_order("+b"),
        own = queue_order("r"),
        rows = source(backend, &REQUEST),
        limit = resolved_limit("i.project_id", "c_name")
    )
}

fn upsert_requests(backend: DbBackend) -> String {
    format!(
        "INSERT INTO limit_request (instance, task_index, name, limit_id, slots, state, worker_group, \
         instance_priority, task_priority, ready_at, attempt, since) \
         SELECT c_instance, c_task, c_name, {limit}, c_slots, c_state, c_group, c_instance_priority, c_task_priority, \
         c_ready_at, c_attempt, c_since FROM {rows} JOIN instance i ON i.id = c_instance WHERE true \
         ON CONFLICT (instance, task_index, name) DO UPDATE SET limit_id = excluded.limit_id, \
         state = excluded.state, instance_priority = excluded.instance_priority, \
         task_priority = excluded.task_priority, attempt = excluded.attempt, since = excluded.since \
         WHERE limit_request.state <> 'holding' OR excluded.state <> 'holding'",
        limit = resolved_limit("i.project_id", "c_name"),
        rows = source(backend, &REQUEST)
    )
}

/// What one task wants of one limit.
struct WantedSlots {
    instance: i64,
    task_index: TaskIndex,
    name: String,
    slots: i64,
    limit: i64,
    total: i64,
    used: i64,
    is_forced: bool,
    is_behind: bool,
}

impl WantedSlots {
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let mut columns = RowReader::new(row);
        Ok(Self {
            instance: columns.next_value()?,
            task_index: TaskIndex(columns.next_u32()?),
            name: columns.next_value()?,
            slots: columns.next_value()?,
            limit: columns.next_value()?,
            total: columns.next_value()?,
            used: columns.next_value()?,
            is_forced: columns.next_value()?,
            is_behind: columns.next_value()?,
        })
    }

    /// Returns why there is no room after what others of the batch take; none where there is.
    fn refusal(&self, taken: i64) -> Option<String> {
        let room = LimitRoom::new(self.total, self.used + taken);
        if self.is_forced || (room.has_room(self.slots) && !self.is_behind) {
            return None;
        }
        let (used, total) = (self.used + taken, self.total);
        if self.name == PROJECT_CAP {
            return Some(format!(
                "its project has {used} attempts on workers, and may have {total}"
            ));
        }
        let name = &self.name;
        Some(if self.slots > total {
            format!(
                "it wants {} slots of limit `{name}`, which has {total}",
                self.slots
            )
        } else if self.is_behind {
            format!("another task waits before it for more slots of limit `{name}` than are free")
        } else {
            format!(
                "limit `{name}` is full: {used} of {total} slots are in use, it wants {}",
                self.slots
            )
        })
    }
}

/// Decides task by task in the order of the queues; a commit takes the slots of all its tasks or none.
fn find_refusals(commits: &[&InstanceCommit], wanted: &[WantedSlots]) -> RoomRefusals {
    let mut by_instance: BTreeMap<i64, Vec<&WantedSlots>> = BTreeMap::new();
    let mut order = Vec::new();
    for slots in wanted {
        let of_instance = by_instance.entry(slots.instance).or_default();
        if of_instance.is_empty() {
            order.push(slots.instance);
        }
        of_instance.push(slots);
    }
    let mut taken: BTreeMap<i64, i64> = BTreeMap::new();
    let mut refusals = RoomRefusals::new();
    for instance in order {
        let of_instance = &by_instance[&instance];
        let refused = refuse_tasks(of_instance, &mut taken);
        let commit = commits.iter().find(|commit| commit.id.0 == instance);
        if let Some(commit) = commit.filter(|_| !refused.is_empty()) {
            refusals.insert((commit.id, commit.revision), refused);
        }
    }
    refusals
}

/// Returns the tasks of one instance that have no room; adds what the instance takes when all have it.
fn refuse_tasks(wanted: &[&WantedSlots], taken: &mut BTreeMap<i64, i64>) -> Vec<RoomRefusal> {
    let mut with_own = taken.clone();
    let mut refused: Vec<RoomRefusal> = Vec::new();
    let tasks: BTreeSet<TaskIndex> = wanted.iter().map(|slots| slots.task_index).collect();
    for task_index in tasks {
        let of_task = || wanted.iter().filter(|slots| slots.task_index == task_index);
        let taken_of = |limit: i64| with_own.get(&limit).copied().unwrap_or_default();
        match of_task().find_map(|slots| slots.refusal(taken_of(slots.limit))) {
            Some(reason) => refused.push(RoomRefusal { task_index, reason }),
            None => of_task().for_each(|slots| *with_own.entry(slots.limit).or_default() += slots.slots),
        }
    }
    if refused.is_empty() {
        *taken = with_own;
    }
    refused
}
