//! Reads the tasks of a document, then ties their needs together.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::params::Scope;
use super::reader::{Path, Reader, named};
use super::{MAX_TASKS, MAX_VALUE_BYTES, cut_off, graph, names, params, work};
use crate::definition::{OnCutOff, Output, Retry, Task};
use crate::ids::Ordinal;
use crate::states::{Backoff, OnTimeout, OnWorkerLost, Priority};

/// Keys of every task, whatever its type.
pub(super) const COMMON_KEYS: &[&str] = &[
    "type",
    "needs",
    "params",
    "outputs",
    "retry",
    "delay",
    "timeout",
    "on_timeout",
    "priority",
    "worker_group",
    "env",
    "on_worker_lost",
    "on_cut_off",
    "enabled",
];

/// Keys of `retry`.
pub(super) const RETRY_KEYS: &[&str] = &["max", "delay", "backoff", "max_delay"];

/// The most further attempts.
pub(super) const MAX_RETRIES: i64 = 100_000;

/// The most outputs of one task.
const MAX_OUTPUTS: usize = 1_000;

/// The most tasks in a message that shows a cycle.
const MAX_SHOWN: usize = 12;

/// Reads `tasks`; `None` when something is wrong.
pub(super) fn read(reader: &mut Reader, value: &Value, at: &Path<'_>) -> Option<Vec<Task>> {
    let map = reader.map(value, at)?;
    if map.is_empty() {
        reader.wrong(at, "MISSING", "a workflow has at least one task");
        return None;
    }
    if !reader.at_most(map.len(), MAX_TASKS, at) {
        return None;
    }
    let tasks: Vec<Option<Task>> = map
        .iter()
        .map(|(name, value)| read_one(reader, name, value, &at.key(name)))
        .collect();
    let needs = resolve_needs(reader, map, at);
    report_cycles(reader, map, &needs, at);
    let tasks: Option<Vec<Task>> = tasks.into_iter().collect();
    Some(
        tasks?
            .into_iter()
            .zip(needs)
            .map(|(task, needs)| Task { needs, ..task })
            .collect(),
    )
}

