//! When a schedule fires.

pub mod calendar;
pub mod cron;
pub mod local_time;

pub(crate) mod definition;
pub(crate) mod fields;

mod cron_times;
mod field_reader;
mod fire_times;
mod firing;
mod jitter;
mod missed_policy;
mod preview;
mod time_text;

#[cfg(test)]
mod tests;

pub use self::calendar::Calendar;
pub use self::cron::Cron;
pub use self::cron_times::CronTimes;
pub use self::definition::{DEFAULT_MISSED_LIMIT, Repetition, ScheduleDefinition};
pub use self::fields::{parse_schedule, parse_workflow_schedule, serialize_schedule};
pub use self::fire_times::{FireTimes, Recurrence, Window};
pub use self::firing::{DueFire, FireDecision, Firing, FiringRules, MAX_COUNTED, NextFire, SkippedFires};
pub use self::jitter::jitter_of;
pub use self::missed_policy::MissedPolicy;
pub use self::preview::{Preview, parse_count, parse_preview};
pub use self::time_text::{InvalidTimeText, TimeText};
