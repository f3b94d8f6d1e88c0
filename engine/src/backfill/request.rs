//! The request for a backfill.

use serde_json::{Map, Value};

use super::dates::DateRange;
use super::states::{DateOrder, DependentsMode, ExistingPolicy, OnFailure};
use crate::alert::rule::{AlertRule, RuleSource};
use crate::alert::rule_fields::parse_rules;
use crate::ids::Timestamp;
use crate::schedule::{InvalidTimeText, TimeText};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::validator::{Path, Validator, named};
use crate::timezone::Tz;

/// The most instances of one backfill that may be open at a time.
const MAX_PARALLELISM: i64 = 1_000;

/// The most dates that a request may list, repetitions included.
const MAX_LISTED: usize = 100_000;

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 4_096;

/// Members of the body that are those of a start.
const START_KEYS: [&str; 7] = [
    "params",
    "tasks",
    "scope",
    "priority",
    "worker_group",
    "failure_strategy",
    "dry_run",
];

/// The other members of the body.
const KEYS: [&str; 13] = [
    "from",
    "to",
    "dates",
    "schedule",
    "version",
    "timezone",
    "parallelism",
    "order",
    "on_failure",
    "existing",
    "dependents",
    "notify",
    "description",
];

/// The dates that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateSelection {
    /// Those of schedules in a range.
    Range(DateRange),
    /// These; they may repeat, in any order.
    List(Vec<Timestamp>),
}

/// A request for a backfill with its defaults resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillRequest {
    /// The dates.
    pub selection: DateSelection,
    /// The schedule whose times are the dates of a range; without one all enabled ones.
    pub schedule: Option<String>,
    /// The zone of local times, and of instances whose date no schedule gives.
    pub timezone: Tz,
    /// The most instances that are open at a time.
    pub parallelism: u32,
    /// The order in which dates run.
    pub order: DateOrder,
    /// What an instance that does not succeed means for dates that have not started.
    pub on_failure: OnFailure,
    /// What an instance that exists means for a date.
    pub existing: ExistingPolicy,
    /// Which workflows run besides.
    pub dependents: DependentsMode,
    /// For people.
    pub description: String,
    /// Which events of it and of its instances send alerts.
    pub notify: Vec<AlertRule>,
    /// The members of a start, to be parsed as its body.
    pub start: Value,
}

/// Parses the body of a request; `zone` is that of a backfill that names none.
///
/// `version` chose the definition before; here only its type is checked.
///
/// # Errors
/// Lists everything that is wrong with the body, except in the members of a start.
pub fn parse_request(value: &Value, zone: Tz) -> Result<BackfillRequest, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let request = parse_members(&mut validator, value, zone);
    validator.finish(request)
}

/// Parses the body of a change of the parallelism.
///
/// # Errors
/// Lists everything that is wrong with the body.
pub fn parse_parallelism(value: &Value) -> Result<u32, Vec<Diagnostic>> {
    let (mut validator, at) = (Validator::default(), Path::ROOT);
    let map = validator.object(value, &at, &["parallelism"]);
    let parallelism = map.and_then(|map| match map.get("parallelism") {
        Some(value) => parallelism_of(&mut validator, value, &at.key("parallelism")),
        None => {
            validator.missing(&at, "parallelism", "say how many instances may be open at a time");
            None
        }
    });
    validator.finish(parallelism)
}

