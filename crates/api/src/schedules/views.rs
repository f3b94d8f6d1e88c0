//! Schedules with their fires in answers.

use std::collections::BTreeMap;

use catalog as stored;
use engine::alert::serialize_rules;
use engine::schedule::serialize_schedule;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::timestamp::{format_optional_time, format_time};

/// A schedule to be stored. `cron`, or `every` with `start`, is needed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
pub(crate) struct PutSchedule {
    /// An expression with 5, 6 (second first) or 7 fields (year last), or for example `@daily`.
    cron: Option<String>,
    /// In place of cron: an interval in elapsed time, counted from `start`, from `1s` to `366d`.
    every: Option<String>,
    /// The IANA name of its zone; the document's unless given.
    timezone: Option<String>,
    /// The first possible fire: RFC 3339, or a time or a date in its zone.
    start: Option<String>,
    /// The last possible fire: RFC 3339, or a time or a date in its zone.
    end: Option<String>,
    /// A calendar of the project, or a shared one.
    calendar: Option<String>,
    /// `skip`, `latest` or `all`; `latest` unless given.
    missed: Option<String>,
    /// For `all`: at most this many, the newest.
    #[schema(minimum = 1, maximum = 10000)]
    missed_limit: Option<u32>,
    /// The limit of the delay of a start, at most `1h`.
    jitter: Option<String>,
    /// Parameters that the workflow declares, name to value.
    params: Option<BTreeMap<String, Value>>,
    /// `highest`, `high`, `medium`, `low` or `lowest`.
    priority: Option<String>,
    /// Replaces the workflow's default group.
    worker_group: Option<String>,
    /// `continue` or `end`.
    failure_strategy: Option<String>,
    /// Which events of its fires and instances send alerts, as `notify` of a document.
    #[schema(value_type = Option<Vec<Object>>)]
    notify: Option<Vec<Value>>,
    /// False: it does not fire.
    enabled: Option<bool>,
}

/// A schedule that is not stored. `cron`, or `every` with `start`, is needed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the body for readers; the engine parses it")]
pub(crate) struct PreviewSchedule {
    /// An expression with 5, 6 (second first) or 7 fields (year last), or for example `@daily`.
    cron: Option<String>,
    /// In place of cron: an interval in elapsed time, counted from `start`.
    every: Option<String>,
    /// The IANA name of its zone; the server's unless given.
    timezone: Option<String>,
    /// The first possible fire.
    start: Option<String>,
    /// The last possible fire.
    end: Option<String>,
    /// A calendar of the project, or a shared one.
    calendar: Option<String>,
    /// The project of the calendar.
    project: Option<String>,
    /// How many fire times at most; 10 unless given.
    #[schema(minimum = 1, maximum = 1000)]
    count: Option<u32>,
    /// Fire times are after it; now unless given.
    after: Option<String>,
}

/// Why the last fire was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleAttention {
    /// Stable, upper snake.
    code: String,
    /// What is wrong, and what to do.
    detail: String,
}

/// A schedule of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleView {
    project: String,
    workflow: String,
    name: String,
    #[schema(value_type = Option<String>)]
    cron: Value,
    #[schema(value_type = Option<String>)]
    every: Value,
    /// When it fires, in English words.
    description: String,
    timezone: String,
    /// The first possible fire.
    start: Option<String>,
    /// The last possible fire.
    end: Option<String>,
    calendar: Option<String>,
    /// `skip`, `latest` or `all`.
    missed: String,
    missed_limit: u32,
    #[schema(value_type = Option<String>)]
    jitter: Value,
    #[schema(value_type = Object)]
    params: Map<String, Value>,
    priority: Option<String>,
    worker_group: Option<String>,
    failure_strategy: Option<String>,
    /// Which events of its fires and instances send alerts.
    #[schema(value_type = Vec<Object>)]
    notify: Value,
    enabled: bool,
    /// `document` or `api`.
    managed_by: String,
    /// Without jitter; null when it is disabled or over.
    next_fire_at: Option<String>,
    /// The last fire that was started.
    last_fire_at: Option<String>,
    /// The instance of that fire.
    last_instance: Option<String>,
    attention: Option<ScheduleAttention>,
}

impl From<stored::Schedule> for ScheduleView {
    fn from(row: stored::Schedule) -> Self {
        let definition = row.definition;
        let fields = serialize_schedule(&definition);
        let window = definition.window(row.timezone);
        Self {
            project: row.project,
            workflow: row.workflow,
            name: row.name,
            cron: field(&fields, "cron"),
            every: field(&fields, "every"),
            description: definition.describe(),
            timezone: row.timezone.name().to_owned(),
            start: format_optional_time(window.start),
            end: format_optional_time(window.end),
            calendar: definition.calendar,
            missed: definition.missed.to_string(),
            missed_limit: definition.missed_limit,
            jitter: field(&fields, "jitter"),
            params: definition.params,
            priority: definition.priority.map(|priority| priority.to_string()),
            worker_group: definition.worker_group,
            failure_strategy: definition.failure_strategy.map(|strategy| strategy.to_string()),
            notify: serialize_rules(&definition.notify),
            enabled: row.enabled,
            managed_by: row.managed_by.as_str().to_owned(),
            next_fire_at: format_optional_time(row.next_fire_at),
            last_fire_at: format_optional_time(row.last_fire_at),
            last_instance: row.last_instance.map(|id| id.to_string()),
            attention: row.attention.map(|attention| ScheduleAttention {
                code: attention.code,
                detail: attention.detail,
            }),
        }
    }
}

/// Returns a field of a schedule, as it stands in answers.
fn field(fields: &Value, key: &str) -> Value {
    fields.get(key).cloned().unwrap_or(Value::Null)
}

/// What became of a fire, or of skipped ones in a row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduleFire)]
pub(crate) struct FireView {
    /// Its time; of skipped ones the newest.
    fire_at: String,
    /// The oldest of skipped ones.
    first_fire_at: String,
    /// `started`, `skipped` or `refused`.
    outcome: String,
    /// Why it was not started.
    why: Option<String>,
    /// How late it was started, in milliseconds.
    late_ms: Option<i64>,
    /// Its instance, which may be deleted.
    instance: Option<String>,
    /// How many fires, up to 10,000.
    count: u32,
}

impl From<stored::ScheduleFire> for FireView {
    fn from(row: stored::ScheduleFire) -> Self {
        Self {
            fire_at: format_time(row.fire_at),
            first_fire_at: format_time(row.first_fire_at),
            outcome: row.outcome,
            why: row.why,
            late_ms: row.late_ms,
            instance: row.instance.map(|id| id.to_string()),
            count: row.count,
        }
    }
}
