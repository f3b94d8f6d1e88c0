//! Waiting for a commit of an instance: subscribe first, read second, then wait for the announcement.

use std::sync::Arc;
use std::time::Duration;

use engine::ids::InstanceId;
use engine::spec::duration;
use ports::commit_events::CommitEvent;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::auth::server::Server;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::state::wait_until_closing;

/// The longest time that a request may wait.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// Time between two reads of a row that another node may change, which this node is not notified of.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Parses `?wait=`: `30s`, `500ms`, `2m`, `0`; without it the default.
pub(crate) fn parse_wait(text: Option<&str>, default: Duration) -> Result<Duration, Problem> {
    let wait = match text {
        None => return Ok(default),
        Some("0") => Some(Duration::ZERO),
        Some(text) => duration::parse(text)
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis),
    };
    wait.filter(|wait| *wait <= MAX_WAIT).ok_or_else(|| {
        let detail = "`wait` is a duration from 0 to 1h, such as `500ms`, `30s` or `2m`.";
        Problem::new(Code::InvalidQuery, detail).at("/wait")
    })
}

/// Waits for commits of one instance up to a deadline.
#[derive(Debug)]
pub(crate) struct CommitWaiter {
    commits: Receiver<Arc<CommitEvent>>,
    id: InstanceId,
    wait_for: WaitFor,
    deadline: Instant,
    closing: watch::Receiver<bool>,
}

/// The reason why a wait returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The row may have changed.
    Changed,
    /// The deadline has passed, or the server stops.
    TimedOut,
}

impl CommitWaiter {
    /// Subscribes from now on; make it before the first read.
    pub(crate) fn new(server: &Server, id: InstanceId, wait_for: WaitFor, wait: Duration) -> Self {
        Self {
            commits: server.state().node.commit_events().subscribe(),
            id,
            wait_for,
            deadline: Instant::now() + wait,
            closing: server.state().closing.clone(),
        }
    }

    /// Returns the time until the deadline.
    pub(crate) fn remaining_time(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits for a commit of the instance, or for the next poll of a row that other nodes may change.
    pub(crate) async fn wait_for_commit(&mut self, writer: RowWriter) -> Wake {
        let until = match writer {
            RowWriter::ThisNode => self.deadline,
            RowWriter::AnyNode => self.deadline.min(Instant::now() + POLL_INTERVAL),
        };
        let Self {
            commits,
            id,
            wait_for,
            closing,
            ..
        } = self;
        let committed = tokio::select! {
            committed = timeout_at(until, next_commit(commits, *id, *wait_for)) => committed.is_ok(),
            () = wait_until_closing(closing) => return Wake::TimedOut,
        };
        if committed || Instant::now() < self.deadline {
            Wake::Changed
        } else {
            Wake::TimedOut
        }
    }
}

/// The commits of an instance that end a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// Those that change the instance's own row.
    State,
    /// Those that decide an operation.
    Decision,
}

impl WaitFor {
    fn matches(self, committed: &CommitEvent) -> bool {
        match self {
            Self::State => committed.state.is_some(),
            Self::Decision => !committed.decided.is_empty(),
        }
    }
}

/// The node that may change the row that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowWriter {
    /// This node, which announces its commits.
    ThisNode,
    /// Any node.
    AnyNode,
}

async fn next_commit(commits: &mut Receiver<Arc<CommitEvent>>, id: InstanceId, wait_for: WaitFor) {
    loop {
        match commits.recv().await {
            Ok(committed) if committed.id == id && wait_for.matches(&committed) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
