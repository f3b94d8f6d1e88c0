//! Parses the fields of dependent tasks.

use serde_json::{Map, Value};

use super::dates::{DependencyCycle, DependencyDate};
use super::items::{
    DependencyFailurePolicy, DependencyGroup, DependencyItem, DependencyMember, DependencyRelation,
    DependencyTarget, DependencyTask, DependencyWindow,
};
use crate::spec::validator::{Path, Validator, named};
use crate::task_type::TaskAction;

/// The most items of one task.
const MAX_ITEMS: usize = 100;

/// The most groups inside each other.
const MAX_NESTING: usize = 4;

/// How often a task looks unless its document says otherwise, in milliseconds.
const CHECK_INTERVAL_MS: i64 = 10_000;

/// The shortest and the longest time between two looks, in milliseconds.
const CHECK_INTERVALS_MS: (i64, i64) = (1_000, 3_600_000);

/// Keys of an item.
const ITEM_KEYS: &[&str] = &[
    "project",
    "workflow",
    "task",
    "tasks",
    "cycle",
    "date",
    "within",
    "pass_outputs",
];

impl DependencyTask {
    /// Reads the fields of an action of this type; none for other actions.
    pub fn of_action(action: &TaskAction) -> Option<Self> {
        let mut validator = Validator::default();
        Self::parse(&mut validator, &action.fields_object(), &Path::ROOT)
    }

    /// Parses the fields of a task; `None` when something is wrong. What the table of fields checks is not reported again.
    pub(crate) fn parse(
        validator: &mut Validator,
        fields: &Map<String, Value>,
        at: &Path<'_>,
    ) -> Option<Self> {
        let group = GroupParser::default().parse_group(validator, fields, at);
        let on_failure = fields
            .get("on_failure")
            .and_then(|value| value.as_str()?.parse().ok())
            .unwrap_or(DependencyFailurePolicy::Fail);
        let failure_wait_ms = fields
            .get("failure_wait")
            .and_then(|value| validator.limit(value, &at.key("failure_wait")));
        match (on_failure, fields.contains_key("failure_wait")) {
            (DependencyFailurePolicy::Wait, false) => {
                let hint = "it says for how long failed items count as waiting, for example `10m`";
                validator.missing(at, "failure_wait", hint);
            }
            (DependencyFailurePolicy::Fail, true) => {
                let message =
                    "`failure_wait` needs `on_failure: wait`; without it a failed item decides at once";
                validator.invalid_key(&at.key("failure_wait"), "BAD_VALUE", message);
            }
            (DependencyFailurePolicy::Wait, true) | (DependencyFailurePolicy::Fail, false) => {}
        }
        Some(Self {
            group: group?,
            on_failure,
            failure_wait_ms,
            check_interval_ms: parse_check_interval(validator, fields, at),
        })
    }
}

fn parse_check_interval(validator: &mut Validator, fields: &Map<String, Value>, at: &Path<'_>) -> i64 {
    let at = at.key("check_interval");
    let Some(value) = fields.get("check_interval") else {
        return CHECK_INTERVAL_MS;
    };
    let Some(ms) = validator.duration(value, &at) else {
        return CHECK_INTERVAL_MS;
    };
    if !(CHECK_INTERVALS_MS.0..=CHECK_INTERVALS_MS.1).contains(&ms) {
        validator.invalid(&at, "OUT_OF_RANGE", "a check_interval is 1s to 1h");
    }
    ms
}

/// Parses groups, and counts their items.
#[derive(Default)]
struct GroupParser {
    items: usize,
    depth: usize,
}

impl GroupParser {
    /// Parses the group that a map holds under `all` or `any`.
    fn parse_group(
        &mut self,
        validator: &mut Validator,
        map: &Map<String, Value>,
        at: &Path<'_>,
    ) -> Option<DependencyGroup> {
        let relation = match (map.get("all"), map.get("any")) {
            (Some(_), None) => DependencyRelation::All,
            (None, Some(_)) => DependencyRelation::Any,
            (Some(_), Some(_)) => {
                let message = "`all` and `any` do not stand side by side; put one of them inside the other";
                validator.invalid_key(&at.key("any"), "BAD_VALUE", message);
                return None;
            }
            (None, None) => {
                validator.missing(
                    at,
                    "all",
                    "it lists what is waited for; `any` waits for one of them",
                );
                return None;
            }
        };
        let at = at.key(relation.as_str());
        if self.depth == MAX_NESTING {
            let message = format!("groups stand at most {MAX_NESTING} deep inside each other");
            validator.invalid(&at, "TOO_DEEP", message);
            return None;
        }
        let list = validator.list(map.get(relation.as_str())?, &at, MAX_ITEMS)?;
        if list.is_empty() {
            validator.invalid(
                &at,
                "MISSING",
                "there is nothing to wait for; list at least one item",
            );
            return None;
        }
        self.depth += 1;
        let members: Vec<Option<DependencyMember>> = list
            .iter()
            .enumerate()
            .map(|(place, value)| self.parse_member(validator, value, &at.index(place)))
            .collect();
        self.depth -= 1;
        Some(DependencyGroup {
            relation,
            members: members.into_iter().collect::<Option<_>>()?,
        })
    }

