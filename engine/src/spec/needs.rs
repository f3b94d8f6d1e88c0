//! Parses the `needs` of tasks: which tasks, and what is waited for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::graph;
use super::limits::{MAX_TASKS, MAX_VALUE_BYTES};
use super::model::Predecessor;
use super::validator::{Path, Validator, named};
use super::values::value_text;
use crate::ids::TaskIndex;
use crate::plan::trigger_rule::TriggerRule;
use crate::task_type::conditions::CONDITIONS;

/// Keys of a need in its long form.
pub(super) const NEED_KEYS: &[&str] = &["task", "on"];

/// The most tasks in a message that shows a cycle.
const MAX_SHOWN: usize = 12;

/// Where tasks stand, by name.
type Places<'a> = BTreeMap<&'a str, TaskIndex>;

/// Reads the needs of every task, in the order of the document.
pub(super) fn parse(
    validator: &mut Validator,
    tasks: &Map<String, Value>,
    at: &Path<'_>,
) -> Vec<Vec<Predecessor>> {
    let places: Places<'_> = tasks
        .keys()
        .zip(0..)
        .map(|(name, place)| (name.as_str(), TaskIndex(place)))
        .collect();
    let needs: Vec<Vec<Predecessor>> = tasks
        .iter()
        .map(|(name, task)| {
            let at = at.key(name);
            let at = at.key("needs");
            let Some(needs) = task.get("needs") else {
                return Vec::new();
            };
            if task.get("type").and_then(Value::as_str) == Some(CONDITIONS.name) {
                refuse_rules(validator, needs, &at);
            }
            parse_list(validator, name, needs, (&at, &places))
        })
        .collect();
    report_cycles(validator, tasks, &needs, at);
    needs
}

/// Conditions ask what became of the tasks that they need, so they wait for any end.
fn refuse_rules(validator: &mut Validator, needs: &Value, at: &Path<'_>) {
    let list = needs.as_array().into_iter().flatten();
    for (place, need) in list.enumerate().filter(|(_, need)| need.get("on").is_some()) {
        let name = need_name(need);
        let message =
            format!("conditions wait for any end of `{name}`; ask for its result in `all` or `any`");
        validator.invalid(&at.index(place).key("on"), "BAD_VALUE", message);
    }
}

fn parse_list(
    validator: &mut Validator,
    task: &str,
    needs: &Value,
    (at, places): (&Path<'_>, &Places<'_>),
) -> Vec<Predecessor> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let Some(list) = validator.list(needs, at, MAX_TASKS) else {
        return found;
    };
    for (place, need) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(need) = parse_need(validator, task, need, (&at, places)) else {
            continue;
        };
        if seen.insert(need.task) {
            found.push(need);
        } else {
            let name = need_name(&list[place]);
            let message = format!("`{name}` is listed twice; name each predecessor once");
            validator.invalid(&at, "DUPLICATE_VALUE", message);
        }
    }
    found
}

fn parse_need(
    validator: &mut Validator,
    task: &str,
    need: &Value,
    (at, places): (&Path<'_>, &Places<'_>),
) -> Option<Predecessor> {
    let Some(map) = need.as_object() else {
        return Some(Predecessor {
            task: parse_task(validator, task, need, (at, places))?,
            on: TriggerRule::OnSuccess,
        });
    };
    validator.object(need, at, NEED_KEYS)?;
    let all = named(TriggerRule::ALL, TriggerRule::as_str);
    let on = match map.get("on") {
        Some(on) => validator.choice(on, &at.key("on"), &all),
        None => Some(TriggerRule::OnSuccess),
    };
    let Some(name) = map.get("task") else {
        validator.missing(at, "task", "it names the task that is waited for");
        return None;
    };
    let task = parse_task(validator, task, name, (&at.key("task"), places))?;
    Some(Predecessor { task, on: on? })
}

fn parse_task(
    validator: &mut Validator,
    task: &str,
    name: &Value,
    (at, places): (&Path<'_>, &Places<'_>),
) -> Option<TaskIndex> {
    // The key of a task may look like a number, so its name may too.
    let name = validator.scalar(name, at, MAX_VALUE_BYTES)?;
    let found = places.get(name.as_str()).copied();
    if name == task {
        validator.invalid(at, "SELF_NEED", format!("`{task}` needs itself"));
        return None;
    }
    if found.is_none() {
        let hint = match validator.nearest(&name, places.keys().copied()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        validator.invalid(at, "UNKNOWN_TASK", format!("there is no task `{name}`{hint}"));
    }
    found
}

/// Returns the name in a need, in its short or its long form.
fn need_name(need: &Value) -> String {
    value_text(need.get("task").unwrap_or(need))
}

fn report_cycles(
    validator: &mut Validator,
    tasks: &Map<String, Value>,
    needs: &[Vec<Predecessor>],
    at: &Path<'_>,
) {
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
            .and_then(|needs| needs.iter().position(|need| need_name(need) == all[last]))
            .unwrap_or_default();
        let at = at.key(all[first]);
        let at = at.key("needs");
        validator.invalid(
            &at.index(edge),
            "CYCLE",
            format!("these tasks wait for each other: {}", shown.join(" -> ")),
        );
    }
}
