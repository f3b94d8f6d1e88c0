//! When a schedule fires.

pub mod calendar;
pub mod cron;
pub mod local_time;

mod cron_times;
mod fire_times;
mod jitter;

#[cfg(test)]
mod tests;

pub use self::calendar::Calendar;
pub use self::cron::Cron;
pub use self::cron_times::CronTimes;
pub use self::fire_times::{FireTimes, Recurrence, Window};
pub use self::jitter::jitter_of;
