//! The database's time, kept between beats by this machine's monotonic clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use engine::ids::Timestamp;

/// Differences up to this are noise of the measurement, in milliseconds.
const NOISE_MS: i64 = 20;

/// A correction backwards up to this is bridged by standing still, so that what is stored one after the other
/// never seems to have happened the other way round. A larger one is taken over: due times wait for it.
const BRIDGED_MS: i64 = 1_000;

/// Tells the database's time without asking it: monotonic time plus a measured offset.
///
/// Never reads the wall clock, so that a clock that is off, or jumps, harms nothing.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Instant,
    offset_ms: Arc<AtomicI64>,
    told_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Starts a clock that shows `now` at this moment.
    pub fn starting_at(now: Timestamp) -> Self {
        Self {
            origin: Instant::now(),
            offset_ms: Arc::new(AtomicI64::new(now.0)),
            told_ms: Arc::new(AtomicI64::new(now.0)),
        }
    }

    /// Returns the database's time; never earlier than an answer before, but for a large correction.
    pub fn now(&self) -> Timestamp {
        let now = self.measured();
        let told = self.told_ms.fetch_max(now, Ordering::Relaxed);
        if told - now > BRIDGED_MS {
            self.told_ms.store(now, Ordering::Relaxed);
            return Timestamp(now);
        }
        Timestamp(now.max(told))
    }

    /// Takes over the time that the database answered, half a round trip ago, unless the difference may be the
    /// round trip's own.
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
mod tests {
    use super::*;

    #[test]
    fn a_small_correction_backwards_never_shows() {
        let clock = Clock::starting_at(Timestamp(1_000_000));
        let before = clock.now();
        clock.adjust(Timestamp(1_000_000 - 500), 0);
        assert!(clock.now() >= before);
    }

    #[test]
    fn a_large_correction_is_taken_over_in_both_directions() {
        let clock = Clock::starting_at(Timestamp(10_000_000));
        clock.now();
        clock.adjust(Timestamp(5_000_000), 0);
        assert!(clock.now() < Timestamp(6_000_000));
        clock.adjust(Timestamp(20_000_000), 0);
        assert!(clock.now() >= Timestamp(20_000_000));
    }

    #[test]
    fn a_difference_within_the_round_trip_is_noise() {
        let clock = Clock::starting_at(Timestamp(0));
        clock.adjust(Timestamp(100), 400);
        assert!(clock.now() < Timestamp(200));
    }
}
