//! The choices of a start. While the instance exists only few of them change, by commands and edits.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::rule::{AlertRule, RuleSource};
use crate::alert::rule_fields::parse_rules;
use crate::ids::Timestamp;
use crate::params::TimeBase;
use crate::params::check::find_param_mistakes;
use crate::spec::ProjectDefaults;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::labels::parse_labels;
use crate::spec::limits::MAX_TASKS;
use crate::spec::model::{Definition, Direction, Param};
use crate::spec::validator::{Path, Validator, named};
use crate::spec::values::typed_text;
use crate::states::{FailureStrategy, Priority, Scope};
use crate::timezone::Tz;

/// The choices of one start. Stored with the instance as JSON, with every default already resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Startup parameters, name to value.
    pub params: BTreeMap<String, String>,
    /// The chosen tasks by name; empty means all.
    pub tasks: Vec<String>,
    /// Which tasks run.
    pub scope: Scope,
    /// The definition's, unless the start said otherwise.
    pub failure_strategy: FailureStrategy,
    /// The definition's, unless the start said otherwise; else the project's.
    pub priority: Priority,
    /// Replaces the workflow's default group where given; a task's own group stays.
    pub worker_group: Option<String>,
    /// The graph runs and every task succeeds at once in the owner.
    pub dry_run: bool,
    /// The base of time parameters, if not the instance's creation.
    pub scheduled_at: Option<Timestamp>,
    /// What the project says where task and document are silent.
    #[serde(default, skip_serializing_if = "ProjectDefaults::is_empty")]
    pub defaults: ProjectDefaults,
    /// The zone in which time parameters are formatted: the start's, else the definition's, else the server's.
    pub timezone: Tz,
    /// How long it may be queued, in milliseconds: the start's limit, else the definition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_within_ms: Option<i64>,
    /// The definition's, overlaid by the start's.
    pub labels: BTreeMap<String, String>,
    /// Its own rules of alerts; an empty list silences those of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Vec<AlertRule>>,
    /// What was asked for, as it was asked; none when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

impl Start {
    /// Returns the start with what changed of it.
    pub fn amend(self, changes: StartChanges) -> Self {
        Self {
            params: changes.params.unwrap_or(self.params),
            labels: changes.labels.unwrap_or(self.labels),
            priority: changes.priority,
            ..self
        }
    }

    /// Returns what time parameters of an instance are relative to: the same in every run.
    pub fn time_base(&self, created_at: Timestamp) -> TimeBase {
        TimeBase::in_zone(self.scheduled_at.unwrap_or(created_at), self.timezone)
    }

    /// Returns the declared input parameters with their defaults, overlaid by those of the start.
    pub fn effective_params(&self, definition: &Definition) -> BTreeMap<String, String> {
        let inputs = definition
            .params
            .iter()
            .filter(|param| param.direction == Direction::In);
        let defaults = inputs.filter_map(|param| Some((param.name.clone(), param.value.clone()?)));
        defaults.chain(self.params.clone()).collect()
    }
}

/// What changed of a start after its instance was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartChanges {
    /// Startup parameters, when a rerun replaced some.
    pub params: Option<BTreeMap<String, String>>,
    /// The labels, when a user edited them.
    pub labels: Option<BTreeMap<String, String>>,
    /// The priority, whether it changed or not.
    pub priority: Priority,
}

/// Members of the body of a start.
const KEYS: &[&str] = &[
    "params",
    "version",
    "tasks",
    "scope",
    "failure_strategy",
    "priority",
    "worker_group",
    "dry_run",
    "scheduled_at",
    "timezone",
    "labels",
    "start_within",
    "notify",
];

/// Parses the body of a start against the definition that it starts, and its project's defaults.
///
/// `version` chose the definition before; here only its type is checked. `server_timezone` is the zone of an instance
/// that neither the body nor the definition gives one.
///
/// # Errors
/// Lists everything that is wrong with the body.
pub fn parse(
    value: &Value,
    definition: &Definition,
    defaults: &ProjectDefaults,
    server_timezone: Tz,
) -> Result<Start, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let start = parse_start(&mut validator, value, (definition, defaults), server_timezone);
    validator.finish(start)
}

