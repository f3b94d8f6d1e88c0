//! Waiting: until a condition holds, or for a span in which nothing may happen.

use std::time::{Duration, Instant};

/// The pause between two probes of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Probes until the condition holds or the time has passed.
pub fn eventually(within: Duration, mut probe: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !probe() && Instant::now() < deadline {
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Waits for a span after which the caller asserts that something did not happen: an absence has no condition.
pub fn nothing_happens_for(span: Duration) {
    std::thread::sleep(span);
}
