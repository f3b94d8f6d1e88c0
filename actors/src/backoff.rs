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

    /// Returns the pause after so many earlier failures in a row.
    pub fn delay(&self, failures: u32) -> Duration {
        let factor = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// Returns the pause after so many earlier failures, moved by up to a quarter in either direction. `seed` differs from
    /// one waiting process to the next, so that they do not all return at the same moment.
    pub fn jittered_delay(&self, failures: u32, seed: u64) -> Duration {
        let delay = self.delay(failures);
        let spread = u32::try_from(seed % 51).unwrap_or(0);
        delay * (75 + spread) / 100
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

    #[test]
    fn jitter_moves_a_pause_by_a_quarter_at_most() {
        for seed in 0..200 {
            let pause = BACKOFF.jittered_delay(2, seed).as_millis();
            assert!((300..=500).contains(&pause), "{pause}");
        }
    }
}
