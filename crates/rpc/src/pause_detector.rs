//! Notices that this process was paused: frozen, on a sleeping machine, or starved of processor time.
//!
//! What a paused process knows is from before the pause. It may have been declared dead in the meantime, and what it
//! sends to workers, or starts for masters, would be the work of a dead incarnation. Workers refuse older epochs and
//! every write is fenced; but neither helps a worker that finds a dispatch in its socket when it resumes. So nothing is
//! sent to workers, and nothing is started, until this node has read its own row again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use ports::fail_points;
use ports::fail_points::DisabledGuard;
use tokio::sync::Notify;

/// Time between two ticks.
const TICK_INTERVAL: Duration = Duration::from_millis(200);

/// Time without a tick after which the process counts as paused.
const PAUSE_THRESHOLD: Duration = Duration::from_secs(1);

/// Longest wait for the row to be read after a pause.
const REVALIDATION_TIMEOUT: Duration = Duration::from_secs(4);

/// Time since the machine was booted, sleep included.
type SinceBoot = Duration;

/// The state of the detection; clones share it.
#[derive(Debug, Clone, Default)]
pub struct PauseDetector {
    state: Arc<Mutex<PauseState>>,
    row_read: Arc<Notify>,
}

#[derive(Debug, Default)]
struct PauseState {
    /// None until `run` ticks: then no pause is ever noticed.
    ticked_at: Option<SinceBoot>,
    /// When a pause was noticed after which the row has not been read.
    noticed_at: Option<SinceBoot>,
}

impl PauseState {
    /// Whether the row has to be read first. The first caller after a pause notices it.
    fn needs_revalidation(&mut self, now: SinceBoot) -> bool {
        if self
            .ticked_at
            .is_some_and(|at| now.saturating_sub(at) > PAUSE_THRESHOLD)
        {
            self.noticed_at = Some(now);
            self.ticked_at = Some(now);
        }
        self.noticed_at.is_some()
    }

    /// The row was read; the answer to a query from before the pause proves nothing.
    fn row_was_read(&mut self, queried_at: SinceBoot, now: SinceBoot) {
        if self.needs_revalidation(now) && self.noticed_at.is_some_and(|noticed| queried_at >= noticed) {
            self.noticed_at = None;
        }
    }
}

impl PauseDetector {
    /// Ticks until the process ends.
    pub async fn run(self) {
        loop {
            self.tick();
            tokio::time::sleep(TICK_INTERVAL).await;
        }
    }

    fn tick(&self) {
        let now = since_boot();
        let mut state = self.state();
        if state.needs_revalidation(now) && state.noticed_at == Some(now) {
            tracing::warn!("this process was paused; nothing is sent or started before its own row is read");
        }
        state.ticked_at = Some(now);
    }

    /// Returns the time to pass to `row_was_read`; call it before the query.
    pub fn before_read(&self) -> SinceBoot {
        since_boot()
    }

    /// The row of this incarnation was read, and it is alive.
    pub fn row_was_read(&self, queried_at: SinceBoot) {
        self.state().row_was_read(queried_at, since_boot());
        self.row_read.notify_waiters();
    }

    /// Waits, if this process was paused, until its row has been read; returns whether that happened in time.
    pub(super) async fn is_revalidated(&self) -> bool {
        if fail_points::is_disabled(DisabledGuard::RevalidationAfterPause) {
            return true;
        }
        let revalidated = tokio::time::timeout(REVALIDATION_TIMEOUT, self.wait_for_revalidation());
        revalidated.await.is_ok()
    }

    async fn wait_for_revalidation(&self) {
        loop {
            let row_read = self.row_read.notified();
            if !self.state().needs_revalidation(since_boot()) {
                return;
            }
            row_read.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, PauseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn the_first_use_after_a_pause_notices_it_and_only_a_later_read_ends_the_doubt() {
        let mut state = PauseState {
            ticked_at: Some(at(10_000)),
            ..PauseState::default()
        };
        assert!(!state.needs_revalidation(at(10_900)));
        assert!(state.needs_revalidation(at(11_100)), "the use itself notices it");
        state.ticked_at = Some(at(11_200));
        assert!(state.needs_revalidation(at(11_300)), "ticks do not end the doubt");
        state.row_was_read(at(9_900), at(11_400));
        assert!(state.needs_revalidation(at(11_400)), "queried before it");
        state.row_was_read(at(11_300), at(11_500));
        assert!(!state.needs_revalidation(at(11_500)));
    }

    #[test]
    fn an_answer_that_is_read_after_a_pause_is_from_before_it() {
        let mut state = PauseState {
            ticked_at: Some(at(10_000)),
            ..PauseState::default()
        };
        state.row_was_read(at(10_050), at(70_000));
        assert!(state.needs_revalidation(at(70_000)));
    }

    #[test]
    fn no_pause_is_noticed_where_nothing_ticks() {
        assert!(!PauseState::default().needs_revalidation(at(99_000)));
    }
}
