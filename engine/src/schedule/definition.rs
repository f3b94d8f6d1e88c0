//! A schedule as a document or a request describes it.

use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::calendar::Calendar;
use super::cron::Cron;
use super::cron_times::CronTimes;
use super::fire_times::{FireTimes, Recurrence, Window};
use super::missed_policy::MissedPolicy;
use super::time_text::TimeText;
use crate::alert::rule::AlertRule;
use crate::ids::Timestamp;
use crate::spec::duration::HumanDuration;
use crate::states::{FailureStrategy, Priority};

/// The number of missed fires that `all` starts unless the schedule says otherwise.
pub const DEFAULT_MISSED_LIMIT: u32 = 100;

/// The fewest and the most missed fires that `all` starts.
pub(super) const MISSED_LIMITS: (i64, i64) = (1, 10_000);

/// What repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repetition {
    /// Times that match an expression.
    Cron(Box<Cron>),
    /// The start of the schedule, and every so many milliseconds after it, in elapsed time.
    Every(i64),
}

/// When a workflow is started, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleDefinition {
    /// What repeats.
    pub repetition: Repetition,
    /// The zone of its times; the document's unless given.
    pub timezone: Option<Tz>,
    /// The first possible fire.
    pub start: Option<TimeText>,
    /// The last possible fire.
    pub end: Option<TimeText>,
    /// The name of the calendar whose dates it keeps to.
    pub calendar: Option<String>,
    /// What becomes of missed fires.
    pub missed: MissedPolicy,
    /// The most missed fires that are started by `all`: the newest.
    pub missed_limit: u32,
    /// The limit of the delay of a start, in milliseconds.
    pub jitter_ms: i64,
    /// Parameters of the instances, as in a start.
    pub params: Map<String, Value>,
    /// The workflow's unless given.
    pub priority: Option<Priority>,
    /// Replaces the workflow's default group.
    pub worker_group: Option<String>,
    /// The workflow's unless given.
    pub failure_strategy: Option<FailureStrategy>,
    /// Which events of its fires and instances send alerts.
    pub notify: Vec<AlertRule>,
    /// Whether it fires.
    pub enabled: bool,
}

impl ScheduleDefinition {
    /// Returns the first and the last possible fire in the zone of the schedule.
    pub fn window(&self, zone: Tz) -> Window {
        Window {
            start: self.start.and_then(|start| start.begin_in(zone)),
            end: self.end.and_then(|end| end.end_in(zone)),
        }
    }

    /// Returns its fire times; `zone` is its own or the default, `calendar` the one that it names.
    pub fn fire_times(&self, zone: Tz, calendar: Option<Arc<Calendar>>) -> FireTimes {
        FireTimes::new(self.recurrence(zone), zone, self.window(zone), calendar)
    }

    /// Returns its fire times as if its window had no end and no beginning.
    pub fn fire_times_without_window(&self, zone: Tz, calendar: Option<Arc<Calendar>>) -> FireTimes {
        FireTimes::new(self.recurrence(zone), zone, Window::default(), calendar)
    }

    fn recurrence(&self, zone: Tz) -> Recurrence {
        match &self.repetition {
            Repetition::Cron(cron) => Recurrence::Cron(Box::new(CronTimes::new(Cron::clone(cron), zone))),
            Repetition::Every(interval_ms) => Recurrence::Every {
                start: self.window(zone).start.unwrap_or(Timestamp(0)),
                interval_ms: *interval_ms,
            },
        }
    }

    /// Says in English when it fires, for example `at 02:30 every day`.
    pub fn describe(&self) -> String {
        match &self.repetition {
            Repetition::Cron(cron) => cron.describe(),
            Repetition::Every(interval_ms) => format!("every {}", HumanDuration(*interval_ms)),
        }
    }

    /// Returns the body of the start of one of its instances.
    pub fn start_choices(&self, fire_at: Timestamp, zone: Tz) -> Value {
        let mut choices = Map::new();
        choices.insert("params".to_owned(), Value::Object(self.params.clone()));
        choices.insert(
            "scheduled_at".to_owned(),
            json!(TimeText::Instant(fire_at).to_string()),
        );
        choices.insert("timezone".to_owned(), json!(zone.name()));
        let optional = [
            ("priority", self.priority.map(Priority::as_str)),
            ("worker_group", self.worker_group.as_deref()),
            (
                "failure_strategy",
                self.failure_strategy.map(FailureStrategy::as_str),
            ),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                choices.insert(key.to_owned(), json!(value));
            }
        }
        Value::Object(choices)
    }
}
