//! The pauses between repetitions of a call that failed.

use std::time::Duration;

/// Pauses that double from the first to the longest one.
///
/// It knows neither clock nor random numbers: its user counts the failures and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Makes a backoff from its first and its longest pause.
    pub const fn between(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// Returns the pause after a failure that followed `failures` others without a success.
    pub fn delay(&self, failures: u32) -> Duration {
        let factor = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::between(Duration::from_millis(100), Duration::from_secs(5));

    #[test]
    fn the_pause_doubles_up_to_the_longest() {
        let pauses: Vec<u128> = (0..8).map(|n| BACKOFF.delay(n).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(BACKOFF.delay(u32::MAX), Duration::from_secs(5));
    }
}
