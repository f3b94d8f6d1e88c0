//! The fields of a schedule: one table for documents, requests, what is stored, and the JSON Schema.

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::cron::{Cron, CronError};
use super::definition::{DEFAULT_MISSED_LIMIT, Repetition, ScheduleDefinition};
use super::time_text::{InvalidTimeText, TimeText};
use crate::ids::Timestamp;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::duration::HumanDuration;
use crate::spec::model::{Definition, Param};
use crate::spec::names::MAX_CHARS;
use crate::spec::validator::{Path, Validator, named};
use crate::start::parse_params;
use crate::states::{FailureStrategy, MissedPolicy, Priority};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// The shortest and the longest interval of `every`, in milliseconds.
const INTERVALS: (i64, i64) = (SECOND, 366 * DAY);

/// The longest jitter, in milliseconds.
const MAX_JITTER: i64 = HOUR;

/// The fewest and the most missed fires that `all` starts.
const MISSED_LIMITS: (i64, i64) = (1, 10_000);

/// The fewest and the most fire times of one answer.
const COUNTS: (i64, i64) = (1, 1_000);

/// The number of fire times of an answer when the request says none.
const DEFAULT_COUNT: u32 = 10;

/// One key of a schedule.
struct ScheduleField {
    key: &'static str,
    /// Whether it says when the schedule fires.
    is_timing: bool,
    doc: &'static str,
    schema: fn() -> Value,
}

/// The keys, in the order in which they are serialized.
const FIELDS: [ScheduleField; 14] = [
    ScheduleField {
        key: "cron",
        is_timing: true,
        doc: "A cron expression with 5, 6 (second first) or 7 fields (year last), or for example @daily.",
        schema: || json!({ "type": "string", "minLength": 1 }),
    },
    ScheduleField {
        key: "every",
        is_timing: true,
        doc: "In place of cron: an interval in elapsed time, counted from `start`. From 1s to 366d.",
        schema: duration_schema,
    },
    ScheduleField {
        key: "timezone",
        is_timing: true,
        doc: "The IANA name of the zone of its times; the document's unless given.",
        schema: || json!({ "type": "string" }),
    },
    ScheduleField {
        key: "start",
        is_timing: true,
        doc: "The first possible fire: RFC 3339, or a time or a date in its zone.",
        schema: || json!({ "type": "string" }),
    },
    ScheduleField {
        key: "end",
        is_timing: true,
        doc: "The last possible fire: RFC 3339, or a time or a date in its zone.",
        schema: || json!({ "type": "string" }),
    },
    ScheduleField {
        key: "calendar",
        is_timing: true,
        doc: "A calendar of the project, or a shared one: it fires on the dates of it only.",
        schema: name_schema,
    },
    ScheduleField {
        key: "missed",
        is_timing: false,
        doc: "Which fires are started that could not be started in time.",
        schema: || json!({ "enum": MissedPolicy::ALL, "default": MissedPolicy::Latest }),
    },
    ScheduleField {
        key: "missed_limit",
        is_timing: false,
        doc: "For `missed: all`: at most this many, the newest.",
        schema: || {
            let (minimum, maximum) = MISSED_LIMITS;
            json!({ "type": "integer", "minimum": minimum, "maximum": maximum, "default": DEFAULT_MISSED_LIMIT })
        },
    },
    ScheduleField {
        key: "jitter",
        is_timing: false,
        doc: "The limit of the delay of a start, which is fixed for each fire time; at most 1h.",
        schema: duration_schema,
    },
    ScheduleField {
        key: "params",
        is_timing: false,
        doc: "Parameters of its instances, as in a start.",
        schema: || json!({ "type": "object" }),
    },
    ScheduleField {
        key: "priority",
        is_timing: false,
        doc: "The workflow's unless given.",
        schema: || json!({ "enum": Priority::ALL }),
    },
    ScheduleField {
        key: "worker_group",
        is_timing: false,
        doc: "Replaces the workflow's default group.",
        schema: name_schema,
    },
    ScheduleField {
        key: "failure_strategy",
        is_timing: false,
        doc: "The workflow's unless given.",
        schema: || json!({ "enum": FailureStrategy::ALL }),
    },
    ScheduleField {
        key: "enabled",
        is_timing: false,
        doc: "false: it does not fire.",
        schema: || json!({ "type": "boolean", "default": true }),
    },
];

/// What a preview is asked for besides when the schedule fires.
const PREVIEW_KEYS: [&str; 3] = ["project", "count", "after"];

/// The fire times of a schedule that is not stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The schedule.
    pub definition: ScheduleDefinition,
    /// The project whose calendars it may name.
    pub project: Option<String>,
    /// The most fire times.
    pub count: u32,
    /// Fire times are after it; now unless given.
    pub after: Option<Timestamp>,
}

/// Parses a schedule; times without an offset are in its zone, else in `default_zone`.
///
/// # Errors
/// Lists everything that is wrong with it.
pub fn parse_schedule(value: &Value, default_zone: Tz) -> Result<ScheduleDefinition, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let definition = parse_entry(&mut validator, value, &Path::ROOT, default_zone);
    validator.finish(definition)
}

