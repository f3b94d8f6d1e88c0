//! The tasks that hold slots of a limit, then those that wait for it in their order.

use std::fmt;
use std::str::FromStr;

use engine::ids::{AttemptNumber, InstanceId, TaskIndex, Timestamp};
use engine::states::Priority;
use ports::DefinitionStore as _;
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use crate::columns::narrow;
use crate::error::CatalogError;
use crate::limits::stored::{Limits, StoredLimit, first_blocked, queue_order};
use crate::page::{Page, PageRequest};

/// Lists those that hold slots after one of them.
const HOLDERS: &str = "SELECT {columns} FROM limit_request r JOIN instance i ON i.id = r.instance \
    WHERE r.limit_id = $1 AND r.state = 'holding' AND (r.instance, r.task_index) > ($2, $3) \
    ORDER BY r.instance, r.task_index LIMIT $4";

/// Lists those that wait after one of them.
const WAITERS: &str = "SELECT {columns} FROM named_limit l JOIN limit_request r ON r.limit_id = l.id \
    JOIN instance i ON i.id = r.instance WHERE l.id = $1 AND l.enabled AND r.state <> 'holding' AND NOT r.forced \
    AND ({r}) >= ({first}) AND ({r}) > ($2, $3, $4, $5, $6) ORDER BY {r} LIMIT $7";

/// What is read of a task in a queue.
const COLUMNS: &str = "r.instance, r.task_index, r.slots, r.state = 'holding' AS holding, r.instance_priority, \
    r.task_priority, r.ready_at, r.attempt, r.since, i.workflow_id, i.version";

/// Whether a task holds slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueEntryState {
    /// It holds them.
    Holding,
    /// It waits for them.
    Waiting,
}

impl QueueEntryState {
    /// Returns the shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holding => "holding",
            Self::Waiting => "waiting",
        }
    }
}

/// A task that holds slots of a limit, or waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Its instance.
    pub instance: InstanceId,
    /// The task.
    pub task: String,
    /// The attempt that holds the slots.
    pub attempt: Option<AttemptNumber>,
    /// Whether it holds them.
    pub state: QueueEntryState,
    /// How many slots it holds or wants.
    pub slots: u32,
    /// Since when it holds them, or could run.
    pub since: Timestamp,
    /// How urgent its instance is.
    pub priority: Priority,
    /// Its place among those that wait, from 1.
    pub position: Option<u64>,
    cursor: QueueCursor,
}

/// The place of an entry in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QueueCursor {
    /// After this instance and task among the holders.
    Holding(i64, i64),
    /// After this task among the waiting ones, with its position.
    Waiting([i64; 5], u64),
}

impl fmt::Display for QueueCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holding(instance, task) => write!(f, "h {instance} {task}"),
            Self::Waiting(key, position) => {
                f.write_str("w")?;
                key.iter().try_for_each(|part| write!(f, " {part}"))?;
                write!(f, " {position}")
            }
        }
    }
}

impl FromStr for QueueCursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no place in a queue");
        let (kind, rest) = text.split_once(' ').ok_or_else(refused)?;
        let numbers: Result<Vec<i64>, _> = rest.split(' ').map(str::parse).collect();
        match (kind, numbers.map_err(|_| refused())?.as_slice()) {
            ("h", [instance, task]) => Ok(Self::Holding(*instance, *task)),
            ("w", [a, b, c, d, e, position]) => {
                let position = u64::try_from(*position).map_err(|_| refused())?;
                Ok(Self::Waiting([*a, *b, *c, *d, *e], position))
            }
            _ => Err(refused()),
        }
    }
}

#[derive(FromQueryResult)]
struct EntryRow {
    instance: i64,
    task_index: i64,
    slots: i64,
    holding: bool,
    instance_priority: i64,
    task_priority: i64,
    ready_at: i64,
    attempt: Option<i64>,
    since: i64,
    workflow_id: i64,
    version: i64,
}

