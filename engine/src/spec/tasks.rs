//! Parses the tasks of a document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::limits::MAX_TASKS;
use super::logic::report_logic_mistakes;
use super::model::{OnCutOff, Output, RetryPolicy, TaskDefinition};
use super::params::ParamOwner;
use super::validator::{Path, Validator, named};
use super::values::{ParamType, undeclared_type};
use super::{cut_off, limit_uses, names, needs, params};
use crate::states::{Backoff, OnTimeout, OnWorkerLost, Priority};
use crate::task_type::action::TaskAction;
use crate::task_type::logic_values::parse_expression;
use crate::task_type::noop::noop_action;
use crate::task_type::{TASK_TYPES, TaskType};

/// Keys of every task, whatever its type.
pub(super) const COMMON_KEYS: &[&str] = &[
    "type",
    "needs",
    "params",
    "outputs",
    "retry",
    "when",
    "delay",
    "timeout",
    "on_timeout",
    "priority",
    "worker_group",
    "limits",
    "wait_within",
    "env",
    "on_worker_lost",
    "on_cut_off",
    "enabled",
];

/// Keys of `retry`.
pub(super) const RETRY_KEYS: &[&str] = &["max", "delay", "backoff", "max_delay"];

/// Keys of an output in its long form.
pub(super) const OUTPUT_KEYS: &[&str] = &["type", "default"];

/// The most further attempts.
pub(super) const MAX_RETRIES: i64 = 100_000;

/// The most outputs of one task.
const MAX_OUTPUTS: usize = 1_000;