/// Parses parameters that replace those of a start by name, for a further run of its instance.
///
/// # Errors
/// Lists what is wrong with them, and circles and values that are too large of all parameters together.
pub fn parse_replaced_params(
    value: &Value,
    definition: &Definition,
    start: &Start,
    project: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let at = Path::ROOT;
    let params = parse_given_params(&mut validator, Some(value), &at.key("params"), &definition.params);
    let params = validator.finish(Some(params))?;
    let mut replaced = start.clone();
    replaced.params.extend(params.clone());
    check_params(&replaced, definition, project)?;
    Ok(params)
}

/// Checks that the parameters of tasks can have values under those of the start and of the project.
///
/// # Errors
/// Circles of parameters, and values that grow beyond their bounds.
pub fn check_params(
    start: &Start,
    definition: &Definition,
    project: &BTreeMap<String, String>,
) -> Result<(), Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let at = Path::ROOT;
    let at = at.key("params");
    for mistake in find_param_mistakes(definition, project, &start.params) {
        let (code, message) = (mistake.error.code(), mistake.error.to_string());
        match mistake
            .error
            .params()
            .find(|name| start.params.contains_key(*name))
        {
            Some(name) => validator.invalid(&at.key(name), code, message),
            None => validator.invalid(&at, code, message),
        }
    }
    validator.finish(Some(()))
}

fn parse_start(
    validator: &mut Validator,
    value: &Value,
    (definition, defaults): (&Definition, &ProjectDefaults),
    server_timezone: Tz,
) -> Option<Start> {
    let at = Path::ROOT;
    let map = validator.object(value, &at, KEYS)?;
    let given = |key: &str| map.get(key).filter(|value| !value.is_null());
    if let Some(version) = given("version") {
        validator.integer(version, &at.key("version"), (1, i64::MAX));
    }
    let tasks = given("tasks").map(|value| parse_tasks(validator, value, &at.key("tasks"), definition));
    let scope = given("scope")
        .and_then(|value| validator.choice(value, &at.key("scope"), &named(Scope::ALL, Scope::as_str)));
    check_scope(validator, scope, tasks.as_deref(), &at.key("scope"));
    let default_scope = if tasks.is_some() {
        Scope::Downstream
    } else {
        Scope::All
    };
    Some(Start {
        params: parse_params(validator, given("params"), &at.key("params"), &definition.params),
        tasks: tasks.unwrap_or_default(),
        scope: scope.unwrap_or(default_scope),
        failure_strategy: given("failure_strategy")
            .and_then(|value| {
                let all = named(FailureStrategy::ALL, FailureStrategy::as_str);
                validator.choice(value, &at.key("failure_strategy"), &all)
            })
            .unwrap_or(definition.failure_strategy),
        priority: given("priority")
            .and_then(|value| {
                validator.choice(
                    value,
                    &at.key("priority"),
                    &named(Priority::ALL, Priority::as_str),
                )
            })
            .or(definition.priority)
            .or(defaults.priority)
            .unwrap_or(Priority::Medium),
        worker_group: given("worker_group").and_then(|value| validator.name(value, &at.key("worker_group"))),
        dry_run: given("dry_run")
            .and_then(|value| validator.boolean(value, &at.key("dry_run")))
            .unwrap_or(false),
        scheduled_at: given("scheduled_at")
            .and_then(|value| parse_instant(validator, value, &at.key("scheduled_at"))),
        defaults: defaults.clone(),
        timezone: given("timezone")
            .and_then(|value| validator.timezone(value, &at.key("timezone")))
            .or(definition.timezone)
            .unwrap_or(server_timezone),
        start_within_ms: given("start_within")
            .and_then(|value| validator.limit(value, &at.key("start_within")))
            .or(definition.start_within_ms),
        labels: overlay_labels(validator, given("labels"), &at.key("labels"), definition),
        notify: given("notify").map(|value| parse_notify(validator, value, &at)),
        body: (!map.is_empty()).then(|| value.clone()),
    })
}

