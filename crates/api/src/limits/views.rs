//! Limits in requests and answers.

use catalog as stored;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A limit to be stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutLimit {
    /// How many slots tasks may hold together; with 0 no task starts.
    #[schema(minimum = 0, maximum = 10000)]
    pub(crate) slots: i64,
    /// False: it limits nothing. True unless given.
    pub(crate) enabled: Option<bool>,
    /// For people.
    #[serde(default)]
    pub(crate) description: String,
}

/// A limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitView {
    name: String,
    slots: u32,
    /// The slots that tasks hold; more than `slots` after it was lowered, or a task was forced.
    used: i64,
    /// The number of tasks that wait for it.
    waiting: i64,
    enabled: bool,
    description: String,
    /// Whether all projects share it.
    shared: bool,
    created_at: String,
    updated_at: String,
}

impl From<stored::StoredLimit> for LimitView {
    fn from(row: stored::StoredLimit) -> Self {
        Self {
            name: row.name,
            slots: row.slots,
            used: row.used,
            waiting: row.waiting,
            enabled: row.enabled,
            description: row.description,
            shared: row.owner == stored::LimitOwner::Shared,
            created_at: format_time(row.created_at),
            updated_at: format_time(row.updated_at),
        }
    }
}

/// A task that holds slots of a limit, or waits for it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LimitQueueEntry)]
pub(crate) struct QueueEntryView {
    instance: String,
    task: String,
    /// The attempt that holds the slots.
    attempt: Option<u32>,
    /// `holding` or `waiting`.
    state: &'static str,
    /// How many slots it holds or wants.
    slots: u32,
    /// Since when it holds them, or could run.
    since: String,
    /// The priority of its instance.
    priority: String,
    /// Its place among those that wait, from 1.
    position: Option<u64>,
}

impl From<stored::QueueEntry> for QueueEntryView {
    fn from(entry: stored::QueueEntry) -> Self {
        Self {
            instance: entry.instance.to_string(),
            task: entry.task,
            attempt: entry.attempt.map(|attempt| attempt.0),
            state: entry.state.as_str(),
            slots: entry.slots,
            since: format_time(entry.since),
            priority: entry.priority.to_string(),
            position: entry.position,
        }
    }
}
