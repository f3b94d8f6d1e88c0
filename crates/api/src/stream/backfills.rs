//! The progress of backfills as events: announced by this node's commits, read from the database.

use std::time::Duration;

use actix_web_lab::sse::{Data, Event};
use engine::ids::BackfillId;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::auth::server::Server;
use crate::backfills::find_backfill;
use crate::backfills::views::Backfill;

/// Time between two reads for what other nodes changed.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Time in which changes are collected for one read.
const BATCH_WINDOW: Duration = Duration::from_millis(100);

/// A backfill as an event.
#[derive(Serialize)]
struct BackfillEvent<'a> {
    topic: String,
    backfill: &'a Backfill,
}

/// The backfills that one client follows.
pub(crate) struct BackfillStream {
    notices: Receiver<BackfillId>,
    followed: Vec<FollowedBackfill>,
    read_at: Option<Instant>,
    /// A notice came since then.
    has_notice: bool,
}

/// A backfill with what the client has of it.
struct FollowedBackfill {
    id: BackfillId,
    sent: Option<Backfill>,
}

impl BackfillStream {
    /// Follows backfills from now on; none when there is none to be followed.
    pub(crate) fn follow(server: &Server, ids: &[BackfillId]) -> Option<Self> {
        if ids.is_empty() {
            return None;
        }
        let followed = ids.iter().map(|id| FollowedBackfill { id: *id, sent: None });
        Some(Self {
            notices: server.state().node.commit_events().subscribe_backfills(),
            followed: followed.collect(),
            read_at: None,
            has_notice: false,
        })
    }

    /// Reads the backfills that have changed since they were sent, at most once in each batch window.
    pub(crate) async fn read_changed(&mut self, server: &Server) -> Vec<Event> {
        if self.read_at.is_some_and(|at| at.elapsed() < BATCH_WINDOW) {
            return Vec::new();
        }
        self.read_at = Some(Instant::now());
        self.has_notice = false;
        let mut events = Vec::new();
        for followed in &mut self.followed {
            let Ok(row) = find_backfill(server, followed.id).await else {
                continue;
            };
            let now = Backfill::from(row);
            if followed.sent.as_ref() != Some(&now) {
                events.push(progress_event(followed.id, &now));
                followed.sent = Some(now);
            }
        }
        events
    }

    /// Waits until a followed backfill may have changed, and for the end of the batch window.
    pub(crate) async fn wait_for_change(&mut self) {
        let due = self.read_at.map_or_else(Instant::now, |at| at + POLL_INTERVAL);
        if !self.has_notice {
            self.has_notice = tokio::time::timeout_at(due, self.wait_for_notice()).await.is_ok();
        }
        if let Some(read_at) = self.read_at {
            tokio::time::sleep_until(read_at + BATCH_WINDOW).await;
        }
    }

    async fn wait_for_notice(&mut self) {
        loop {
            match self.notices.recv().await {
                Ok(id) if !self.followed.iter().any(|followed| followed.id == id) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // The node stops; the poll remains.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn progress_event(id: BackfillId, backfill: &Backfill) -> Event {
    let event = BackfillEvent {
        topic: format!("backfill:{id}"),
        backfill,
    };
    let text = serde_json::to_string(&event).unwrap_or_default();
    Data::new(text).event("backfill").into()
}
