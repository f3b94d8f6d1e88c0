//! The pauses between two polls of the server.

use std::thread;
use std::time::{Duration, Instant};

/// First pause of a poll.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two cheap polls.
const MAX_CHEAP_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause, also when polls are expensive.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Times that a pause is at least as long as the poll before it, so that polling is not most of the work.
const PAUSE_PER_POLL: u32 = 4;

/// Sleeps between two polls: short at first, then longer.
#[derive(Debug)]
pub(crate) struct PollBackoff {
    pause: Duration,
    polled_at: Instant,
}

impl PollBackoff {
    /// Starts with the first poll.
    pub(crate) fn new() -> Self {
        Self {
            pause: FIRST_PAUSE,
            polled_at: Instant::now(),
        }
    }

    /// Sleeps until the next poll.
    pub(crate) fn pause(&mut self) {
        let cost = self.polled_at.elapsed() * PAUSE_PER_POLL;
        thread::sleep(self.pause.max(cost).min(MAX_PAUSE));
        self.pause = (self.pause * 5 / 4).min(MAX_CHEAP_PAUSE);
        self.polled_at = Instant::now();
    }
}
