//! Writes a definition as the canonical document: what equals its default is left out.

use serde_json::{Map, Value, json};

use super::duration::HumanDuration;
use super::model::{Definition, Direction, Output, Param, ParamType, RetryPolicy, TaskDefinition};
use super::params::TYPES;
use super::{cut_off, parse};
use crate::states::{Backoff, FailureStrategy, OnTimeout, OnWorkerLost, Priority};

/// Writes a definition so that [`super::parse`] reads an equal one.
pub fn serialize(definition: &Definition) -> Value {
    let mut map = Map::new();
    map.insert("version".to_owned(), json!(1));
    map.insert("name".to_owned(), json!(definition.name));
    put(
        &mut map,
        "project",
        definition.project.as_ref().map(|name| json!(name)),
    );
    put(
        &mut map,
        "description",
        unless(definition.description.is_empty(), || {
            json!(definition.description)
        }),
    );
    put(
        &mut map,
        "labels",
        unless(definition.labels.is_empty(), || json!(definition.labels)),
    );
    put(&mut map, "params", params(&definition.params));
    put(&mut map, "timeout", definition.timeout_ms.map(span));
    put(
        &mut map,
        "on_timeout",
        unless(definition.on_timeout == OnTimeout::Warn, || {
            json!(definition.on_timeout)
        }),
    );
    put(
        &mut map,
        "failure_strategy",
        unless(definition.failure_strategy == FailureStrategy::Continue, || {
            json!(definition.failure_strategy)
        }),
    );
    put(
        &mut map,
        "priority",
        unless(definition.priority == Priority::Medium, || {
            json!(definition.priority)
        }),
    );
    put(
        &mut map,
        "worker_group",
        unless(definition.worker_group == parse::DEFAULT_NAME, || {
            json!(definition.worker_group)
        }),
    );
    let tasks: Map<String, Value> = definition
        .tasks
        .iter()
        .map(|entry| (entry.name.clone(), task(definition, entry)))
        .collect();
    map.insert("tasks".to_owned(), Value::Object(tasks));
    Value::Object(map)
}

fn task(definition: &Definition, task: &TaskDefinition) -> Value {
    let mut map = Map::new();
    map.insert("type".to_owned(), json!(task.action.type_name()));
    let needs: Vec<&str> = task
        .needs
        .iter()
        .filter_map(|need| definition.task(*need))
        .map(|need| need.name.as_str())
        .collect();
    put(&mut map, "needs", unless(needs.is_empty(), || json!(needs)));
    for (key, value) in task.action.fields() {
        map.insert(key.to_owned(), value.clone());
    }
    put(&mut map, "params", params(&task.params));
    put(&mut map, "outputs", outputs(&task.outputs));
    put(&mut map, "retry", retry(&task.retry));
    put(&mut map, "delay", task.delay_ms.map(span));
    put(&mut map, "timeout", task.timeout_ms.map(span));
    put(
        &mut map,
        "on_timeout",
        unless(task.on_timeout == OnTimeout::Fail, || json!(task.on_timeout)),
    );
    put(
        &mut map,
        "priority",
        task.priority.map(|priority| json!(priority)),
    );
    put(
        &mut map,
        "worker_group",
        task.worker_group.as_ref().map(|group| json!(group)),
    );
    put(&mut map, "env", unless(task.env.is_empty(), || json!(task.env)));
    put(
        &mut map,
        "on_worker_lost",
        unless(task.on_worker_lost == OnWorkerLost::Rerun, || {
            json!(task.on_worker_lost)
        }),
    );
    put(&mut map, "on_cut_off", cut_off::serialize(task.on_cut_off));
    put(&mut map, "enabled", unless(task.enabled, || json!(false)));
    Value::Object(map)
}

fn params(params: &[Param]) -> Option<Value> {
    let map: Map<String, Value> = params
        .iter()
        .map(|entry| (entry.name.clone(), param(entry)))
        .collect();
    unless(map.is_empty(), || Value::Object(map))
}

/// The short form where reading it gives the same type; else the long one.
fn param(param: &Param) -> Value {
    if param.direction == Direction::In
        && let Some(value) = &param.value
        && !value.is_object()
        && param.kind == inferred(value)
    {
        return value.clone();
    }
    let kind = TYPES
        .iter()
        .find(|(_, kind)| *kind == param.kind)
        .map(|(name, _)| json!(name));
    let mut map = Map::new();
    put(&mut map, "type", kind);
    put(
        &mut map,
        "direction",
        unless(param.direction == Direction::In, || json!("out")),
    );
    put(&mut map, "value", param.value.clone());
    Value::Object(map)
}

fn inferred(value: &Value) -> ParamType {
    super::params::kind_of(value)
}

fn outputs(outputs: &[Output]) -> Option<Value> {
    if outputs.iter().all(|output| output.default.is_none()) {
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        return unless(names.is_empty(), || json!(names));
    }
    let map: Map<String, Value> = outputs
        .iter()
        .map(|output| (output.name.clone(), json!(output.default)))
        .collect();
    Some(Value::Object(map))
}

fn retry(retry: &RetryPolicy) -> Option<Value> {
    if *retry == RetryPolicy::default() {
        return None;
    }
    let mut map = Map::new();
    map.insert("max".to_owned(), json!(retry.max));
    put(
        &mut map,
        "delay",
        unless(retry.delay_ms == 0, || span(retry.delay_ms)),
    );
    put(
        &mut map,
        "backoff",
        unless(retry.backoff == Backoff::Fixed, || json!(retry.backoff)),
    );
    put(&mut map, "max_delay", retry.max_delay_ms.map(span));
    Some(Value::Object(map))
}

fn span(ms: i64) -> Value {
    json!(HumanDuration(ms).to_string())
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value);
    }
}

fn unless(default: bool, value: impl FnOnce() -> Value) -> Option<Value> {
    (!default).then(value)
}