    fn parse_member(
        &mut self,
        validator: &mut Validator,
        value: &Value,
        at: &Path<'_>,
    ) -> Option<DependencyMember> {
        let map = validator.map(value, at)?;
        if map.contains_key("all") || map.contains_key("any") {
            validator.check_keys(map.keys(), at, &["all", "any"]);
            return self.parse_group(validator, map, at).map(DependencyMember::Group);
        }
        self.items += 1;
        if self.items > MAX_ITEMS {
            let message = format!("a task waits for at most {MAX_ITEMS} items");
            validator.invalid(at, "TOO_MANY", message);
            return None;
        }
        parse_item(validator, value, at).map(DependencyMember::Item)
    }
}

fn parse_item(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<DependencyItem> {
    let map = validator.object(value, at, ITEM_KEYS)?;
    let project = map
        .get("project")
        .map(|value| validator.name(value, &at.key("project")));
    let workflow = match map.get("workflow") {
        Some(value) => validator.name(value, &at.key("workflow")),
        None => {
            validator.missing(
                at,
                "workflow",
                "it is the name of the workflow that is waited for",
            );
            None
        }
    };
    let target = parse_target(validator, map, at);
    let window = parse_window(validator, map, at);
    let pass_outputs = map
        .get("pass_outputs")
        .and_then(|value| validator.boolean(value, &at.key("pass_outputs")))
        .unwrap_or_default();
    Some(DependencyItem {
        project: match project {
            Some(name) => Some(name?),
            None => None,
        },
        workflow: workflow?,
        target: target?,
        window: window?,
        pass_outputs,
    })
}

fn parse_target(
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
) -> Option<DependencyTarget> {
    match (map.get("task"), map.get("tasks")) {
        (None, None) => Some(DependencyTarget::Instance),
        (Some(task), None) => validator.name(task, &at.key("task")).map(DependencyTarget::Task),
        (None, Some(all)) => {
            let names = [("all", DependencyTarget::AllTasks)];
            let names: Vec<(&str, &DependencyTarget)> =
                names.iter().map(|(name, all)| (*name, all)).collect();
            validator.choice(all, &at.key("tasks"), &names).cloned()
        }
        (Some(_), Some(_)) => {
            let message = "`task` and `tasks` do not stand side by side; `tasks: all` includes every task";
            validator.invalid_key(&at.key("tasks"), "BAD_VALUE", message);
            None
        }
    }
}

fn parse_window(
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
) -> Option<DependencyWindow> {
    let Some(cycle) = map.get("cycle") else {
        validator.missing(at, "cycle", "it is hour, day, week, month or none");
        return None;
    };
    let all = named(DependencyCycle::ALL, DependencyCycle::as_str);
    let cycle = validator.choice(cycle, &at.key("cycle"), &all)?;
    let (needed, other) = match cycle {
        DependencyCycle::None => ("within", "date"),
        DependencyCycle::Hour | DependencyCycle::Day | DependencyCycle::Week | DependencyCycle::Month => {
            ("date", "within")
        }
    };
    if map.contains_key(other) {
        let message = format!("with `cycle: {cycle}` stands `{needed}`, not `{other}`");
        validator.invalid_key(&at.key(other), "BAD_VALUE", message);
    }
    let Some(value) = map.get(needed) else {
        validator.missing(at, needed, &window_hint(cycle));
        return None;
    };
    if cycle == DependencyCycle::None {
        return validator
            .limit(value, &at.key("within"))
            .map(DependencyWindow::EndedWithin);
    }
    parse_date(validator, value, &at.key("date"), cycle).map(DependencyWindow::Date)
}

fn parse_date(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    cycle: DependencyCycle,
) -> Option<DependencyDate> {
    let text = validator.text(value, at)?;
    let found = DependencyDate::of_cycle(cycle).find(|date| date.as_str() == text);
    if found.is_none() {
        let message = format!("`{text}` is no date of `cycle: {cycle}`; {}", window_hint(cycle));
        validator.invalid(at, "BAD_VALUE", message);
    }
    found
}

/// Says what may stand beside a cycle.
fn window_hint(cycle: DependencyCycle) -> String {
    if cycle == DependencyCycle::None {
        return "it is a duration, for example `6h`".to_owned();
    }
    let names: Vec<&str> = DependencyDate::of_cycle(cycle)
        .map(DependencyDate::as_str)
        .collect();
    format!("it is one of {}", names.join(", "))
}
