//! What waits for the decision of a person as events: announced by this node's commits, read from the database.

use std::time::Duration;

use actix_web_lab::sse::{Data, Event};
use catalog::ApprovalFilter;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::approvals::views::ApprovalView;
use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::paging::{MAX_LIMIT, Paging};

/// Time between two reads for what other nodes changed.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Time in which changes are collected for one read.
const BATCH_WINDOW: Duration = Duration::from_millis(100);

/// The first page of the list, as an event.
#[derive(Serialize)]
struct ApprovalsEvent<'a> {
    topic: &'static str,
    items: &'a [ApprovalView],
    /// Where the list continues; null at its end.
    next_cursor: Option<&'a str>,
}

/// The approvals that one client may see.
pub(crate) struct ApprovalStream {
    notices: watch::Receiver<()>,
    filter: ApprovalFilter,
    sent: Option<(Vec<ApprovalView>, Option<String>)>,
    read_at: Option<Instant>,
    /// A notice came since then.
    has_notice: bool,
}

impl ApprovalStream {
    /// Follows what the caller may see from now on.
    pub(crate) fn follow(caller: &Caller<AnyUser, System>) -> Self {
        Self {
            notices: caller.server().state().node.commit_events().subscribe_approvals(),
            filter: ApprovalFilter {
                visible: caller.visible_projects(),
                project: None,
                decider: None,
            },
            sent: None,
            read_at: None,
            has_notice: false,
        }
    }

    /// Reads the first page of the list, at most once in each batch window; none when the client has it.
    pub(crate) async fn read_changed(&mut self, caller: &Caller<AnyUser, System>) -> Option<Event> {
        if self.read_at.is_some_and(|at| at.elapsed() < BATCH_WINDOW) {
            return None;
        }
        self.read_at = Some(Instant::now());
        self.has_notice = false;
        let first = Paging {
            limit: Some(MAX_LIMIT),
            cursor: None,
        };
        let request = first.page_request().ok()?;
        let page = caller
            .catalog()
            .approvals()
            .list(&self.filter, &request)
            .await
            .ok()?;
        let items: Vec<ApprovalView> = page.items.into_iter().map(ApprovalView::from).collect();
        let now = (items, page.next_cursor);
        if self.sent.as_ref() == Some(&now) {
            return None;
        }
        let event = list_event(&now.0, now.1.as_deref());
        self.sent = Some(now);
        Some(event)
    }

    /// Waits until the list may have changed, and for the end of the batch window.
    pub(crate) async fn wait_for_change(&mut self) {
        let due = self.read_at.map_or_else(Instant::now, |at| at + POLL_INTERVAL);
        if !self.has_notice {
            // The node stops when the sender is gone; the poll remains.
            let notice = tokio::time::timeout_at(due, self.notices.changed()).await;
            self.has_notice = matches!(notice, Ok(Ok(())));
            if matches!(notice, Ok(Err(_))) {
                tokio::time::sleep_until(due).await;
            }
        }
        if let Some(read_at) = self.read_at {
            tokio::time::sleep_until(read_at + BATCH_WINDOW).await;
        }
    }
}

fn list_event(items: &[ApprovalView], next_cursor: Option<&str>) -> Event {
    let event = ApprovalsEvent {
        topic: "approvals",
        items,
        next_cursor,
    };
    let text = serde_json::to_string(&event).unwrap_or_default();
    Data::new(text).event("approvals").into()
}