/// Reads `tasks`; `None` when something is wrong.
pub(super) fn parse(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Vec<TaskDefinition>> {
    if value.is_array() {
        let hint = "tasks are a map of names and tasks, not a list: write `extract: { type: shell, run: … }`";
        validator.invalid(at, "BAD_TYPE", hint);
        return None;
    }
    let map = validator.map(value, at)?;
    if map.is_empty() {
        validator.invalid(at, "MISSING", "a workflow has at least one task");
        return None;
    }
    if !validator.at_most(map.len(), MAX_TASKS, at) {
        return None;
    }
    let tasks: Vec<Option<TaskDefinition>> = map
        .iter()
        .map(|(name, value)| parse_task(validator, name, value, &at.key(name)))
        .collect();
    let needs = needs::parse(validator, map, at);
    let tasks: Option<Vec<TaskDefinition>> = tasks.into_iter().collect();
    let tasks = tasks?.into_iter().zip(needs);
    let tasks: Vec<TaskDefinition> = tasks
        .map(|(task, needs)| TaskDefinition { needs, ..task })
        .collect();
    report_logic_mistakes(validator, &tasks, at);
    Some(tasks)
}

fn parse_task(validator: &mut Validator, name: &str, value: &Value, at: &Path<'_>) -> Option<TaskDefinition> {
    if let Err(message) = names::check(name) {
        validator.invalid_key(at, "BAD_NAME", message);
    }
    let map = validator.map(value, at)?;
    let kind = parse_type(validator, map, at);
    check_keys(validator, kind, map, at);
    let common = |key: &str| {
        map.get(key)
            .filter(|_| kind.is_none_or(|kind| kind.has_common_key(key)))
    };
    let action = kind.and_then(|kind| TaskAction::parse(kind, validator, map, at));
    let task = TaskDefinition {
        name: name.to_owned(),
        action: noop_action(),
        needs: Vec::new(),
        params: common("params").map_or_else(Vec::new, |value| {
            params::parse(validator, value, &at.key("params"), ParamOwner::Task)
        }),
        outputs: common("outputs").map_or_else(Vec::new, |value| {
            parse_outputs(validator, value, &at.key("outputs"))
        }),
        retry: common("retry").map(|value| parse_retry(validator, value, &at.key("retry"))),
        when: common("when").and_then(|value| parse_expression(validator, value, &at.key("when"))),
        delay_ms: common("delay")
            .and_then(|value| validator.duration(value, &at.key("delay")))
            .filter(|ms| *ms > 0),
        timeout_ms: common("timeout").and_then(|value| validator.limit(value, &at.key("timeout"))),
        on_timeout: common("on_timeout")
            .and_then(|value| validator.choice(value, &at.key("on_timeout"), &on_timeouts()))
            .unwrap_or(OnTimeout::Fail),
        priority: common("priority")
            .and_then(|value| validator.choice(value, &at.key("priority"), &priorities())),
        worker_group: common("worker_group").and_then(|value| validator.name(value, &at.key("worker_group"))),
        limits: common("limits").map_or_else(Vec::new, |value| {
            limit_uses::parse(validator, value, &at.key("limits"))
        }),
        wait_within_ms: common("wait_within")
            .and_then(|value| validator.limit(value, &at.key("wait_within"))),
        env: common("env").map_or_else(BTreeMap::new, |value| {
            params::parse_env(validator, value, &at.key("env"))
        }),
        on_worker_lost: common("on_worker_lost")
            .and_then(|value| validator.choice(value, &at.key("on_worker_lost"), &on_worker_lost()))
            .unwrap_or(OnWorkerLost::Rerun),
        on_cut_off: common("on_cut_off").map_or_else(OnCutOff::default, |value| {
            cut_off::parse(validator, value, &at.key("on_cut_off"))
        }),
        enabled: common("enabled")
            .and_then(|value| validator.boolean(value, &at.key("enabled")))
            .unwrap_or(true),
    };
    Some(TaskDefinition {
        action: action?,
        ..task
    })
}

/// Names and values of `priority`.
pub(super) fn priorities() -> Vec<(&'static str, Priority)> {
    named(Priority::ALL, Priority::as_str)
}

/// Names and values of `on_timeout`.
pub(super) fn on_timeouts() -> Vec<(&'static str, OnTimeout)> {
    named(OnTimeout::ALL, OnTimeout::as_str)
}

fn on_worker_lost() -> Vec<(&'static str, OnWorkerLost)> {
    named(OnWorkerLost::ALL, OnWorkerLost::as_str)
}

fn parse_type(
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
) -> Option<&'static TaskType> {
    let all: Vec<(&str, &'static TaskType)> = TASK_TYPES.iter().map(|kind| (kind.name, *kind)).collect();
    match map.get("type") {
        Some(value) => validator.choice(value, &at.key("type"), &all),
        None => {
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            validator.missing(at, "type", &format!("it is one of {}", names.join(", ")));
            None
        }
    }
}

/// Every key must be common or belong to the task's type; with an unknown type, to any type.
fn check_keys(validator: &mut Validator, kind: Option<&TaskType>, map: &Map<String, Value>, at: &Path<'_>) {
    let has_key = |kind: &TaskType, key: &str| kind.fields.iter().any(|field| field.key == key);
    let own = TASK_TYPES
        .iter()
        .filter(|known| kind.is_none_or(|kind| kind.name == known.name))
        .flat_map(|known| known.fields.iter().map(|field| field.key));
    let refuses = |key: &str| kind.is_some_and(|kind| kind.site.refuses_key(key));
    let common = COMMON_KEYS.iter().copied().filter(|key| !refuses(key));
    let known: Vec<&str> = common.chain(own).collect();
    // Without a type the keys of all types are accepted, but a list of them would advise keys of other types.
    let shown = if kind.is_some() {
        known.as_slice()
    } else {
        COMMON_KEYS
    };
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        let owners: Vec<&str> = TASK_TYPES
            .iter()
            .filter(|kind| has_key(kind, key))
            .map(|kind| kind.name)
            .collect();
        let hint = match validator.nearest(key, known.iter().copied()) {
            _ if refuses(key) => "it is about workers, and this task runs in its master".to_owned(),
            _ if !owners.is_empty() => format!("it belongs to tasks of type {}", owners.join(" and ")),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", shown.join(", ")),
        };
        validator.invalid_key(
            &at.key(key),
            "UNKNOWN_KEY",
            format!("unknown key `{key}`; {hint}"),
        );
    }
}

