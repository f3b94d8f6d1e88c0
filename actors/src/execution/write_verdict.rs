//! What follows from the store's answer to the commit of an instance.

use std::time::Duration;

use engine::place::PlaceOutlook;
use ports::backoff::Backoff;
use ports::{RoomRefusal, StoreError, WriteOutcome};

/// Refused commits in a row after which the instance needs attention: the store says that the same commit will fail the
/// same way.
pub(crate) const MAX_REFUSALS: u32 = 3;

/// The pauses before a commit that the store did not take is decided again.
const COMMIT_PAUSE: Backoff = Backoff::between(Duration::from_millis(100), Duration::from_secs(5));

/// What follows from the store's answer to a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteVerdict {
    /// It is stored: apply it.
    Apply,
    /// It is surely not stored: decide again after the pause.
    Retry {
        /// The pause.
        after: Duration,
        /// The store's reason.
        reason: String,
    },
    /// The store refuses it; after `MAX_REFUSALS` in a row the instance needs attention.
    Refused {
        /// The pause before the next commit.
        after: Duration,
        /// The store's reason.
        reason: String,
    },
    /// Limits have no room for tasks that it binds: nothing is stored.
    NoRoom {
        /// The tasks.
        refused: Vec<RoomRefusal>,
    },
    /// It is surely not stored: the run that it begins has no place, and is decided again with this outlook.
    NoPlace(PlaceOutlook),
    /// Another owner has written: reload the instance, if it still belongs to this node.
    Fenced,
    /// What is stored is unknown: reload the instance.
    Reload,
}

/// Commits in a row that the store did not take.
#[derive(Debug, Default)]
pub(crate) struct WriteFailures {
    total: u32,
    refusals: u32,
}

impl WriteFailures {
    /// Judges the answer of the store, and counts it.
    pub(crate) fn judge(&mut self, written: Result<WriteOutcome, StoreError>) -> WriteVerdict {
        match written {
            Ok(WriteOutcome::Stored) => {
                *self = Self::default();
                WriteVerdict::Apply
            }
            Ok(WriteOutcome::Rejected(reason)) | Err(StoreError::Rejected(reason)) => {
                self.refusals += 1;
                let after = self.next_pause();
                WriteVerdict::Refused { after, reason }
            }
            Err(StoreError::Unavailable(reason)) => {
                self.refusals = 0;
                let after = self.next_pause();
                WriteVerdict::Retry { after, reason }
            }
            Ok(WriteOutcome::NoRoom(refused)) => WriteVerdict::NoRoom { refused },
            Ok(WriteOutcome::Stale) => WriteVerdict::Fenced,
            Ok(WriteOutcome::NoPlace(places)) => WriteVerdict::NoPlace(places),
            Ok(WriteOutcome::Created { .. } | WriteOutcome::Known { .. } | WriteOutcome::KeyReused)
            | Err(StoreError::Uncertain(_)) => WriteVerdict::Reload,
        }
    }

    /// Whether the store has refused as many commits in a row as are tried.
    pub(crate) fn refusals_exhausted(&self) -> bool {
        self.refusals >= MAX_REFUSALS
    }

    /// Returns the number of commits in a row that were not taken.
    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    fn next_pause(&mut self) -> Duration {
        let pause = COMMIT_PAUSE.delay(self.total);
        self.total = self.total.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Result<WriteOutcome, StoreError> {
        Ok(WriteOutcome::Rejected("a constraint".to_owned()))
    }

    fn outage() -> Result<WriteOutcome, StoreError> {
        Err(StoreError::Unavailable("away".to_owned()))
    }

    #[test]
    fn only_refusals_in_a_row_are_exhausted() {
        let mut failures = WriteFailures::default();
        for _ in 0..10 {
            failures.judge(outage());
        }
        failures.judge(refusal());
        assert!(!failures.refusals_exhausted(), "an outage is no refusal");
        failures.judge(refusal());
        failures.judge(outage());
        failures.judge(refusal());
        failures.judge(refusal());
        assert!(!failures.refusals_exhausted(), "the outage came between");
        failures.judge(refusal());
        assert!(failures.refusals_exhausted());
    }

    #[test]
    fn a_stored_commit_ends_the_pauses() {
        let mut failures = WriteFailures::default();
        let pause = |verdict| match verdict {
            WriteVerdict::Retry { after, .. } | WriteVerdict::Refused { after, .. } => after,
            other => panic!("{other:?}"),
        };
        let first = pause(failures.judge(outage()));
        let second = pause(failures.judge(refusal()));
        assert!(second > first);
        assert_eq!(failures.total(), 2);
        assert_eq!(failures.judge(Ok(WriteOutcome::Stored)), WriteVerdict::Apply);
        assert_eq!(failures.total(), 0);
        assert_eq!(pause(failures.judge(outage())), first);
    }

    #[test]
    fn what_may_be_stored_is_reloaded() {
        let mut failures = WriteFailures::default();
        let uncertain = Err(StoreError::Uncertain("the connection broke".to_owned()));
        assert_eq!(failures.judge(uncertain), WriteVerdict::Reload);
        assert_eq!(failures.judge(Ok(WriteOutcome::Stale)), WriteVerdict::Fenced);
    }
}