/// Parses a schedule of a workflow, whose zone is the default and whose parameters it may set.
///
/// # Errors
/// Lists everything that is wrong with it.
pub fn parse_workflow_schedule(
    value: &Value,
    workflow: &Definition,
    server_timezone: Tz,
) -> Result<ScheduleDefinition, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let at = Path::ROOT;
    let zone = workflow.timezone.unwrap_or(server_timezone);
    let definition = parse_entry(&mut validator, value, &at, zone);
    if definition.is_some() {
        check_entry_params(&mut validator, value, &at, &workflow.params);
    }
    validator.finish(definition)
}

/// Parses the request of a preview.
///
/// # Errors
/// Lists everything that is wrong with it.
pub fn parse_preview(value: &Value, default_zone: Tz) -> Result<Preview, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let preview = parse_preview_fields(&mut validator, value, default_zone);
    validator.finish(preview)
}

fn parse_preview_fields(validator: &mut Validator, value: &Value, default_zone: Tz) -> Option<Preview> {
    let at = Path::ROOT;
    let timing = FIELDS.iter().filter(|field| field.is_timing);
    let keys: Vec<&str> = timing.map(|field| field.key).chain(PREVIEW_KEYS).collect();
    let map = validator.object(value, &at, &keys)?;
    let mut fields = FieldReader { validator, map, at };
    let project = fields.read("project", |validator, value, at| validator.name(value, at));
    let count = fields.read("count", |validator, value, at| {
        validator.integer(value, at, COUNTS)
    });
    let after = fields.read("after", parse_time);
    let definition = fields.read_definition(default_zone)?;
    let zone = definition.timezone.unwrap_or(default_zone);
    Some(Preview {
        project,
        count: count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(DEFAULT_COUNT),
        after: after.and_then(|after| after.begin_in(zone)),
        definition,
    })
}

/// Parses the count of an answer with fire times, as a query gives it; `None` when it is out of bounds.
pub fn parse_count(count: Option<u32>) -> Option<u32> {
    let count = count.unwrap_or(DEFAULT_COUNT);
    (COUNTS.0..=COUNTS.1).contains(&i64::from(count)).then_some(count)
}

/// Parses one schedule where it stands.
pub(crate) fn parse_entry(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    default_zone: Tz,
) -> Option<ScheduleDefinition> {
    let keys: Vec<&str> = FIELDS.iter().map(|field| field.key).collect();
    let map = validator.object(value, at, &keys)?;
    let mut fields = FieldReader {
        validator,
        map,
        at: *at,
    };
    fields.read_definition(default_zone)
}

/// Checks the parameters of a schedule against those that its workflow declares.
pub(crate) fn check_entry_params(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    declared: &[Param],
) {
    let params = value.get("params").filter(|params| !params.is_null());
    parse_params(validator, params, &at.key("params"), declared);
}

/// Serializes a schedule so that [`parse_schedule`] reads an equal one; what equals its default is left out.
pub fn serialize_schedule(definition: &ScheduleDefinition) -> Value {
    let text = |value: Option<String>| value.map(Value::from);
    let duration = |ms: i64| Value::from(HumanDuration(ms).to_string());
    let member = |field: &ScheduleField| match field.key {
        "cron" => match &definition.repetition {
            Repetition::Cron(cron) => Some(json!(cron.to_string())),
            Repetition::Every(_) => None,
        },
        "every" => match definition.repetition {
            Repetition::Every(interval_ms) => Some(duration(interval_ms)),
            Repetition::Cron(_) => None,
        },
        "timezone" => text(definition.timezone.map(|zone| zone.name().to_owned())),
        "start" => text(definition.start.map(|start| start.to_string())),
        "end" => text(definition.end.map(|end| end.to_string())),
        "calendar" => text(definition.calendar.clone()),
        "missed" => (definition.missed != MissedPolicy::Latest).then(|| json!(definition.missed)),
        "missed_limit" => {
            (definition.missed_limit != DEFAULT_MISSED_LIMIT).then(|| json!(definition.missed_limit))
        }
        "jitter" => (definition.jitter_ms > 0).then(|| duration(definition.jitter_ms)),
        "params" => (!definition.params.is_empty()).then(|| Value::Object(definition.params.clone())),
        "priority" => definition.priority.map(|priority| json!(priority)),
        "worker_group" => text(definition.worker_group.clone()),
        "failure_strategy" => definition.failure_strategy.map(|strategy| json!(strategy)),
        "enabled" => (!definition.enabled).then(|| json!(false)),
        _ => None,
    };
    let members = FIELDS
        .iter()
        .filter_map(|field| Some((field.key.to_owned(), member(field)?)));
    Value::Object(members.collect())
}