fn parse_members(validator: &mut Validator, value: &Value, zone: Tz) -> Option<BackfillRequest> {
    let at = Path::ROOT;
    let known: Vec<&str> = KEYS.iter().chain(&START_KEYS).copied().collect();
    let map = validator.object(value, &at, &known)?;
    let given = |key: &str| map.get(key).filter(|value| !value.is_null());
    if let Some(version) = given("version") {
        validator.integer(version, &at.key("version"), (1, i64::MAX));
    }
    let timezone = match given("timezone") {
        Some(value) => validator.timezone(value, &at.key("timezone"))?,
        None => zone,
    };
    let mut choice = ChoiceReader { validator, map };
    let order = choice.read("order", DateOrder::ALL, DateOrder::as_str);
    let on_failure = choice.read("on_failure", OnFailure::ALL, OnFailure::as_str);
    let existing = choice.read("existing", ExistingPolicy::ALL, ExistingPolicy::as_str);
    let dependents = choice.read("dependents", DependentsMode::ALL, DependentsMode::as_str);
    let parallelism = given("parallelism")
        .map(|value| parallelism_of(validator, value, &at.key("parallelism")))
        .unwrap_or(Some(1));
    let description = given("description")
        .map(|value| validator.short_text(value, &at.key("description"), MAX_DESCRIPTION));
    let schedule = given("schedule").map(|value| validator.name(value, &at.key("schedule")));
    let notify =
        given("notify").map(|value| parse_rules(validator, value, &at.key("notify"), RuleSource::Backfill));
    let selection = parse_selection(validator, map, timezone);
    let start = START_KEYS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), given(key)?.clone())));
    Some(BackfillRequest {
        selection: selection?,
        schedule: schedule.flatten(),
        timezone,
        parallelism: parallelism?,
        order: order?,
        on_failure: on_failure?,
        existing: existing?,
        dependents: dependents?,
        description: description.flatten().unwrap_or_default(),
        notify: notify.unwrap_or_default(),
        start: Value::Object(start.collect()),
    })
}

/// Reads members that are one of a closed set; the first of the set is the default.
struct ChoiceReader<'a, 'v> {
    validator: &'a mut Validator,
    map: &'v Map<String, Value>,
}

impl ChoiceReader<'_, '_> {
    fn read<T: Copy>(&mut self, key: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
        match self.map.get(key).filter(|value| !value.is_null()) {
            Some(value) => self
                .validator
                .choice(value, &Path::ROOT.key(key), &named(all, name)),
            None => all.first().copied(),
        }
    }
}

fn parallelism_of(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<u32> {
    let number = validator.integer(value, at, (1, MAX_PARALLELISM))?;
    u32::try_from(number).ok()
}

fn parse_selection(validator: &mut Validator, map: &Map<String, Value>, zone: Tz) -> Option<DateSelection> {
    let at = Path::ROOT;
    let given = |key: &str| map.get(key).filter(|value| !value.is_null());
    match (given("from"), given("to"), given("dates")) {
        (None, None, Some(list)) => parse_list(validator, list, zone).map(DateSelection::List),
        (Some(from), Some(to), None) => parse_range(validator, from, to, zone).map(DateSelection::Range),
        (None, None, None) => {
            validator.missing(&at, "from", "say `from` and `to`, or `dates`");
            None
        }
        (_, _, Some(_)) => {
            let message = "say either `from` and `to`, or `dates`, not both";
            validator.invalid(&at.key("dates"), "BAD_VALUE", message);
            None
        }
        (Some(_), None, None) => {
            validator.missing(&at, "to", "a range has an end");
            None
        }
        (None, Some(_), None) => {
            validator.missing(&at, "from", "a range has a beginning");
            None
        }
    }
}

fn parse_range(validator: &mut Validator, from: &Value, to: &Value, zone: Tz) -> Option<DateRange> {
    let at = Path::ROOT;
    let from = instant_of(validator, from, &at.key("from"), |time| time.begin_in(zone));
    let to = instant_of(validator, to, &at.key("to"), |time| time.end_in(zone));
    let (from, to) = (from?, to?);
    if to < from {
        let message = "`to` is before `from`; a range ends where it begins or later";
        validator.invalid(&at.key("to"), "BAD_VALUE", message);
        return None;
    }
    Some(DateRange { from, to })
}

fn parse_list(validator: &mut Validator, list: &Value, zone: Tz) -> Option<Vec<Timestamp>> {
    let at = Path::ROOT;
    let at = at.key("dates");
    let list = validator.list(list, &at, MAX_LISTED)?;
    let mut dates = Vec::with_capacity(list.len());
    for (place, value) in list.iter().enumerate() {
        dates.extend(instant_of(validator, value, &at.index(place), |time| {
            time.begin_in(zone)
        }));
    }
    Some(dates)
}

fn instant_of(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
    resolve: impl FnOnce(TimeText) -> Option<Timestamp>,
) -> Option<Timestamp> {
    let time: Result<TimeText, InvalidTimeText> = validator.text(value, at)?.parse();
    let instant = time.and_then(|time| resolve(time).ok_or(InvalidTimeText));
    instant
        .map_err(|error| validator.invalid(at, "BAD_VALUE", error.to_string()))
        .ok()
}