fn read_one(reader: &mut Reader, name: &str, value: &Value, at: &Path<'_>) -> Option<Task> {
    if let Err(message) = names::check(name) {
        reader.wrong_key(at, "BAD_NAME", message);
    }
    let map = reader.map(value, at)?;
    let kind = read_type(reader, map, at);
    check_keys(reader, kind, map, at);
    let read_work = kind.and_then(|kind| work::read(reader, kind, map, at));
    let task = Task {
        name: name.to_owned(),
        work: crate::definition::Work::Noop,
        needs: Vec::new(),
        params: map.get("params").map_or_else(Vec::new, |value| {
            params::read(reader, value, &at.key("params"), Scope::Task)
        }),
        outputs: map
            .get("outputs")
            .map_or_else(Vec::new, |value| read_outputs(reader, value, &at.key("outputs"))),
        retry: map.get("retry").map_or_else(Retry::default, |value| {
            read_retry(reader, value, &at.key("retry"))
        }),
        delay_ms: map
            .get("delay")
            .and_then(|value| reader.duration(value, &at.key("delay")))
            .filter(|ms| *ms > 0),
        timeout_ms: map
            .get("timeout")
            .and_then(|value| reader.limit(value, &at.key("timeout"))),
        on_timeout: map
            .get("on_timeout")
            .and_then(|value| reader.choice(value, &at.key("on_timeout"), &on_timeouts()))
            .unwrap_or(OnTimeout::Fail),
        priority: map
            .get("priority")
            .and_then(|value| reader.choice(value, &at.key("priority"), &priorities())),
        worker_group: map
            .get("worker_group")
            .and_then(|value| reader.name(value, &at.key("worker_group"))),
        env: map.get("env").map_or_else(BTreeMap::new, |value| {
            params::read_env(reader, value, &at.key("env"))
        }),
        on_worker_lost: map
            .get("on_worker_lost")
            .and_then(|value| reader.choice(value, &at.key("on_worker_lost"), &on_worker_lost()))
            .unwrap_or(OnWorkerLost::Rerun),
        on_cut_off: map.get("on_cut_off").map_or_else(OnCutOff::default, |value| {
            cut_off::read(reader, value, &at.key("on_cut_off"))
        }),
        enabled: map
            .get("enabled")
            .and_then(|value| reader.truth(value, &at.key("enabled")))
            .unwrap_or(true),
    };
    Some(Task {
        work: read_work?,
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

fn read_type(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Option<&'static str> {
    let all: Vec<(&str, &'static str)> = work::TYPES.iter().map(|(name, _)| (*name, *name)).collect();
    match map.get("type") {
        Some(value) => reader.choice(value, &at.key("type"), &all),
        None => {
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            reader.missing(at, "type", &format!("it is one of {}", names.join(", ")));
            None
        }
    }
}

/// Every key must be common or belong to the task's type; with an unknown type, to any type.
fn check_keys(reader: &mut Reader, kind: Option<&str>, map: &Map<String, Value>, at: &Path<'_>) {
    let owners = |key: &str| -> Vec<&str> {
        work::TYPES
            .iter()
            .filter(|(_, keys)| keys.contains(&key))
            .map(|(name, _)| *name)
            .collect()
    };
    let own = work::TYPES
        .iter()
        .filter(|(name, _)| kind.is_none_or(|kind| kind == *name))
        .flat_map(|(_, keys)| keys.iter().copied());
    let known: Vec<&str> = COMMON_KEYS.iter().copied().chain(own).collect();
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        let owners = owners(key);
        let hint = match reader.nearest(key, known.iter().copied()) {
            _ if !owners.is_empty() => format!("it belongs to tasks of type {}", owners.join(" and ")),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        reader.wrong_key(
            &at.key(key),
            "UNKNOWN_KEY",
            format!("unknown key `{key}`; {hint}"),
        );
    }
}

fn read_outputs(reader: &mut Reader, value: &Value, at: &Path<'_>) -> Vec<Output> {
    match value {
        Value::Object(map) => read_output_defaults(reader, map, at),
        Value::Array(list) => read_output_names(reader, list, at),
        _ => {
            reader.bad_type(value, at, "a list of names, or a map of names and defaults,");
            Vec::new()
        }
    }
}

fn read_output_defaults(reader: &mut Reader, map: &Map<String, Value>, at: &Path<'_>) -> Vec<Output> {
    let mut outputs = Vec::new();
    if !reader.at_most(map.len(), MAX_OUTPUTS, at) {
        return outputs;
    }
    for (name, value) in map {
        let at = at.key(name);
        if !reader.param_name(name, &at) {
            continue;
        }
        let given = !value.is_null();
        let default = given
            .then(|| reader.scalar(value, &at, MAX_VALUE_BYTES))
            .flatten();
        outputs.push(Output {
            name: name.clone(),
            default,
        });
    }
    outputs
}

fn read_output_names(reader: &mut Reader, list: &[Value], at: &Path<'_>) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    if !reader.at_most(list.len(), MAX_OUTPUTS, at) {
        return outputs;
    }
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(name) = reader.text(value, &at) else {
            continue;
        };
        if outputs.iter().any(|output| output.name == name) {
            reader.wrong(&at, "DUPLICATE_VALUE", format!("`{name}` is listed twice"));
        } else if reader.param_name(name, &at) {
            outputs.push(Output {
                name: name.to_owned(),
                default: None,
            });
        }
    }
    outputs
}

fn read_retry(reader: &mut Reader, value: &Value, at: &Path<'_>) -> Retry {
    let mut retry = Retry::default();
    let Some(map) = reader.object(value, at, RETRY_KEYS) else {
        return retry;
    };
    match map.get("max") {
        Some(max) => {
            let max = reader.whole(max, &at.key("max"), (0, MAX_RETRIES));
            retry.max = max.and_then(|max| u32::try_from(max).ok()).unwrap_or_default();
        }
        None => reader.missing(at, "max", "it is the number of further attempts"),
    }
    if let Some(delay) = map.get("delay") {
        retry.delay_ms = reader.duration(delay, &at.key("delay")).unwrap_or_default();
    }
    if let Some(backoff) = map.get("backoff") {
        let all = named(Backoff::ALL, Backoff::as_str);
        retry.backoff = reader
            .choice(backoff, &at.key("backoff"), &all)
            .unwrap_or(Backoff::Fixed);
    }
    retry.max_delay_ms = map
        .get("max_delay")
        .and_then(|value| reader.limit(value, &at.key("max_delay")));
    retry
}

fn resolve_needs(reader: &mut Reader, tasks: &Map<String, Value>, at: &Path<'_>) -> Vec<Vec<Ordinal>> {
    let places: BTreeMap<&str, Ordinal> = tasks
        .keys()
        .zip(0..)
        .map(|(name, place)| (name.as_str(), Ordinal(place)))
        .collect();
    tasks
        .iter()
        .map(|(name, task)| {
            let at = at.key(name);
            let at = at.key("needs");
            match task.get("needs") {
                Some(needs) => needs_of(reader, name, needs, (&at, &places)),
                None => Vec::new(),
            }
        })
        .collect()
}

fn needs_of(
    reader: &mut Reader,
    task: &str,
    needs: &Value,
    (at, places): (&Path<'_>, &BTreeMap<&str, Ordinal>),
) -> Vec<Ordinal> {
    let mut found = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let Some(list) = reader.list(needs, at, MAX_TASKS) else {
        return found;
    };
    for (place, need) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(name) = reader.text(need, &at) else {
            continue;
        };
        match places.get(name) {
            _ if name == task => reader.wrong(&at, "SELF_NEED", format!("`{task}` needs itself")),
            None => {
                let hint = match reader.nearest(name, places.keys().copied()) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => String::new(),
                };
                reader.wrong(&at, "UNKNOWN_TASK", format!("there is no task `{name}`{hint}"));
            }
            Some(ordinal) if seen.insert(*ordinal) => found.push(*ordinal),
            Some(_) => reader.wrong(&at, "DUPLICATE_VALUE", format!("`{name}` is listed twice")),
        }
    }
    found
}

fn report_cycles(reader: &mut Reader, tasks: &Map<String, Value>, needs: &[Vec<Ordinal>], at: &Path<'_>) {
    let cycles = graph::cycles(needs);
    if cycles.is_empty() {
        return;
    }
    let all: Vec<&str> = tasks.keys().map(String::as_str).collect();
    for cycle in cycles {
        let mut shown: Vec<&str> = cycle.iter().map(|task| all[*task]).collect();
        if shown.len() > MAX_SHOWN {
            shown.splice(MAX_SHOWN / 2..shown.len() - MAX_SHOWN / 2, ["…"]);
        }
        let [.., last, first] = cycle[..] else { continue };
        let edge = tasks[all[first]]["needs"]
            .as_array()
            .and_then(|needs| needs.iter().position(|need| need.as_str() == Some(all[last])))
            .unwrap_or_default();
        let at = at.key(all[first]);
        let at = at.key("needs");
        reader.wrong(
            &at.index(edge),
            "CYCLE",
            format!("these tasks wait for each other: {}", shown.join(" -> ")),
        );
    }
}