/// Returns the JSON Schema of a schedule.
pub(crate) fn schedule_schema() -> Value {
    let properties: Map<String, Value> = FIELDS
        .iter()
        .map(|field| {
            let mut schema = (field.schema)();
            schema["description"] = json!(field.doc);
            (field.key.to_owned(), schema)
        })
        .collect();
    json!({
        "type": "object",
        "oneOf": [{ "required": ["cron"] }, { "required": ["every", "start"] }],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn duration_schema() -> Value {
    json!({ "type": "string", "pattern": "^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$", "minLength": 2 })
}

fn name_schema() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_CHARS })
}

/// Reads the members of a schedule one by one.
struct FieldReader<'v, 'p, 'm> {
    validator: &'v mut Validator,
    map: &'m Map<String, Value>,
    at: Path<'p>,
}

impl<'m> FieldReader<'_, '_, 'm> {
    /// Reads a member that is given; null is the same as leaving it out.
    fn read<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&mut Validator, &Value, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.given(key)?;
        parse(self.validator, value, &self.at.key(key))
    }

    fn given(&self, key: &str) -> Option<&'m Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn read_definition(&mut self, default_zone: Tz) -> Option<ScheduleDefinition> {
        let repetition = self.read_repetition();
        let definition = ScheduleDefinition {
            timezone: self.read("timezone", |validator, value, at| validator.timezone(value, at)),
            start: self.read("start", parse_time),
            end: self.read("end", parse_time),
            calendar: self.read("calendar", |validator, value, at| validator.name(value, at)),
            missed: self
                .read("missed", |validator, value, at| {
                    validator.choice(value, at, &named(MissedPolicy::ALL, MissedPolicy::as_str))
                })
                .unwrap_or(MissedPolicy::Latest),
            missed_limit: self
                .read("missed_limit", |validator, value, at| {
                    validator.integer(value, at, MISSED_LIMITS)
                })
                .and_then(|limit| u32::try_from(limit).ok())
                .unwrap_or(DEFAULT_MISSED_LIMIT),
            jitter_ms: self.read("jitter", parse_jitter).unwrap_or(0),
            params: self
                .read("params", |validator, value, at| validator.map(value, at).cloned())
                .unwrap_or_default(),
            priority: self.read("priority", |validator, value, at| {
                validator.choice(value, at, &named(Priority::ALL, Priority::as_str))
            }),
            worker_group: self.read("worker_group", |validator, value, at| validator.name(value, at)),
            failure_strategy: self.read("failure_strategy", |validator, value, at| {
                validator.choice(value, at, &named(FailureStrategy::ALL, FailureStrategy::as_str))
            }),
            enabled: self
                .read("enabled", |validator, value, at| validator.boolean(value, at))
                .unwrap_or(true),
            repetition: repetition?,
        };
        self.check_window(&definition, default_zone);
        Some(definition)
    }

    fn read_repetition(&mut self) -> Option<Repetition> {
        let (has_cron, has_every) = (self.given("cron").is_some(), self.given("every").is_some());
        let at = self.at;
        match (has_cron, has_every) {
            (true, true) => {
                let message = "`cron` and `every` exclude each other; leave one of them out";
                self.validator.invalid(&at.key("every"), "BAD_VALUE", message);
                None
            }
            (false, false) => {
                let hint = "write `cron`, or `every` with `start`";
                self.validator.missing(&at, "cron", hint);
                None
            }
            (true, false) => self.read("cron", parse_cron).map(Repetition::Cron),
            (false, true) => {
                if self.given("start").is_none() {
                    self.validator.missing(&at, "start", "`every` is counted from it");
                }
                self.read("every", parse_interval).map(Repetition::Every)
            }
        }
    }

    fn check_window(&mut self, definition: &ScheduleDefinition, default_zone: Tz) {
        let window = definition.window(definition.timezone.unwrap_or(default_zone));
        if let (Some(start), Some(end)) = (window.start, window.end)
            && start > end
        {
            let message = "`end` is before `start`; no fire lies between them";
            self.validator.invalid(&self.at.key("end"), "BAD_VALUE", message);
        }
    }
}

fn parse_cron(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Cron> {
    let parsed: Result<Cron, CronError> = validator.text(value, at)?.parse();
    parsed
        .map_err(|error| validator.invalid(at, error.code(), error.to_string()))
        .ok()
}

fn parse_interval(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<i64> {
    let ms = validator.duration(value, at)?;
    if !(INTERVALS.0..=INTERVALS.1).contains(&ms) {
        validator.invalid(at, "OUT_OF_RANGE", "the interval is from 1s to 366d");
        return None;
    }
    Some(ms)
}

fn parse_jitter(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<i64> {
    let ms = validator.duration(value, at)?;
    if ms > MAX_JITTER {
        validator.invalid(at, "OUT_OF_RANGE", "the jitter is at most 1h");
        return None;
    }
    Some(ms)
}

fn parse_time(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<TimeText> {
    let text = validator.text(value, at)?;
    text.parse()
        .map_err(|error: InvalidTimeText| {
            validator.invalid(at, "BAD_VALUE", error.to_string());
        })
        .ok()
}
