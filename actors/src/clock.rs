//! The database's time, kept between beats by this machine's monotonic clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use engine::ids::Millis;

/// Tells the database's time without asking it: monotonic time plus a measured offset.
///
/// Never reads the wall clock, so that a clock that is off, or jumps, harms nothing.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Instant,
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Starts a clock that shows `now` at this moment.
    pub fn starting_at(now: Millis) -> Self {
        Self {
            origin: Instant::now(),
            offset_ms: Arc::new(AtomicI64::new(now.0)),
        }
    }

    /// Returns the database's time.
    pub fn now(&self) -> Millis {
        Millis(
            self.offset_ms
                .load(Ordering::Relaxed)
                .saturating_add(self.elapsed_ms()),
        )
    }

    /// Takes over the time that the database answered, half a round trip ago.
    pub fn adjust(&self, answered: Millis, round_trip_ms: i64) {
        let offset = answered
            .0
            .saturating_add(round_trip_ms / 2)
            .saturating_sub(self.elapsed_ms());
        self.offset_ms.store(offset, Ordering::Relaxed);
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
