//! The drain of a worker: its phases, with the callers that wait for its end.

use tokio::sync::oneshot;

/// How far the drain has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum DrainPhase {
    /// New attempts are accepted.
    #[default]
    Serving,
    /// Nothing new is accepted; running attempts may end by themselves.
    Draining,
    /// What still runs is killed, which is no result of a task.
    Killing,
}

/// The callers that wait for the end of the drain.
#[derive(Debug, Default)]
pub(crate) struct DrainWaiters {
    waiting: Vec<oneshot::Sender<()>>,
}

impl DrainWaiters {
    /// Adds a caller.
    pub(crate) fn push(&mut self, done: oneshot::Sender<()>) {
        self.waiting.push(done);
    }

    /// Answers every caller.
    pub(crate) fn answer_all(&mut self) {
        for done in self.waiting.drain(..) {
            done.send(()).ok();
        }
    }
}
