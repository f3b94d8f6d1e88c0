//! An outage of the store as one look-up meets it: reported once when it begins and once when it is over, with pauses
//! in between that grow.

use std::time::{Duration, Instant};

use ports::StoreError;
use ports::backoff::Backoff;

/// The pauses before a look-up is repeated.
const PAUSE: Backoff = Backoff::between(Duration::from_millis(200), Duration::from_secs(2));

/// What a look-up knows of the store.
#[derive(Debug)]
pub(crate) struct StoreOutage {
    /// What is looked up, as the log names it.
    what: &'static str,
    begun: Option<Instant>,
    failures: u32,
}

impl StoreOutage {
    /// Begins with a store that answers.
    pub(crate) fn of(what: &'static str) -> Self {
        Self {
            what,
            begun: None,
            failures: 0,
        }
    }

    /// Takes a failure; returns the pause before the next try.
    pub(crate) fn note_failure(&mut self, error: &StoreError) -> Duration {
        if self.begun.is_none() {
            tracing::warn!(what = self.what, %error, "the store does not answer; attempts wait until it does");
            self.begun = Some(Instant::now());
        }
        let pause = PAUSE.delay(self.failures);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Takes an answer, which ends an outage.
    pub(crate) fn note_answer(&mut self) {
        let Some(begun) = self.begun.take() else { return };
        let (what, tries) = (self.what, self.failures);
        tracing::info!(
            what,
            tries,
            seconds = begun.elapsed().as_secs(),
            "the store answers again"
        );
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_an_answer() {
        let mut outage = StoreOutage::of("secrets");
        let away = StoreError::Unavailable("away".to_owned());
        let pauses: Vec<Duration> = (0..6).map(|_| outage.note_failure(&away)).collect();
        assert_eq!(pauses[0], Duration::from_millis(200));
        assert!(
            pauses.is_sorted() && pauses[5] == Duration::from_secs(2),
            "{pauses:?}"
        );
        outage.note_answer();
        assert_eq!(outage.note_failure(&away), pauses[0]);
    }
}
