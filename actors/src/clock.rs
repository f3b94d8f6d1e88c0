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

    /// Learns from the time that the database answered, at some moment of the round trip that ends now.
    ///
    /// Changes nothing while the shown time may be the database's: a step back without need would show a task
    /// as started before the one that it waited for had ended.
    pub fn adjust(&self, answered: Millis, round_trip_ms: i64) {
        let shown = self.now().0;
        // Two more, because the answer and the round trip are rounded down to whole milliseconds.
        let latest = answered.0.saturating_add(round_trip_ms.max(0)).saturating_add(2);
        let step = shown.clamp(answered.0, latest).saturating_sub(shown);
        self.offset_ms.fetch_add(step, Ordering::Relaxed);
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
