//! Serializes a definition as the canonical document: what equals its default is left out.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::concurrency::serialize_concurrency;
use super::duration::HumanDuration;
use super::model::{Definition, Direction, Output, Param, Predecessor, RetryPolicy, TaskDefinition};
use super::values::{ParamType, undeclared_type, value_text};
use super::{cut_off, limit_uses};
use crate::alert::rule_document::serialize_rules;
use crate::plan::trigger_rule::TriggerRule;
use crate::schedule::fields::serialize_schedule;
use crate::states::{Backoff, FailureStrategy, OnTimeout, OnWorkerLost};

/// Serializes a definition so that [`super::parse`] reads an equal one.
pub fn serialize(definition: &Definition) -> Value {
    let mut map = Map::new();
    put(&mut map, "version", &1);
    put(&mut map, "name", &definition.name);
    put_some(&mut map, "project", definition.project.as_ref());
    put_unless(&mut map, "description", &definition.description, &String::new());
    put_unless(&mut map, "labels", &definition.labels, &BTreeMap::new());
    put_some(&mut map, "timezone", definition.timezone);
    put_some(&mut map, "params", params(&definition.params));
    put_some(&mut map, "timeout", definition.timeout_ms.map(duration));
    put_unless(&mut map, "on_timeout", &definition.on_timeout, &OnTimeout::Warn);
    let strategy = &definition.failure_strategy;
    put_unless(&mut map, "failure_strategy", strategy, &FailureStrategy::Continue);
    put_some(&mut map, "priority", definition.priority);
    put_some(&mut map, "worker_group", definition.worker_group.as_ref());
    put_some(
        &mut map,
        "concurrency",
        definition.concurrency.as_ref().map(serialize_concurrency),
    );
    put_some(&mut map, "start_within", definition.start_within_ms.map(duration));
    let notify = (!definition.notify.is_empty()).then(|| serialize_rules(&definition.notify));
    put_some(&mut map, "notify", notify);
    let schedules: Map<String, Value> = definition
        .schedules
        .iter()
        .map(|(name, schedule)| (name.clone(), serialize_schedule(schedule)))
        .collect();
    put_some(
        &mut map,
        "schedules",
        (!schedules.is_empty()).then_some(schedules),
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
    put(&mut map, "type", task.action.type_name());
    let needs: Vec<Value> = task
        .needs
        .iter()
        .filter_map(|entry| need(definition, *entry))
        .collect();
    put_unless(&mut map, "needs", &needs, &Vec::new());
    for (key, value) in task.action.fields() {
        map.insert(key.to_owned(), value.clone());
    }
    put_some(&mut map, "params", params(&task.params));
    put_some(&mut map, "outputs", outputs(&task.outputs));
    put_some(&mut map, "retry", task.retry.as_ref().map(retry));
    put_some(&mut map, "when", task.when.as_ref());
    put_some(&mut map, "delay", task.delay_ms.map(duration));
    put_some(&mut map, "timeout", task.timeout_ms.map(duration));
    put_unless(&mut map, "on_timeout", &task.on_timeout, &OnTimeout::Fail);
    put_some(&mut map, "priority", task.priority);
    put_some(&mut map, "worker_group", task.worker_group.as_ref());
    put_unless(
        &mut map,
        "limits",
        &limit_uses::serialize(&task.limits),
        &Vec::new(),
    );
    put_some(&mut map, "wait_within", task.wait_within_ms.map(duration));
    put_unless(&mut map, "env", &task.env, &BTreeMap::new());
    put_unless(
        &mut map,
        "on_worker_lost",
        &task.on_worker_lost,
        &OnWorkerLost::Rerun,
    );
    put_some(&mut map, "on_cut_off", cut_off::serialize(task.on_cut_off));
    put_unless(&mut map, "enabled", &task.enabled, &true);
    Value::Object(map)
}

/// The name alone, unless something else than the success is waited for.
fn need(definition: &Definition, need: Predecessor) -> Option<Value> {
    let name = definition.task(need.task)?.name.as_str();
    Some(match need.on {
        TriggerRule::OnSuccess => json!(name),
        TriggerRule::OnFailure | TriggerRule::OnSettled => json!({ "task": name, "on": need.on }),
    })
}

fn params(params: &[Param]) -> Option<Value> {
    let map: Map<String, Value> = params
        .iter()
        .map(|entry| (entry.name.clone(), param(entry)))
        .collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

/// The short form where parsing it gives the same type; else the long one.
fn param(param: &Param) -> Value {
    let value = param.value.as_deref().map(|text| value(param.kind, text));
    if param.direction == Direction::In
        && let Some(value) = &value
        && !value.is_object()
        && param.kind == undeclared_type(value)
    {
        return value.clone();
    }
    let mut map = Map::new();
    put_some(&mut map, "type", declared_type(param.kind));
    let out = (param.direction == Direction::Out).then_some("out");
    put_some(&mut map, "direction", out);
    put_some(&mut map, "value", value);
    Value::Object(map)
}

/// Returns the type that a document names.
fn declared_type(kind: ParamType) -> Option<ParamType> {
    (kind != ParamType::Untyped).then_some(kind)
}

/// JSON stands as itself where that keeps its text; every other value is a text.
fn value(kind: ParamType, text: &str) -> Value {
    let parsed = (kind == ParamType::Json).then(|| serde_json::from_str::<Value>(text).ok());
    parsed
        .flatten()
        .filter(|value| undeclared_type(value) == ParamType::Json && value_text(value) == text)
        .unwrap_or_else(|| Value::from(text))
}

fn outputs(outputs: &[Output]) -> Option<Value> {
    let is_bare = |output: &Output| output.default.is_none() && output.kind == ParamType::Untyped;
    if outputs.iter().all(is_bare) {
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        return (!names.is_empty()).then(|| json!(names));
    }
    let map: Map<String, Value> = outputs
        .iter()
        .map(|entry| (entry.name.clone(), output(entry)))
        .collect();
    Some(Value::Object(map))
}

fn output(output: &Output) -> Value {
    if output.kind == ParamType::Untyped {
        return json!(output.default);
    }
    let mut map = Map::new();
    put(&mut map, "type", &output.kind);
    let default = output.default.as_deref();
    put_some(&mut map, "default", default.map(|text| value(output.kind, text)));
    Value::Object(map)
}

/// Writes a retry policy.
pub(super) fn retry(retry: &RetryPolicy) -> Value {
    let mut map = Map::new();
    put(&mut map, "max", &retry.max);
    let delay = Some(retry.delay_ms).filter(|ms| *ms != 0);
    put_some(&mut map, "delay", delay.map(duration));
    put_unless(&mut map, "backoff", &retry.backoff, &Backoff::Fixed);
    put_some(&mut map, "max_delay", retry.max_delay_ms.map(duration));
    Value::Object(map)
}

fn duration(ms: i64) -> String {
    HumanDuration(ms).to_string()
}

fn put<T: Serialize + ?Sized>(map: &mut Map<String, Value>, key: &str, value: &T) {
    map.insert(key.to_owned(), json!(value));
}

fn put_some<T: Serialize>(map: &mut Map<String, Value>, key: &str, value: Option<T>) {
    if let Some(value) = value {
        put(map, key, &value);
    }
}

fn put_unless<T: Serialize + PartialEq>(map: &mut Map<String, Value>, key: &str, value: &T, default: &T) {
    if value != default {
        put(map, key, value);
    }
}
