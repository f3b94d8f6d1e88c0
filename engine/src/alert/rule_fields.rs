//! The fields of rules: read, checked, written, and as a JSON Schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::event::{AlertEvent, EventSet};
use super::late::LateLimit;
use super::rule::{AlertRule, RuleSource};
use super::rule_scope::RULE_NAMES;
use crate::expression::{Expression, MAX_EXPRESSION_BYTES};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::duration::HumanDuration;
use crate::spec::validator::{Path, Validator};

/// The most rules at one place.
pub(super) const MAX_RULES: usize = 50;

/// The most channels of a rule.
pub(super) const MAX_CHANNELS: usize = 20;

/// The longest time for which alerts are gathered, in milliseconds.
const MAX_GROUP_MS: i64 = 24 * 60 * 60 * 1000;

/// The longest time after its plan at which an instance or a fire is late, in milliseconds.
const MAX_LATENESS_MS: i64 = 7 * 24 * 60 * 60 * 1000;

const KEYS: &[&str] = &[
    "name", "on", "channels", "group", "when", "by", "after", "within", "children",
];

/// Reads the rules of a body that has nothing else: `{"rules": […]}`.
///
/// # Errors
/// Lists everything that is wrong with them.
pub fn parse_rule_list(value: &Value, source: RuleSource) -> Result<Vec<AlertRule>, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let at = Path::ROOT;
    let map = validator.object(value, &at, &["rules"]);
    let rules = map.and_then(|map| match map.get("rules") {
        Some(rules) => Some(parse_rules(&mut validator, rules, &at.key("rules"), source)),
        None => {
            validator.missing(&at, "rules", "write `[]` for none");
            None
        }
    });
    validator.finish(rules)
}

/// Reads rules where they stand.
pub(crate) fn parse_rules(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    source: RuleSource,
) -> Vec<AlertRule> {
    let Some(list) = validator.list(value, at, MAX_RULES) else {
        return Vec::new();
    };
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(rule) = parse_rule(validator, value, &at, source) else {
            continue;
        };
        if let Some(name) = &rule.name
            && !names.insert(name.clone())
        {
            let message =
                format!("another rule here is named `{name}`: an alert would not say which one it is");
            validator.invalid(&at.key("name"), "DUPLICATE", message);
        }
        rules.push(rule);
    }
    rules
}

fn parse_rule(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    source: RuleSource,
) -> Option<AlertRule> {
    let map = validator.object(value, at, KEYS)?;
    let given = |key: &str| map.get(key).filter(|value| !value.is_null());
    let name = given("name").and_then(|value| parse_name(validator, value, &at.key("name")));
    let on = match given("on") {
        Some(value) => parse_events(validator, value, &at.key("on"), source),
        None => {
            validator.missing(at, "on", "it lists the events, for example `[failed, timed_out]`");
            None
        }
    };
    let channels = match given("channels") {
        Some(value) => parse_channels(validator, value, &at.key("channels")),
        None => {
            validator.missing(at, "channels", "it lists the channels that get a message");
            None
        }
    };
    let group_ms = given("group").and_then(|value| {
        let at = at.key("group");
        let ms = validator.limit(value, &at)?;
        within_bounds(validator, ms, MAX_GROUP_MS, &at)
    });
    let when = given("when").and_then(|value| parse_when(validator, value, &at.key("when")));
    let (late, within_ms) = parse_times(validator, map, at, on);
    let children = given("children").and_then(|value| {
        let at = at.key("children");
        let children = validator.boolean(value, &at)?;
        if children && !may_have_children(source) {
            validator.invalid(&at, "BAD_VALUE", no_children(source));
        }
        Some(children)
    });
    Some(AlertRule {
        name,
        on: on?,
        channels: channels?,
        group_ms,
        when,
        late,
        within_ms,
        children: children.unwrap_or(false),
    })
}

/// A name that is a number could be the place of another rule.
fn parse_name(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let name = validator.name(value, at)?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        validator.invalid(
            at,
            "BAD_NAME",
            "a rule is not named by a number, which is the place of another",
        );
        return None;
    }
    Some(name)
}

fn parse_events(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    source: RuleSource,
) -> Option<EventSet> {
    let list = validator.list(value, at, AlertEvent::ALL.len())?;
    if list.is_empty() {
        validator.invalid(
            at,
            "MISSING",
            "a rule without an event never matches; name at least one",
        );
        return None;
    }
    let mut events = EventSet::NONE;
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(event) = parse_event(validator, value, &at) else {
            continue;
        };
        if let Some(why) = find_mismatch(event, source) {
            validator.invalid(&at, "BAD_VALUE", why);
        }
        events = events.with(event);
    }
    Some(events)
}

