//! The JSON Schema of documents, for editors or forms; tested to name the same keys as the parser.

use serde_json::{Map, Value, json};

use super::concurrency::concurrency_schema;
use super::limits::{MAX_SCHEDULES, MAX_TASKS};
use super::params::TYPES;
use super::{cut_off, limit_uses, names, tasks};
use crate::alert::rule_document::rule_list_schema;
use crate::plan::trigger_rule::TriggerRule;
use crate::schedule::fields::schedule_schema;
use crate::states::{Backoff, FailureStrategy, OnTimeout, OnWorkerLost, Priority};
use crate::task_type::field::object_schema;
use crate::task_type::logic_values::expression_schema;
use crate::task_type::{TASK_TYPES, TaskType};

/// Returns the JSON Schema (draft 2020-12) of a whole document.
pub fn document_schema() -> Value {
    let types: Vec<Value> = task_type_schemas()
        .into_iter()
        .map(|(_, schema)| schema)
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Porpoise workflow",
        "type": "object",
        "required": ["version", "name", "tasks"],
        "additionalProperties": false,
        "patternProperties": { "^x-": {} },
        "properties": {
            "version": { "const": 1, "description": "Version of this format." },
            "name": name("Unique in the project."),
            "project": name("The project, unless the command line or the URL says it."),
            "description": { "type": "string" },
            "labels": { "type": "object", "additionalProperties": scalar("A label.") },
            "timezone": { "type": "string", "description": "IANA name of the zone of times, like Asia/Shanghai." },
            "params": params("Workflow parameters."),
            "timeout": duration("The limit of one run of an instance."),
            "on_timeout": choice(OnTimeout::ALL, OnTimeout::Warn),
            "failure_strategy": choice(FailureStrategy::ALL, FailureStrategy::Continue),
            "priority": choice(Priority::ALL, Priority::Medium),
            "worker_group": name("The default for its tasks."),
            "concurrency": concurrency_schema(),
            "start_within": duration("How long an instance may be queued; then it ends as stopped."),
            "notify": rule_list_schema(),
            "schedules": {
                "type": "object",
                "description": "When it is started, by name.",
                "maxProperties": MAX_SCHEDULES,
                "additionalProperties": schedule_schema(),
            },
            "tasks": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MAX_TASKS,
                "additionalProperties": { "oneOf": types },
            },
        },
    })
}

/// Returns each task type with the JSON Schema of a task of it.
pub fn task_type_schemas() -> Vec<(&'static TaskType, Value)> {
    let schemas = TASK_TYPES
        .iter()
        .map(|task_type| (*task_type, task_schema(task_type)));
    schemas.collect()
}

fn task_schema(task_type: &TaskType) -> Value {
    let mut properties = common();
    properties.retain(|key, _| task_type.has_common_key(key));
    properties.insert("type".to_owned(), json!({ "const": task_type.name }));
    let mut schema = object_schema(task_type.fields, properties, &["type"]);
    schema["title"] = json!(task_type.name);
    schema["description"] = json!(task_type.doc);
    schema
}

/// A name that looks like a number or a truth value may be written as one.
fn need() -> Value {
    let mut task = name("A task that must be settled before.");
    task["type"] = json!(["string", "number", "boolean"]);
    json!({
        "oneOf": [
            task.clone(),
            {
                "type": "object",
                "required": ["task"],
                "additionalProperties": false,
                "properties": { "task": task, "on": choice(TriggerRule::ALL, TriggerRule::OnSuccess) },
            },
        ],
    })
}

fn common() -> Map<String, Value> {
    let common = json!({
        "needs": {
            "type": "array",
            "uniqueItems": true,
            "items": need(),
        },
        "params": params("Seen by this task only."),
        "outputs": {
            "description": "Names that it may set, as a list or with defaults.",
            "oneOf": [
                { "type": "array", "uniqueItems": true, "items": param_name() },
                {
                    "type": "object",
                    "propertyNames": param_name(),
                    "additionalProperties": {
                        "oneOf": [
                            { "type": ["string", "number", "boolean", "array", "null"] },
                            {
                                "type": "object",
                                "additionalProperties": false,
                                "properties": { "type": param_types(), "default": {} },
                            },
                        ],
                    },
                },
            ],
        },
        "retry": retry(),
        "when": expression_schema("An expression that is asked each time it would start; false skips it."),
        "delay": duration("The wait after it became ready."),
        "timeout": duration("The limit of one attempt."),
        "on_timeout": choice(OnTimeout::ALL, OnTimeout::Fail),
        "priority": choice(Priority::ALL, Priority::Medium),
        "worker_group": name("Where it runs."),
        "limits": limit_uses::schema(),
        "wait_within": duration("The longest wait for slots and limits; then it fails."),
        "env": {
            "type": "object",
            "propertyNames": { "pattern": "^(?!PORPOISE_)[A-Za-z_][A-Za-z0-9_]*$" },
            "additionalProperties": scalar("A variable of its environment."),
        },
        "on_worker_lost": choice(OnWorkerLost::ALL, OnWorkerLost::Rerun),
        "on_cut_off": cut_off::schema(duration("The time without contact to any master.")),
        "enabled": { "type": "boolean", "default": true, "description": "false: passed through." },
    });
    match common {
        Value::Object(common) => common,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn retry() -> Value {
    json!({
        "type": "object",
        "required": ["max"],
        "additionalProperties": false,
        "properties": {
            "max": { "type": "integer", "minimum": 0, "maximum": tasks::MAX_RETRIES },
            "delay": duration("From the end of the failed attempt."),
            "backoff": choice(Backoff::ALL, Backoff::Fixed),
            "max_delay": duration("The longest wait."),
        },
    })
}

fn params(description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "propertyNames": param_name(),
        "additionalProperties": {
            "oneOf": [
                { "type": ["string", "number", "boolean", "array"] },
                {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "type": param_types(),
                        "direction": { "enum": ["in", "out"], "default": "in" },
                        "value": {},
                    },
                },
            ],
        },
    })
}

fn param_types() -> Value {
    json!({ "enum": TYPES.iter().map(|(name, _)| *name).collect::<Vec<_>>() })
}

fn name(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": names::MAX_CHARS, "description": description })
}

fn param_name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": names::MAX_CHARS })
}

fn scalar(description: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "description": description })
}

fn duration(description: &str) -> Value {
    json!({
        "type": "string",
        "pattern": "^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$",
        "minLength": 2,
        "description": format!("{description} For example 500ms, 90s, 10m, 1h30m, 2d."),
    })
}

fn choice<T: serde::Serialize>(all: &[T], default: T) -> Value {
    json!({ "enum": all, "default": default })
}