fn parse_notify(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Vec<AlertRule> {
    parse_rules(validator, value, &at.key("notify"), RuleSource::Start)
}

fn parse_tasks(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    definition: &Definition,
) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::new();
    let Some(list) = validator.list(value, at, MAX_TASKS) else {
        return chosen;
    };
    if list.is_empty() {
        validator.invalid(
            at,
            "MISSING",
            "name at least one task, or leave `tasks` out to run all",
        );
    }
    let known: BTreeSet<&str> = definition.tasks.iter().map(|task| task.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(name) = validator.text(value, &at) else {
            continue;
        };
        if !known.contains(name) {
            let hint = hint(validator.nearest(name, known.iter().copied()));
            validator.invalid(&at, "UNKNOWN_TASK", format!("there is no task `{name}`{hint}"));
        } else if seen.insert(name) {
            chosen.push(name.to_owned());
        }
    }
    chosen
}

fn check_scope(validator: &mut Validator, scope: Option<Scope>, tasks: Option<&[String]>, at: &Path<'_>) {
    match scope {
        Some(Scope::All) if tasks.is_some() => {
            validator.invalid(
                at,
                "BAD_VALUE",
                "`all` runs every task: leave `tasks` out, or choose another scope",
            );
        }
        Some(chosen @ (Scope::Only | Scope::Upstream | Scope::Downstream)) if tasks.is_none() => {
            validator.invalid(at, "BAD_VALUE", format!("`{chosen}` needs `tasks` to start from"));
        }
        Some(Scope::All | Scope::Only | Scope::Upstream | Scope::Downstream) | None => {}
    }
}

/// Parses parameters of a start against the declared inputs.
pub(crate) fn parse_params(
    validator: &mut Validator,
    value: Option<&Value>,
    at: &Path<'_>,
    declared: &[Param],
) -> BTreeMap<String, String> {
    let params = parse_given_params(validator, value, at, declared);
    let given = value.and_then(Value::as_object);
    let is_given = |name: &str| given.is_some_and(|map| map.contains_key(name));
    let inputs = declared.iter().filter(|param| param.direction == Direction::In);
    for param in inputs.filter(|param| param.value.is_none() && !is_given(&param.name)) {
        validator.missing(at, &param.name, "this parameter has no default");
    }
    params
}

/// Parses those parameters that are given.
fn parse_given_params(
    validator: &mut Validator,
    value: Option<&Value>,
    at: &Path<'_>,
    declared: &[Param],
) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    let inputs: BTreeMap<&str, &Param> = declared
        .iter()
        .filter(|param| param.direction == Direction::In)
        .map(|param| (param.name.as_str(), param))
        .collect();
    let given = value.and_then(|value| validator.map(value, at));
    for (name, value) in given.into_iter().flatten() {
        let at = at.key(name);
        match inputs.get(name.as_str()) {
            Some(param) => match typed_text(param.kind, value) {
                Ok(text) => _ = params.insert(name.clone(), text),
                Err((code, message)) => validator.invalid(&at, code, message),
            },
            None => refuse(validator, name, &at, inputs.keys().copied()),
        }
    }
    params
}

fn overlay_labels(
    validator: &mut Validator,
    value: Option<&Value>,
    at: &Path<'_>,
    definition: &Definition,
) -> BTreeMap<String, String> {
    let mut labels = definition.labels.clone();
    if let Some(value) = value {
        labels.extend(parse_labels(validator, value, at));
    }
    labels
}

fn refuse<'a>(
    validator: &mut Validator,
    name: &str,
    at: &Path<'_>,
    inputs: impl Iterator<Item = &'a str> + Clone,
) {
    if !validator.param_name(name, at) {
        return;
    }
    let hint = hint(validator.nearest(name, inputs));
    let message = format!("the workflow declares no input `{name}`{hint}");
    validator.invalid_key(at, "UNKNOWN_PARAMETER", message);
}

fn hint(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

fn parse_instant(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Timestamp> {
    let text = validator.text(value, at)?;
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Some(Timestamp(instant.timestamp_millis())),
        Err(_) => {
            validator.invalid(
                at,
                "BAD_VALUE",
                "write an instant like `2026-01-31T08:00:00Z` (RFC 3339)",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
