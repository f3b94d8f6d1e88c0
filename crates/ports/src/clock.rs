//! The database's time, kept between heartbeats by this machine's monotonic clock.

use std::sync::Arc;
use std::time::Instant;

use engine::ids::Timestamp;
use parking_lot::Mutex;

/// Differences up to this are measurement noise, in milliseconds.
const NOISE_MS: i64 = 20;

/// Corrections backwards up to this are bridged by standing still, so that what is stored in sequence never seems to have
/// happened in reverse, in milliseconds. A larger one is applied.
const BRIDGED_MS: i64 = 1_000;

/// The origin of a database's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeSource {
    /// The clock of a database server, by which all nodes wait.
    Server,
    /// The clock of this machine, where the database is a file. It jumps when it is set or the machine was suspended;
    /// waits keep their length.
    Machine,
}

/// Returns the database's time without asking it: monotonic time plus a measured offset. Clones share the offset.
///
/// It never reads the wall clock, so that a clock that is wrong, or jumps, harms nothing.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: Instant,
    source: TimeSource,
    state: Arc<Mutex<ClockState>>,
}

#[derive(Debug)]
struct ClockState {
    offset_ms: i64,
    shown_ms: i64,
    stepped_ms: i64,
}

/// What a clock shows at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The time.
    pub now: Timestamp,
    /// The sum of the steps of this machine's clock so far, in milliseconds: by so much due times that were set before
    /// them are moved. It stays 0 on a server's time.
    pub stepped_ms: i64,
}

impl Clock {
    /// Starts a clock that shows `now` at this moment, the time of a server.
    pub fn starting_at(now: Timestamp) -> Self {
        Self::with_source(now, TimeSource::Server)
    }

    /// Starts a clock that shows `now` at this moment.
    pub fn with_source(now: Timestamp, source: TimeSource) -> Self {
        Self {
            origin: Instant::now(),
            source,
            state: Arc::new(Mutex::new(ClockState {
                offset_ms: now.0,
                shown_ms: now.0,
                stepped_ms: 0,
            })),
        }
    }

    /// Returns the origin of the time.
    pub fn source(&self) -> TimeSource {
        self.source
    }

    /// Returns the database's time; never earlier than it returned before, except after a large correction.
    pub fn now(&self) -> Timestamp {
        self.read().now
    }

    /// Returns the database's time with the steps of this machine's clock up to it.
    pub fn read(&self) -> ClockReading {
        let mut state = self.state.lock();
        let measured = state.offset_ms.saturating_add(self.elapsed_ms());
        if measured > state.shown_ms || state.shown_ms - measured > BRIDGED_MS {
            state.shown_ms = measured;
        }
        ClockReading {
            now: Timestamp(state.shown_ms),
            stepped_ms: state.stepped_ms,
        }
    }

    /// Applies the time that the database answered, half a round trip ago, unless the difference may be the round trip's
    /// own.
    pub fn adjust(&self, answered: Timestamp, round_trip_ms: i64) {
        let now = answered.0.saturating_add(round_trip_ms / 2);
        let mut state = self.state.lock();
        let offset_ms = now.saturating_sub(self.elapsed_ms());
        let step_ms = offset_ms.saturating_sub(state.offset_ms);
        if step_ms.abs() <= NOISE_MS.max(round_trip_ms) {
            return;
        }
        state.offset_ms = offset_ms;
        // A bridged step is no step of due times: they would pass while the clock stands still.
        if self.source == TimeSource::Machine && !(-BRIDGED_MS..0).contains(&step_ms) {
            tracing::info!(
                step_ms,
                "the clock of this machine was set; waits keep their length"
            );
            state.stepped_ms = state.stepped_ms.saturating_add(step_ms);
        }
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
