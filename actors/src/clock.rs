//! The database's time, kept between heartbeats by this machine's monotonic clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use engine::ids::Timestamp;

/// Differences up to this are measurement noise, in milliseconds.
const NOISE_MS: i64 = 20;

/// Corrections backwards up to this are bridged by standing still, so that what is stored in sequence never seems to have
/// happened in reverse, in milliseconds. A larger one is applied: due times wait for it.
const BRIDGED_MS: i64 = 1_000;

/// Returns the database's time without asking it: monotonic time plus a measured offset.
///
/// It never reads the wall clock, so that a clock that is wrong, or jumps, harms nothing.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Instant,
    offset_ms: Arc<AtomicI64>,
    shown_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Starts a clock that shows `now` at this moment.
    pub fn starting_at(now: Timestamp) -> Self {
        Self {
            origin: Instant::now(),
            offset_ms: Arc::new(AtomicI64::new(now.0)),
            shown_ms: Arc::new(AtomicI64::new(now.0)),
        }
    }

    /// Returns the database's time; never earlier than it returned before, except after a large correction.
    pub fn now(&self) -> Timestamp {
        let now = self.measured();
        let shown = self.shown_ms.fetch_max(now, Ordering::Relaxed);
        if shown - now > BRIDGED_MS {
            self.shown_ms.store(now, Ordering::Relaxed);
            return Timestamp(now);
        }
        Timestamp(now.max(shown))
    }

    /// Applies the time that the database answered, half a round trip ago, unless the difference may be the round trip's
    /// own.
    pub fn adjust(&self, answered: Timestamp, round_trip_ms: i64) {
        let now = answered.0.saturating_add(round_trip_ms / 2);
        if (now - self.measured()).abs() > NOISE_MS.max(round_trip_ms) {
            let offset = now.saturating_sub(self.elapsed_ms());
            self.offset_ms.store(offset, Ordering::Relaxed);
        }
    }

    fn measured(&self) -> i64 {
        self.offset_ms
            .load(Ordering::Relaxed)
            .saturating_add(self.elapsed_ms())
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
