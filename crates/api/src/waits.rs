//! Waiting for something to be stored: listen first, read second, then sleep until the hub tells.

use std::sync::Arc;
use std::time::Duration;

use actors::execution::commit_events::CommitEvent;
use engine::document::duration;
use engine::ids::InstanceId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::access::Server;
use super::codes::Code;
use super::problem::Problem;

/// No request is held longer.
const LONGEST: Duration = Duration::from_secs(3600);
/// How often a row is read again that another node may change without this node's hub knowing.
const ELSEWHERE: Duration = Duration::from_millis(250);

/// Reads `?wait=`: `30s`, `500ms`, `2m`, `0`.
pub(super) fn read_wait(text: &str) -> Result<Duration, Problem> {
    let wait = match text {
        "0" => Some(Duration::ZERO),
        text => duration::parse(text)
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis),
    };
    wait.filter(|wait| *wait <= LONGEST).ok_or_else(|| {
        let detail = "`wait` is a duration from 0 to 1h, such as `500ms`, `30s` or `2m`.";
        Problem::new(Code::InvalidQuery, detail).at("/wait")
    })
}

/// Waits for the moment when a look at the store is worth it.
#[derive(Debug)]
pub(super) struct Watch {
    commits: Receiver<Arc<CommitEvent>>,
    id: InstanceId,
    wants: Wants,
    deadline: Instant,
    closing: tokio::sync::watch::Receiver<bool>,
}

/// Why a watch returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// Look again.
    Look,
    /// The deadline is over, or the server stops.
    Over,
}

impl Watch {
    /// Listens from now on; make it before the first read.
    pub(super) fn of(server: &Server, id: InstanceId, wants: Wants, wait: Duration) -> Self {
        Self {
            commits: server.state.node.commit_events().subscribe(),
            id,
            wants,
            deadline: Instant::now() + wait,
            closing: server.state.closing.clone(),
        }
    }

    /// Returns what is left until the deadline.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits for a commit of the instance; with `elsewhere`, looks now and then anyway.
    pub(super) async fn next(&mut self, place: Place) -> Woken {
        let until = match place {
            Place::Here => self.deadline,
            Place::Elsewhere => self.deadline.min(Instant::now() + ELSEWHERE),
        };
        let Self {
            commits,
            id,
            wants,
            closing,
            ..
        } = self;
        let heard = tokio::select! {
            heard = timeout_at(until, heard(commits, *id, *wants)) => heard.is_ok(),
            () = closed(closing) => return Woken::Over,
        };
        if heard || Instant::now() < self.deadline {
            Woken::Look
        } else {
            Woken::Over
        }
    }
}

/// Returns when the server is about to stop.
pub(super) async fn closed(closing: &mut tokio::sync::watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        // Whoever would say so is gone without a word; then nothing but the deadline ends a wait.
        std::future::pending::<()>().await;
    }
}

/// Which commits of an instance are worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Those that change the instance's own row.
    State,
    /// Those that decide an operation.
    Decision,
}

impl Wants {
    fn fits(self, committed: &CommitEvent) -> bool {
        match self {
            Self::State => committed.state.is_some(),
            Self::Decision => !committed.decided.is_empty(),
        }
    }
}

/// Who may change the rows that are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Only this node, whose hub tells.
    Here,
    /// Maybe another node.
    Elsewhere,
}

async fn heard(commits: &mut Receiver<Arc<CommitEvent>>, id: InstanceId, wants: Wants) {
    loop {
        match commits.recv().await {
            Ok(committed) if committed.id == id && wants.fits(&committed) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