fn parse_event(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<AlertEvent> {
    let text = validator.text(value, at)?;
    let known = || nameable_events().map(AlertEvent::as_str);
    if let Some(event) = nameable_events().find(|event| event.as_str() == text) {
        return Some(event);
    }
    if text == AlertEvent::SqlResult.as_str() {
        let message = "no rule names `sql_result`: the `mail` of a task sends it";
        validator.invalid(at, "BAD_VALUE", message);
        return None;
    }
    let names: Vec<&str> = known().collect();
    let hint = match validator.nearest(text, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the events are {}", names.join(", ")),
    };
    validator.invalid(at, "BAD_VALUE", format!("there is no event `{text}`; {hint}"));
    None
}

/// Lists the events that rules may name.
pub(super) fn nameable_events() -> impl Iterator<Item = AlertEvent> {
    let events = AlertEvent::ALL.iter().copied();
    events.filter(|event| *event != AlertEvent::SqlResult)
}

/// Says why an event never matches a rule at this place.
fn find_mismatch(event: AlertEvent, source: RuleSource) -> Option<String> {
    use AlertEvent::{BackfillFinished, Late, NotStarted, ScheduleRefused};
    if event.is_about_nodes() && source != RuleSource::Server {
        return Some(format!(
            "`{event}` is about nodes: only rules of the server name it (`porpoise rule set`)"
        ));
    }
    let matches = match source {
        RuleSource::Schedule => event != BackfillFinished,
        RuleSource::Backfill => !matches!(event, Late | NotStarted | ScheduleRefused),
        RuleSource::Start => !matches!(event, NotStarted | ScheduleRefused | BackfillFinished),
        RuleSource::Document | RuleSource::Project | RuleSource::Server => true,
    };
    (!matches).then(|| format!("`{event}` never concerns a {source}; leave it out"))
}

fn parse_channels(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Vec<String>> {
    let list = validator.list(value, at, MAX_CHANNELS)?;
    if list.is_empty() {
        validator.invalid(
            at,
            "MISSING",
            "a rule without a channel sends nothing; name at least one",
        );
        return None;
    }
    let mut channels: Vec<String> = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let at = at.index(place);
        let Some(name) = validator.name(value, &at) else {
            continue;
        };
        if channels.contains(&name) {
            validator.invalid(&at, "DUPLICATE", format!("`{name}` is in the list already"));
        } else {
            channels.push(name);
        }
    }
    Some(channels)
}

fn parse_when(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<String> {
    let text = validator.short_text(value, at, MAX_EXPRESSION_BYTES)?;
    match Expression::parse(&text) {
        Err(error) => validator.invalid(at, "INVALID_EXPRESSION", error.to_string()),
        Ok(expression) => {
            let names = expression.names();
            if let Some(name) = names.iter().find(|name| !RULE_NAMES.contains(&name.as_str())) {
                let message = format!(
                    "a rule knows no `{name}`; it knows `instance`, `event`, `task.name` and `task.error`"
                );
                validator.invalid(at, "INVALID_EXPRESSION", message);
            }
        }
    }
    Some(text)
}

/// Reads the times of `late` and `not_started`, which stand together with these events only.
fn parse_times(
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
    on: Option<EventSet>,
) -> (Option<LateLimit>, Option<i64>) {
    let given = |key: &str| map.get(key).filter(|value| !value.is_null());
    let names = |event: AlertEvent| on.is_none_or(|on| on.contains(event));
    let late = match (given("by"), given("after")) {
        (Some(_), Some(_)) => {
            let message = "`by` and `after` exclude each other; leave one of them out";
            validator.invalid(&at.key("after"), "BAD_VALUE", message);
            None
        }
        (Some(by), None) => parse_time_of_day(validator, by, &at.key("by")).map(LateLimit::By),
        (None, Some(after)) => {
            let at = at.key("after");
            let ms = validator.limit(after, &at);
            ms.and_then(|ms| within_bounds(validator, ms, MAX_LATENESS_MS, &at))
                .map(LateLimit::After)
        }
        (None, None) => {
            if on.is_some_and(|on| on.contains(AlertEvent::Late)) {
                validator.missing(at, "by", "`late` needs it, or `after`: when is an instance late?");
            }
            None
        }
    };
    for key in ["by", "after"] {
        if given(key).is_some() && !names(AlertEvent::Late) {
            validator.invalid_key(
                &at.key(key),
                "BAD_VALUE",
                format!("`{key}` is about `late`, which `on` lacks"),
            );
        }
    }
    let within_ms = given("within").and_then(|value| {
        let at = at.key("within");
        if !names(AlertEvent::NotStarted) {
            let message = "`within` is about `not_started`, which `on` lacks";
            validator.invalid_key(&at, "BAD_VALUE", message);
        }
        let ms = validator.limit(value, &at)?;
        within_bounds(validator, ms, MAX_LATENESS_MS, &at)
    });
    if given("within").is_none() && on.is_some_and(|on| on.contains(AlertEvent::NotStarted)) {
        validator.missing(
            at,
            "within",
            "`not_started` needs it: how long may a fire take to start?",
        );
    }
    (late, within_ms)
}

/// Reads a time of the day like `06:30`, as minutes.
fn parse_time_of_day(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<u32> {
    let text = validator.text(value, at)?;
    let minutes = text.split_once(':').and_then(|(hours, minutes)| {
        let number = |digits: &str, end: u32| {
            let is_written_out = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = digits.parse().ok().filter(|_| is_written_out)?;
            (number < end).then_some(number)
        };
        Some(number(hours, 24)? * 60 + number(minutes, 60)?)
    });
    if minutes.is_none() {
        let message = format!("`{text}` is not a time of the day: write for example \"06:30\"");
        validator.invalid(at, "BAD_VALUE", message);
    }
    minutes
}

/// No schedule, backfill or start makes instances that tasks start.
fn may_have_children(source: RuleSource) -> bool {
    matches!(
        source,
        RuleSource::Document | RuleSource::Project | RuleSource::Server
    )
}

fn no_children(source: RuleSource) -> String {
    format!(
        "no instance of a {source} is started by a task; write the rule in the document of the child, or in the project"
    )
}

fn within_bounds(validator: &mut Validator, ms: i64, max: i64, at: &Path<'_>) -> Option<i64> {
    if ms > max {
        let message = format!("it is at most {}", HumanDuration(max));
        validator.invalid(at, "OUT_OF_RANGE", message);
    }
    (ms <= max).then_some(ms)
}

#[cfg(test)]
mod tests;
