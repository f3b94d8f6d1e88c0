//! The fields of a schedule: one table for documents, requests, what is stored, and the JSON Schema.

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::definition::{DEFAULT_MISSED_LIMIT, MISSED_LIMITS, Repetition, ScheduleDefinition};
use super::field_reader::FieldReader;
use super::missed_policy::MissedPolicy;
use crate::alert::rule_document::{rule_list_schema, serialize_rules};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::duration::HumanDuration;
use crate::spec::model::{Definition, Param};
use crate::spec::names::MAX_CHARS;
use crate::spec::validator::{Path, Validator};
use crate::start::parse_params;
use crate::states::{FailureStrategy, Priority};

/// One key of a schedule.
struct ScheduleField {
    key: &'static str,
    /// Whether it says when the schedule fires.
    is_timing: bool,
    doc: &'static str,
    schema: fn() -> Value,
}

/// The keys, in the order in which they are serialized.
const FIELDS: [ScheduleField; 15] = [
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
        key: "notify",
        is_timing: false,
        doc: "Which events of its fires and instances send alerts.",
        schema: rule_list_schema,
    },
    ScheduleField {
        key: "enabled",
        is_timing: false,
        doc: "false: it does not fire.",
        schema: || json!({ "type": "boolean", "default": true }),
    },
];

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

/// Parses one schedule where it stands.
pub(crate) fn parse_entry(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    default_zone: Tz,
) -> Option<ScheduleDefinition> {
    let keys: Vec<&str> = FIELDS.iter().map(|field| field.key).collect();
    let map = validator.object(value, at, &keys)?;
    FieldReader::new(validator, map, *at).read_definition(default_zone)
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

/// Returns the keys that say when a schedule fires.
pub(super) fn timing_keys() -> impl Iterator<Item = &'static str> {
    FIELDS
        .iter()
        .filter(|field| field.is_timing)
        .map(|field| field.key)
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
        "notify" => (!definition.notify.is_empty()).then(|| serialize_rules(&definition.notify)),
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
