//! Parses the top level of a document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::concurrency::parse_concurrency;
use super::diagnostic::Diagnostic;
use super::labels::parse_labels;
use super::limits::MAX_SCHEDULES;
use super::model::Definition;
use super::param_check::report_param_mistakes;
use super::params::ParamOwner;
use super::secret_places::report_misplaced_secrets;
use super::validator::{Path, Validator, named};
use super::{names, params, tasks};
use crate::alert::rule::RuleSource;
use crate::alert::rule_fields::parse_rules;
use crate::schedule::definition::ScheduleDefinition;
use crate::schedule::fields::{check_entry_params, parse_entry};
use crate::states::{FailureStrategy, OnTimeout};
use crate::timezone::Tz;

/// Keys of the document.
pub(super) const KEYS: &[&str] = &[
    "version",
    "name",
    "project",
    "description",
    "labels",
    "timezone",
    "params",
    "timeout",
    "on_timeout",
    "failure_strategy",
    "priority",
    "worker_group",
    "concurrency",
    "start_within",
    "notify",
    "schedules",
    "tasks",
];

/// Keys at the top that begin so are the author's own, for example holders of anchors.
pub(super) const EXTENSION_PREFIX: &str = "x-";

/// The version of the format.
const VERSION: i64 = 1;

/// The most bytes of a description.
const MAX_DESCRIPTION: usize = 64 * 1024;

/// Reads a document.
///
/// # Errors
/// Lists everything that is wrong with it, in the order of the document as far as possible.
pub fn parse(value: &Value) -> Result<Definition, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let definition = parse_document(&mut validator, value);
    validator.finish(definition)
}

fn parse_document(validator: &mut Validator, value: &Value) -> Option<Definition> {
    let at = Path::ROOT;
    let map = validator.map(value, &at)?;
    let own_keys = map.keys().filter(|key| !key.starts_with(EXTENSION_PREFIX));
    validator.check_keys(own_keys, &at, KEYS);
    check_version(validator, map.get("version"), &at);
    let name = match map.get("name") {
        Some(name) => validator.name(name, &at.key("name")),
        None => {
            validator.missing(&at, "name", "it is the name of the workflow");
            None
        }
    };
    let partial = parse_settings(validator, map, &at, name.unwrap_or_default());
    let schedules = map.get("schedules").map_or_else(BTreeMap::new, |value| {
        parse_schedules(validator, value, &at.key("schedules"), &partial)
    });
    let Some(tasks) = map.get("tasks") else {
        validator.missing(&at, "tasks", "a workflow has at least one task");
        return None;
    };
    let tasks = tasks::parse(validator, tasks, &at.key("tasks"))?;
    let definition = Definition {
        schedules,
        tasks,
        ..partial
    };
    // Holders of anchors may name secrets: what refers to them is checked at its own place.
    let own_members = map.iter().filter(|(key, _)| !key.starts_with(EXTENSION_PREFIX));
    report_misplaced_secrets(validator, own_members);
    if validator.is_clean() {
        report_param_mistakes(validator, map, &definition);
    }
    Some(definition)
}

/// Parses everything of a document but its schedules and tasks.
fn parse_settings(
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
    name: String,
) -> Definition {
    Definition {
        name,
        project: map
            .get("project")
            .and_then(|value| validator.name(value, &at.key("project"))),
        description: map
            .get("description")
            .and_then(|value| validator.short_text(value, &at.key("description"), MAX_DESCRIPTION))
            .unwrap_or_default(),
        labels: map.get("labels").map_or_else(BTreeMap::new, |value| {
            parse_labels(validator, value, &at.key("labels"))
        }),
        timezone: map
            .get("timezone")
            .and_then(|value| validator.timezone(value, &at.key("timezone"))),
        params: map.get("params").map_or_else(Vec::new, |value| {
            params::parse(validator, value, &at.key("params"), ParamOwner::Workflow)
        }),
        timeout_ms: map
            .get("timeout")
            .and_then(|value| validator.limit(value, &at.key("timeout"))),
        on_timeout: map
            .get("on_timeout")
            .and_then(|value| validator.choice(value, &at.key("on_timeout"), &tasks::on_timeouts()))
            .unwrap_or(OnTimeout::Warn),
        failure_strategy: map
            .get("failure_strategy")
            .and_then(|value| validator.choice(value, &at.key("failure_strategy"), &strategies()))
            .unwrap_or(FailureStrategy::Continue),
        priority: map
            .get("priority")
            .and_then(|value| validator.choice(value, &at.key("priority"), &tasks::priorities())),
        worker_group: map
            .get("worker_group")
            .and_then(|value| validator.name(value, &at.key("worker_group"))),
        concurrency: map
            .get("concurrency")
            .and_then(|value| parse_concurrency(validator, value, &at.key("concurrency"))),
        start_within_ms: map
            .get("start_within")
            .and_then(|value| validator.limit(value, &at.key("start_within"))),
        notify: map.get("notify").map_or_else(Vec::new, |value| {
            parse_rules(validator, value, &at.key("notify"), RuleSource::Document)
        }),
        schedules: BTreeMap::new(),
        tasks: Vec::new(),
    }
}

fn parse_schedules(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    workflow: &Definition,
) -> BTreeMap<String, ScheduleDefinition> {
    let mut schedules = BTreeMap::new();
    let Some(map) = validator.map(value, at) else {
        return schedules;
    };
    validator.at_most(map.len(), MAX_SCHEDULES, at);
    // Without a zone of the document, that of the server is known only where the schedule is stored.
    let zone = workflow.timezone.unwrap_or(Tz::UTC);
    for (name, entry) in map.iter().take(MAX_SCHEDULES) {
        let at = at.key(name);
        if let Err(message) = names::check(name) {
            validator.invalid_key(&at, "BAD_NAME", message);
        }
        if let Some(schedule) = parse_entry(validator, entry, &at, zone) {
            check_entry_params(validator, entry, &at, &workflow.params);
            schedules.insert(name.clone(), schedule);
        }
    }
    schedules
}

fn check_version(validator: &mut Validator, version: Option<&Value>, at: &Path<'_>) {
    match version {
        Some(version) if version.as_i64() == Some(VERSION) => {}
        Some(version) => validator.invalid(
            &at.key("version"),
            "BAD_VERSION",
            format!("this program reads version {VERSION} of the format, not {version}"),
        ),
        None => validator.missing(at, "version", "write `version: 1`"),
    }
}

fn strategies() -> Vec<(&'static str, FailureStrategy)> {
    named(FailureStrategy::ALL, FailureStrategy::as_str)
}
