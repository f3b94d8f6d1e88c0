//! Polls of a server until something is there; they outlast a server that is away.

use std::thread;
use std::time::{Duration, Instant};

use super::failure::{Exit, Failure};
use super::output::say;
use super::rest::Rest;

/// First pause of a poll.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two cheap polls.
const MAX_CHEAP_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause, also when polls are expensive.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Times that a pause is at least as long as the poll before it, so that polling is not most of the work.
const PAUSE_PER_POLL: u32 = 4;

/// The end of a time from now; none without a time, or beyond what a clock can show.
pub(super) fn deadline_after(time: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(time?)
}

/// Sleeps between two polls: short at first, then longer.
#[derive(Debug)]
struct PollBackoff {
    pause: Duration,
    polled_at: Instant,
}

impl PollBackoff {
    /// Starts with the first poll.
    fn new() -> Self {
        Self {
            pause: FIRST_PAUSE,
            polled_at: Instant::now(),
        }
    }

    /// Sleeps until the next poll, or until the deadline.
    fn pause(&mut self, deadline: Option<Instant>) {
        let cost = self.polled_at.elapsed() * PAUSE_PER_POLL;
        let pause = self.pause.max(cost).min(MAX_PAUSE);
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        thread::sleep(left.map_or(pause, |left| left.min(pause)));
        self.pause = (self.pause * 5 / 4).min(MAX_CHEAP_PAUSE);
        self.polled_at = Instant::now();
    }
}

/// Whether the server answered the last poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerPresence {
    Present,
    Away,
}

/// Polls until there is a result.
///
/// A server that cannot be reached is reported once for each time that it is away, and polled further: the thing that
/// is waited for does not depend on this connection. The deadline of `rest` bounds the whole.
///
/// # Errors
/// What a poll fails with, other than that the server cannot be reached; at the deadline `Unreachable` when the server
/// is away, else `Failed` with `what` in the message.
pub(super) fn poll_until_some<T>(
    rest: &Rest,
    what: &str,
    mut poll: impl FnMut(&Rest) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let rest = rest.for_polls();
    let mut backoff = PollBackoff::new();
    let mut server = ServerPresence::Present;
    loop {
        let outage = match poll(&rest) {
            Ok(Some(result)) => return Ok(result),
            Ok(None) => None,
            Err(failure) if failure.exit == Exit::Unreachable => Some(failure),
            Err(failure) => return Err(failure),
        };
        if rest.deadline().is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(outage.unwrap_or_else(|| Failure::new(Exit::Failed, format!("time is over: {what}"))));
        }
        if let (Some(failure), ServerPresence::Present) = (&outage, server) {
            let cause = failure.message.lines().next().unwrap_or_default();
            say(&format!("{cause}; waiting until it is back"));
        }
        server = if outage.is_some() {
            ServerPresence::Away
        } else {
            ServerPresence::Present
        };
        backoff.pause(rest.deadline());
    }
}