fn parse_outputs(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Vec<Output> {
    match value {
        Value::Object(map) => parse_output_defaults(validator, map, at),
        Value::Array(list) => parse_output_names(validator, list, at),
        _ => {
            validator.bad_type(value, at, "a list of names, or a map of names and defaults,");
            Vec::new()
        }
    }
}

fn parse_output_defaults(validator: &mut Validator, map: &Map<String, Value>, at: &Path<'_>) -> Vec<Output> {
    if !validator.at_most(map.len(), MAX_OUTPUTS, at) {
        return Vec::new();
    }
    map.iter()
        .filter_map(|(name, value)| {
            let at = at.key(name);
            let is_legal = validator.param_name(name, &at);
            let output = parse_output(validator, name, value, &at)?;
            is_legal.then_some(output)
        })
        .collect()
}

fn parse_output(validator: &mut Validator, name: &str, value: &Value, at: &Path<'_>) -> Option<Output> {
    let Some(map) = value.as_object() else {
        let kind = undeclared_type(value);
        let given = Some(value).filter(|value| !value.is_null());
        return Some(Output {
            name: name.to_owned(),
            kind,
            default: given.and_then(|value| params::parse_value(validator, kind, value, at)),
        });
    };
    validator.object(value, at, OUTPUT_KEYS)?;
    let given = map.get("default").filter(|value| !value.is_null());
    let kind = params::parse_type(validator, map.get("type"), given, at)?;
    Some(Output {
        name: name.to_owned(),
        kind,
        default: given.and_then(|value| params::parse_value(validator, kind, value, &at.key("default"))),
    })
}

fn parse_output_names(validator: &mut Validator, list: &[Value], at: &Path<'_>) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    if !validator.at_most(list.len(), MAX_OUTPUTS, at) {
        return outputs;
    }
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(name) = validator.text(value, &at) else {
            continue;
        };
        if outputs.iter().any(|output| output.name == name) {
            validator.invalid(&at, "DUPLICATE_VALUE", format!("`{name}` is listed twice"));
        } else if validator.param_name(name, &at) {
            outputs.push(Output {
                name: name.to_owned(),
                kind: ParamType::Untyped,
                default: None,
            });
        }
    }
    outputs
}

/// Reads `retry`.
pub(super) fn parse_retry(validator: &mut Validator, value: &Value, at: &Path<'_>) -> RetryPolicy {
    let mut retry = RetryPolicy::default();
    if value.is_number() {
        validator.invalid(
            at,
            "BAD_TYPE",
            format!("a number alone is not enough: write `retry: {{ max: {value} }}`"),
        );
        return retry;
    }
    let Some(map) = validator.object(value, at, RETRY_KEYS) else {
        return retry;
    };
    match map.get("max") {
        Some(max) => {
            let max = validator.integer(max, &at.key("max"), (0, MAX_RETRIES));
            retry.max = max.and_then(|max| u32::try_from(max).ok()).unwrap_or_default();
        }
        None => validator.missing(at, "max", "it is the number of further attempts"),
    }
    if let Some(delay) = map.get("delay") {
        retry.delay_ms = validator.duration(delay, &at.key("delay")).unwrap_or_default();
    }
    if let Some(backoff) = map.get("backoff") {
        let all = named(Backoff::ALL, Backoff::as_str);
        retry.backoff = validator
            .choice(backoff, &at.key("backoff"), &all)
            .unwrap_or(Backoff::Fixed);
    }
    retry.max_delay_ms = map
        .get("max_delay")
        .and_then(|value| validator.limit(value, &at.key("max_delay")));
    retry
}
