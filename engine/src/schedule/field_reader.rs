//! Reads the members of a schedule.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::cron::{Cron, CronError};
use super::definition::{DEFAULT_MISSED_LIMIT, MISSED_LIMITS, Repetition, ScheduleDefinition};
use super::missed_policy::MissedPolicy;
use super::time_text::{InvalidTimeText, TimeText};
use crate::alert::rule::RuleSource;
use crate::alert::rule_fields::parse_rules;
use crate::spec::validator::{Path, Validator, named};
use crate::states::{FailureStrategy, Priority};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// The shortest and the longest interval of `every`, in milliseconds.
const INTERVALS: (i64, i64) = (SECOND, 366 * DAY);

/// The longest jitter, in milliseconds.
const MAX_JITTER: i64 = HOUR;

/// Reads the members of a schedule one by one.
pub(super) struct FieldReader<'v, 'p, 'm> {
    validator: &'v mut Validator,
    map: &'m Map<String, Value>,
    at: Path<'p>,
}

impl<'v, 'p, 'm> FieldReader<'v, 'p, 'm> {
    /// Reads the members of a map that stands at a place.
    pub(super) fn new(validator: &'v mut Validator, map: &'m Map<String, Value>, at: Path<'p>) -> Self {
        Self { validator, map, at }
    }

    /// Reads a member that is given; null is the same as leaving it out.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&mut Validator, &Value, &Path<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.given(key)?;
        parse(self.validator, value, &self.at.key(key))
    }

    fn given(&self, key: &str) -> Option<&'m Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Reads a schedule; times without an offset are in its zone, else in the default.
    pub(super) fn read_definition(&mut self, default_zone: Tz) -> Option<ScheduleDefinition> {
        let repetition = self.read_repetition();
        let definition = ScheduleDefinition {
            timezone: self.read("timezone", |validator, value, at| validator.timezone(value, at)),
            start: self.read("start", parse_time),
            end: self.read("end", parse_time),
            calendar: self.read("calendar", |validator, value, at| validator.name(value, at)),
            missed: self
                .read("missed", |validator, value, at| {
                    validator.choice(value, at, &named(MissedPolicy::ALL, MissedPolicy::as_str))
                })
                .unwrap_or(MissedPolicy::Latest),
            missed_limit: self
                .read("missed_limit", |validator, value, at| {
                    validator.integer(value, at, MISSED_LIMITS)
                })
                .and_then(|limit| u32::try_from(limit).ok())
                .unwrap_or(DEFAULT_MISSED_LIMIT),
            jitter_ms: self.read("jitter", parse_jitter).unwrap_or(0),
            params: self
                .read("params", |validator, value, at| validator.map(value, at).cloned())
                .unwrap_or_default(),
            priority: self.read("priority", |validator, value, at| {
                validator.choice(value, at, &named(Priority::ALL, Priority::as_str))
            }),
            worker_group: self.read("worker_group", |validator, value, at| validator.name(value, at)),
            failure_strategy: self.read("failure_strategy", |validator, value, at| {
                validator.choice(value, at, &named(FailureStrategy::ALL, FailureStrategy::as_str))
            }),
            notify: self
                .read("notify", |validator, value, at| {
                    Some(parse_rules(validator, value, at, RuleSource::Schedule))
                })
                .unwrap_or_default(),
            enabled: self
                .read("enabled", |validator, value, at| validator.boolean(value, at))
                .unwrap_or(true),
            repetition: repetition?,
        };
        self.check_window(&definition, default_zone);
        Some(definition)
    }

    fn read_repetition(&mut self) -> Option<Repetition> {
        let (has_cron, has_every) = (self.given("cron").is_some(), self.given("every").is_some());
        let at = self.at;
        match (has_cron, has_every) {
            (true, true) => {
                let message = "`cron` and `every` exclude each other; leave one of them out";
                self.validator.invalid(&at.key("every"), "BAD_VALUE", message);
                None
            }
            (false, false) => {
                let hint = "write `cron`, or `every` with `start`";
                self.validator.missing(&at, "cron", hint);
                None
            }
            (true, false) => self
                .read("cron", parse_cron)
                .map(|cron| Repetition::Cron(Box::new(cron))),
            (false, true) => {
                if self.given("start").is_none() {
                    self.validator.missing(&at, "start", "`every` is counted from it");
                }
                self.read("every", parse_interval).map(Repetition::Every)
            }
        }
    }

    fn check_window(&mut self, definition: &ScheduleDefinition, default_zone: Tz) {
        let window = definition.window(definition.timezone.unwrap_or(default_zone));
        if let (Some(start), Some(end)) = (window.start, window.end)
            && start > end
        {
            let message = "`end` is before `start`; no fire lies between them";
            self.validator.invalid(&self.at.key("end"), "BAD_VALUE", message);
        }
    }
}

fn parse_cron(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<Cron> {
    let parsed: Result<Cron, CronError> = validator.text(value, at)?.parse();
    parsed
        .map_err(|error| validator.invalid(at, error.code(), error.to_string()))
        .ok()
}

fn parse_interval(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<i64> {
    let ms = validator.duration(value, at)?;
    if !(INTERVALS.0..=INTERVALS.1).contains(&ms) {
        validator.invalid(at, "OUT_OF_RANGE", "the interval is from 1s to 366d");
        return None;
    }
    Some(ms)
}

fn parse_jitter(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<i64> {
    let ms = validator.duration(value, at)?;
    if ms > MAX_JITTER {
        validator.invalid(at, "OUT_OF_RANGE", "the jitter is at most 1h");
        return None;
    }
    Some(ms)
}

/// Parses a time whose zone may be missing.
pub(super) fn parse_time(validator: &mut Validator, value: &Value, at: &Path<'_>) -> Option<TimeText> {
    let text = validator.text(value, at)?;
    text.parse()
        .map_err(|error: InvalidTimeText| {
            validator.invalid(at, "BAD_VALUE", error.to_string());
        })
        .ok()
}
