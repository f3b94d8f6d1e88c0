//! Stored transitions as events: announced by this node's commits, read from the database.
//!
//! The database is read instead of the announcement, since only there a transition has its id, besides those of other
//! nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web_lab::sse::{Data, Event};
use catalog::{TransitionEntry, TransitionFilter};
use ports::commit_events::CommitEvent;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::problem::Problem;
use crate::http::timestamp::format_time;
use crate::state::Mode;
use crate::stream::topics::Topics;

/// Time between two reads for commits of other nodes.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Time in which commits are collected for one read.
const BATCH_WINDOW: Duration = Duration::from_millis(50);
/// Time within which ids become visible out of order, in milliseconds.
const REORDER_WINDOW_MS: i64 = 2_000;

/// Number of events that one read collects before they are sent.
const MAX_EVENTS: usize = 2_000;

/// One stored transition as an event.
#[derive(Debug, Serialize)]
struct TransitionEvent<'a> {
    topic: String,
    instance: String,
    project: &'a str,
    workflow: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    at: String,
    from: Option<&'a str>,
    to: &'a str,
    why: &'a str,
    host: &'a str,
    epoch: i64,
}

/// The transitions that one client follows.
pub(crate) struct TransitionStream {
    commits: Receiver<Arc<CommitEvent>>,
    filter: TransitionFilter,
    /// Everything up to this id was sent.
    floor: i64,
    /// Sent entries above the floor: the time of each by its id.
    recent: BTreeMap<i64, i64>,
    mode: Mode,
    read_at: Instant,
    has_more: bool,
}

impl TransitionStream {
    /// Subscribes from now on; none when no topic is about transitions.
    pub(crate) async fn subscribe(
        caller: &Caller<AnyUser, System>,
        topics: &Topics,
        last_id: Option<i64>,
    ) -> Result<Option<Self>, Problem> {
        let filter = TransitionFilter {
            instances: topics.instances.then(|| caller.visible_projects()),
            whole: topics.followed.clone(),
        };
        if filter.instances.is_none() && filter.whole.is_empty() {
            return Ok(None);
        }
        let commits = caller.server().state().node.commit_events().subscribe();
        let floor = caller.catalog().transitions().resume_id(last_id).await?;
        Ok(Some(Self {
            commits,
            filter,
            floor,
            recent: BTreeMap::new(),
            mode: caller.server().state().mode,
            read_at: Instant::now(),
            has_more: true,
        }))
    }

    /// Reads transitions that were not sent yet; none while the database is unavailable.
    pub(crate) async fn read_new(&mut self, caller: &Caller<AnyUser, System>) -> Vec<Event> {
        self.read_at = Instant::now();
        let mut after = self.floor;
        let mut events = Vec::new();
        self.has_more = false;
        // Entries above the floor are read again each time, so a full page continues behind its last one.
        loop {
            let Ok(entries) = caller
                .catalog()
                .transitions()
                .list_after(&self.filter, after)
                .await
            else {
                break;
            };
            let Some(last) = entries.last().map(|entry| entry.id) else {
                break;
            };
            let mut new = entries;
            new.retain(|entry| self.recent.insert(entry.id, entry.at.0).is_none());
            events.extend(new.iter().map(|entry| transition_event(entry, &self.filter)));
            after = last;
            if events.len() > MAX_EVENTS {
                self.has_more = true;
                break;
            }
        }
        self.raise_floor();
        events
    }

    /// Drops ids that are old enough for everything before them to be visible.
    fn raise_floor(&mut self) {
        let newest = self.recent.values().copied().max().unwrap_or_default();
        let old: Vec<i64> = self
            .recent
            .iter()
            .take_while(|(_, at)| **at < newest - REORDER_WINDOW_MS)
            .map(|(id, _)| *id)
            .collect();
        for id in old {
            self.recent.remove(&id);
            self.floor = id;
        }
    }

    /// Waits for a commit of this node that the client follows.
    pub(crate) async fn wait_for_commit(&mut self) {
        if self.has_more {
            return;
        }
        loop {
            match self.commits.recv().await {
                Ok(committed) if !self.matches(&committed) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
        tokio::time::sleep_until(self.read_at + BATCH_WINDOW).await;
    }

    fn matches(&self, committed: &CommitEvent) -> bool {
        let is_own = committed.state.is_some() && self.filter.instances.is_some();
        is_own || self.filter.whole.contains(&committed.id)
    }

    /// Returns the time until the next read without a commit. A new instance is not a commit of its owner, so a single
    /// node polls too, but less often.
    pub(crate) fn poll_interval(&self) -> Duration {
        match self.mode {
            Mode::Cluster => POLL_INTERVAL,
            Mode::Standalone => POLL_INTERVAL * 4,
        }
    }
}

fn transition_event(entry: &TransitionEntry, filter: &TransitionFilter) -> Event {
    let is_followed = filter.whole.contains(&entry.instance);
    let topic = if is_followed {
        format!("instance:{}", entry.instance)
    } else {
        "instances".to_owned()
    };
    let event = TransitionEvent {
        topic,
        instance: entry.instance.to_string(),
        project: &entry.project,
        workflow: &entry.workflow,
        task: entry.task.as_deref(),
        attempt: entry.attempt.map(|attempt| attempt.0),
        at: format_time(entry.at),
        from: entry.from.as_deref(),
        to: &entry.to,
        why: &entry.why,
        host: &entry.host,
        epoch: entry.epoch.0,
    };
    let text = serde_json::to_string(&event).unwrap_or_default();
    Data::new(text)
        .event("transition")
        .id(entry.id.to_string())
        .into()
}