impl Limits<'_> {
    /// Lists those that hold slots of a limit, then those that wait for it, the next first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_queue(
        self,
        limit: &StoredLimit,
        page: &PageRequest,
    ) -> Result<Page<QueueEntry>, CatalogError> {
        let most = usize::try_from(page.rows()).unwrap_or(usize::MAX);
        let mut items = Vec::new();
        let (mut after, mut position) = ([0; 5], 0);
        match page.after::<QueueCursor>("queue")? {
            None => items = self.holders(limit, (0, -1), most).await?,
            Some(QueueCursor::Holding(instance, task)) => {
                items = self.holders(limit, (instance, task), most).await?;
            }
            Some(QueueCursor::Waiting(key, last)) => (after, position) = (key, last),
        }
        if items.len() < most {
            let waiters = self.waiters(limit, (after, position), most - items.len()).await?;
            items.extend(waiters);
        }
        Ok(Page::cut("queue", page, items, |entry: &QueueEntry| {
            entry.cursor.to_string()
        }))
    }

    async fn holders(
        self,
        limit: &StoredLimit,
        (instance, task): (i64, i64),
        most: usize,
    ) -> Result<Vec<QueueEntry>, CatalogError> {
        let values = vec![limit.id.into(), instance.into(), task.into(), rows(most)];
        self.entries(HOLDERS, values, 0).await
    }

    async fn waiters(
        self,
        limit: &StoredLimit,
        (after, position): ([i64; 5], u64),
        most: usize,
    ) -> Result<Vec<QueueEntry>, CatalogError> {
        let mut values: Vec<Value> = vec![limit.id.into()];
        values.extend(after.map(Value::from));
        values.push(rows(most));
        self.entries(WAITERS, values, position).await
    }

    async fn entries(
        self,
        sql: &str,
        values: Vec<Value>,
        mut position: u64,
    ) -> Result<Vec<QueueEntry>, CatalogError> {
        let sql = sql
            .replace("{columns}", COLUMNS)
            .replace("{first}", &first_blocked())
            .replace("{r}", &queue_order("r"));
        let statement = self.store().statement(&sql, values);
        let mut entries = Vec::new();
        for row in &self.store().reader().query_all_raw(statement).await? {
            let row = EntryRow::from_query_result(row, "")?;
            position += u64::from(!row.holding);
            entries.push(self.entry(row, position).await?);
        }
        Ok(entries)
    }

    async fn entry(self, row: EntryRow, position: u64) -> Result<QueueEntry, CatalogError> {
        let definition = self.store().load_definition(row.workflow_id, row.version).await?;
        let task_index = TaskIndex(narrow("task_index", row.task_index)?);
        let task = definition.task(task_index).map(|task| task.name.clone());
        let (state, since, cursor) = if row.holding {
            let cursor = QueueCursor::Holding(row.instance, row.task_index);
            (QueueEntryState::Holding, row.since, cursor)
        } else {
            let key = [
                row.instance_priority,
                row.task_priority,
                row.ready_at,
                row.instance,
                row.task_index,
            ];
            let cursor = QueueCursor::Waiting(key, position);
            (QueueEntryState::Waiting, row.ready_at, cursor)
        };
        let attempt = row
            .attempt
            .map(|attempt| narrow("attempt", attempt))
            .transpose()?;
        Ok(QueueEntry {
            instance: InstanceId(row.instance),
            task: task.unwrap_or_default(),
            attempt: attempt.map(AttemptNumber),
            state,
            slots: narrow("slots", row.slots)?,
            since: Timestamp(since),
            priority: priority_of(row.instance_priority),
            position: (!row.holding).then_some(position),
            cursor,
        })
    }
}

/// Returns the priority of a stored place, from 1.
fn priority_of(place: i64) -> Priority {
    let index = usize::try_from(place - 1).unwrap_or(usize::MAX);
    Priority::ALL.get(index).copied().unwrap_or(Priority::Medium)
}

fn rows(most: usize) -> Value {
    i64::try_from(most).unwrap_or(i64::MAX).into()
}
