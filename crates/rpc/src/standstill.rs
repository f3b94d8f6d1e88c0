//! Notices that this process stood still: it was frozen, its machine slept, or nothing ran for a while.
//!
//! What it believes is from before. It may have been declared dead meanwhile, and what it sends to workers, or starts
//! for masters, would be the work of a dead life. Workers refuse older epochs and every write is fenced; but neither
//! helps a worker that finds a dispatch in its socket when it wakes. So nothing is sent to workers, and nothing is
//! started, until this life has read its own row again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actors::fail_points;
use actors::fail_points::DisabledGuard;
use nix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// How often the process shows that it runs.
const TICK: Duration = Duration::from_millis(200);

/// Without a tick for so long it stood still.
const STOOD_STILL: Duration = Duration::from_secs(1);

/// A row that has not been read within this time is not waited for any longer.
const READ_WITHIN: Duration = Duration::from_secs(4);

/// Time since the machine was booted, sleep included.
type SinceBoot = Duration;

/// What is known; cheap to clone, shared by everything that acts for this life.
#[derive(Debug, Clone, Default)]
pub struct PauseDetector {
    known: Arc<Mutex<Known>>,
    sure: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Known {
    /// None until somebody lets it tick: then nothing is ever doubted.
    ticked_at: Option<SinceBoot>,
    /// When a standstill was noticed after which the row has not been read.
    noticed_at: Option<SinceBoot>,
}

impl Known {
    /// Whether the row has to be read first. Whoever comes first after a standstill notices it.
    fn is_doubtful(&mut self, now: SinceBoot) -> bool {
        if self
            .ticked_at
            .is_some_and(|at| now.saturating_sub(at) > STOOD_STILL)
        {
            self.noticed_at = Some(now);
            self.ticked_at = Some(now);
        }
        self.noticed_at.is_some()
    }

    /// The row was read; an answer to a question of before the standstill says nothing.
    fn was_read(&mut self, asked_at: SinceBoot, now: SinceBoot) {
        if self.is_doubtful(now) && self.noticed_at.is_some_and(|noticed| asked_at >= noticed) {
            self.noticed_at = None;
        }
    }
}

impl PauseDetector {
    /// Ticks until the process ends.
    pub async fn watch(self) {
        loop {
            self.tick();
            tokio::time::sleep(TICK).await;
        }
    }

    fn tick(&self) {
        let now = since_boot();
        let mut known = self.known();
        if known.is_doubtful(now) && known.noticed_at == Some(now) {
            tracing::warn!("this process stood still; nothing is sent or started before its own row is read");
        }
        known.ticked_at = Some(now);
    }

    /// Asks for the time before the row is read.
    pub fn about_to_read(&self) -> SinceBoot {
        since_boot()
    }

    /// This life's row was read, and it goes on.
    pub fn row_was_read(&self, asked_at: SinceBoot) {
        self.known().was_read(asked_at, since_boot());
        self.sure.notify_waiters();
    }

    /// Waits, if this process stood still, until its row has been read; answers whether that was done in time.
    pub(super) async fn is_over(&self) -> bool {
        if fail_points::is_disabled(DisabledGuard::RevalidationAfterPause) {
            return true;
        }
        let wait = async {
            loop {
                let sure = self.sure.notified();
                if !self.known().is_doubtful(since_boot()) {
                    return;
                }
                sure.await;
            }
        };
        tokio::time::timeout(READ_WITHIN, wait).await.is_ok()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn since_boot() -> SinceBoot {
    // A kernel without this clock would not run this program.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SinceBoot {
        Duration::from_millis(ms)
    }

    #[test]
    fn who_comes_first_after_a_standstill_notices_it_and_only_a_later_reading_ends_the_doubt() {
        let mut known = Known {
            ticked_at: Some(at(10_000)),
            ..Known::default()
        };
        assert!(!known.is_doubtful(at(10_900)));
        assert!(known.is_doubtful(at(11_100)), "the use itself notices it");
        known.ticked_at = Some(at(11_200));
        assert!(known.is_doubtful(at(11_300)), "ticks do not end the doubt");
        known.was_read(at(9_900), at(11_400));
        assert!(known.is_doubtful(at(11_400)), "asked before it");
        known.was_read(at(11_300), at(11_500));
        assert!(!known.is_doubtful(at(11_500)));
    }

    #[test]
    fn an_answer_that_is_read_after_a_standstill_is_from_before_it() {
        let mut known = Known {
            ticked_at: Some(at(10_000)),
            ..Known::default()
        };
        known.was_read(at(10_050), at(70_000));
        assert!(known.is_doubtful(at(70_000)));
    }

    #[test]
    fn nothing_is_doubted_where_nothing_ticks() {
        assert!(!Known::default().is_doubtful(at(99_000)));
    }
}
