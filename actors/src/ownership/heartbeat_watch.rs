//! Watches the database heartbeats of a suspect: whether they continue, and for how long they have been missing.
//!
//! Silence counts only while the database answers without delay: one that stalls shows no heartbeat of any member.

use std::time::Duration;

use ports::{DB_HEARTBEAT_INTERVAL, HeartbeatReading};

/// Shortest time for which a suspect is watched: a live one stores a heartbeat in it.
pub(crate) const WATCH_TIME: Duration = DB_HEARTBEAT_INTERVAL.saturating_add(Duration::from_millis(100));

/// Time for which a suspect is watched after a pause of the store. Each node finds its way back to the database in its
/// own time: a lost connection is given up after 4 s.
pub(crate) const WATCH_TIME_AFTER_PAUSE: Duration = Duration::from_secs(6);

/// Time within which a steady database answers a reading.
const PROMPT_ANSWER: Duration = Duration::from_millis(250);

/// Time for which the database must have answered promptly before silence counts.
const PROMPT_TIME: Duration = Duration::from_millis(300);

/// The longest pause between two readings.
pub(crate) const READ_INTERVAL: Duration = Duration::from_millis(100);

/// What the readings show. Times are of a monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeartbeatWatch {
    count: i64,
    /// The age of the last heartbeat at the first reading.
    first_age: Duration,
    watched_since: Duration,
    /// Every reading since then was answered promptly.
    prompt_since: Option<Duration>,
    watch_time: Duration,
}

impl HeartbeatWatch {
    /// Starts with the first reading, which was answered at `now`.
    pub(crate) fn new(first: HeartbeatReading, now: Duration, watch_time: Duration) -> Self {
        Self {
            count: first.count,
            first_age: Duration::from_millis(u64::try_from(first.age_ms).unwrap_or(0)),
            watched_since: now,
            prompt_since: None,
            watch_time,
        }
    }

    /// The number of heartbeats after which none was seen.
    pub(crate) fn count(&self) -> i64 {
        self.count
    }

    /// Whether a later reading shows another heartbeat.
    pub(crate) fn is_continued_by(&self, reading: HeartbeatReading) -> bool {
        reading.count != self.count
    }

    /// Records that a reading was requested and answered at these times.
    pub(crate) fn record_answer(&mut self, requested_at: Duration, now: Duration) {
        if now.saturating_sub(requested_at) > PROMPT_ANSWER {
            self.prompt_since = None;
        } else {
            self.prompt_since.get_or_insert(requested_at);
        }
    }

    /// How long no heartbeat has been stored.
    pub(crate) fn silence(&self, now: Duration) -> Duration {
        self.first_age + now.saturating_sub(self.watched_since)
    }

    /// The time after which the suspect may have been silent for `required`; none when it surely has.
    pub(crate) fn remaining(&self, now: Duration, required: Duration) -> Option<Duration> {
        let prompt_for = self
            .prompt_since
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        let missing = [
            required.saturating_sub(self.silence(now)),
            self.watch_time
                .saturating_sub(now.saturating_sub(self.watched_since)),
            PROMPT_TIME.saturating_sub(prompt_for),
        ];
        missing.into_iter().max().filter(|longest| !longest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: Duration = ms(900);

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn reading(count: i64, age_ms: i64) -> HeartbeatReading {
        HeartbeatReading { count, age_ms }
    }

    /// A watch that began at 1 s, of a suspect whose last heartbeat was that old, and was answered promptly until `now`.
    fn prompt_watch(age_ms: i64, now: u64) -> HeartbeatWatch {
        let mut watch = HeartbeatWatch::new(reading(7, age_ms), ms(1_000), WATCH_TIME);
        for at in (1_000..=now).step_by(100) {
            watch.record_answer(ms(at), ms(at + 2));
        }
        watch
    }

    #[test]
    fn the_age_at_the_first_reading_counts() {
        let watch = prompt_watch(400, 1_600);
        assert_eq!(watch.remaining(ms(1_600), REQUIRED), None);
        let watch = prompt_watch(0, 1_600);
        assert_eq!(watch.remaining(ms(1_600), REQUIRED), Some(ms(300)));
        assert_eq!(watch.silence(ms(1_900)), REQUIRED);
    }

    #[test]
    fn the_age_alone_proves_nothing() {
        // The database's clock was set forward, or no member could store anything for a while.
        let watch = prompt_watch(60_000, 1_300);
        assert_eq!(watch.remaining(ms(1_300), REQUIRED), Some(ms(300)));
        assert_eq!(watch.remaining(ms(1_600), REQUIRED), None);
    }

    #[test]
    fn a_database_that_answers_slowly_shows_no_silence() {
        let mut watch = prompt_watch(400, 1_600);
        watch.record_answer(ms(1_700), ms(1_951));
        assert_eq!(watch.remaining(ms(1_951), REQUIRED), Some(PROMPT_TIME));
        watch.record_answer(ms(2_000), ms(2_010));
        assert_eq!(watch.remaining(ms(2_300), REQUIRED), None);
    }

    #[test]
    fn after_a_pause_of_the_store_the_watch_is_longer() {
        let mut watch = HeartbeatWatch::new(reading(7, 20_000), ms(0), WATCH_TIME_AFTER_PAUSE);
        watch.record_answer(ms(0), ms(1));
        assert_eq!(watch.remaining(ms(1_000), REQUIRED), Some(ms(5_000)));
    }

    #[test]
    fn another_heartbeat_shows_that_the_suspect_is_alive() {
        let watch = prompt_watch(0, 1_000);
        assert!(!watch.is_continued_by(reading(7, 0)), "the clock was set back");
        assert!(watch.is_continued_by(reading(8, 0)));
    }
}
