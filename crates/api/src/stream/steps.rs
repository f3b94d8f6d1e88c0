//! Stored steps as events: woken by this node's hub, read from the database.
//!
//! The database is read, not the hub, since only there a step has its id, and other nodes write there too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web_lab::sse::{Data, Event};
use actors::execution::commit_events::CommitEvent;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::super::access::{Authorised, Everything, SignedIn};
use super::super::problem::Problem;
use super::super::views::time;
use super::topics::Topics;
use crate::Mode;
use store::catalog::{FeedEntry, FeedFilter};

/// Commits of other nodes are looked for so often.
const ELSEWHERE: Duration = Duration::from_millis(250);
/// Many commits in this time are read together.
const TOGETHER: Duration = Duration::from_millis(50);
/// Ids become visible out of order within this time.
const OVERLAP_MS: i64 = 2_000;

/// One stored step as an event.
#[derive(Debug, Serialize)]
struct StepEvent<'a> {
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

/// What a client has been told of stored steps.
pub(super) struct Steps {
    commits: Receiver<Arc<CommitEvent>>,
    filter: FeedFilter,
    /// Everything up to here was told.
    floor: i64,
    /// Told, and above the floor: by id, with its time.
    recent: BTreeMap<i64, i64>,
    mode: Mode,
    read_at: Instant,
    more: bool,
}

impl Steps {
    /// Listens from now on; none when no topic is about steps.
    pub(super) async fn begin(
        who: &Authorised<SignedIn, Everything>,
        topics: &Topics,
        seen: Option<i64>,
    ) -> Result<Option<Self>, Problem> {
        let filter = FeedFilter {
            instances: topics.instances.then(|| who.visible()),
            whole: topics.whole.clone(),
        };
        if filter.instances.is_none() && filter.whole.is_empty() {
            return Ok(None);
        }
        let commits = who.server.state.node.commit_events().subscribe();
        let floor = who.catalog().feed_start(seen).await?;
        Ok(Some(Self {
            commits,
            filter,
            floor,
            recent: BTreeMap::new(),
            mode: who.server.state.mode,
            read_at: Instant::now(),
            more: true,
        }))
    }

    /// Reads what was not told yet; nothing while the database is away.
    pub(super) async fn read(&mut self, who: &Authorised<SignedIn, Everything>) -> Vec<Event> {
        self.read_at = Instant::now();
        let mut after = self.floor;
        let mut events = Vec::new();
        self.more = false;
        // What is above the floor is read again each time, so a full read has to go on behind it.
        loop {
            let Ok(entries) = who.catalog().feed(&self.filter, after).await else {
                break;
            };
            let Some(last) = entries.last().map(|entry| entry.id) else {
                break;
            };
            for entry in entries {
                if self.recent.insert(entry.id, entry.at.0).is_none() {
                    events.push(event(&entry, &self.filter));
                }
            }
            after = last;
            if events.len() > 2_000 {
                self.more = true;
                break;
            }
        }
        self.raise_floor();
        events
    }

    /// Forgets ids that are old enough for everything before them to be visible.
    fn raise_floor(&mut self) {
        let newest = self.recent.values().copied().max().unwrap_or_default();
        let old: Vec<i64> = self
            .recent
            .iter()
            .take_while(|(_, at)| **at < newest - OVERLAP_MS)
            .map(|(id, _)| *id)
            .collect();
        for id in old {
            self.recent.remove(&id);
            self.floor = id;
        }
    }

    /// Waits for a commit of this node that the client may want.
    pub(super) async fn heard(&mut self) {
        if self.more {
            return;
        }
        loop {
            match self.commits.recv().await {
                Ok(committed) if !self.wants(&committed) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
        tokio::time::sleep_until(self.read_at + TOGETHER).await;
    }

    fn wants(&self, committed: &CommitEvent) -> bool {
        let own = committed.state.is_some() && self.filter.instances.is_some();
        own || self.filter.whole.contains(&committed.id)
    }

    /// How long to sleep when nothing is heard. A new instance is not a commit of its owner, so it is looked
    /// for on a single node too, but less often.
    pub(super) fn patience(&self) -> Duration {
        match self.mode {
            Mode::Cluster => ELSEWHERE,
            Mode::Standalone => ELSEWHERE * 4,
        }
    }
}

fn event(entry: &FeedEntry, filter: &FeedFilter) -> Event {
    let whole = filter.whole.contains(&entry.instance);
    let topic = if whole {
        format!("instance:{}", entry.instance)
    } else {
        "instances".to_owned()
    };
    let shown = StepEvent {
        topic,
        instance: entry.instance.to_string(),
        project: &entry.project,
        workflow: &entry.workflow,
        task: entry.task.as_deref(),
        attempt: entry.attempt.map(|attempt| attempt.0),
        at: time(entry.at),
        from: entry.from.as_deref(),
        to: &entry.to,
        why: &entry.why,
        host: &entry.host,
        epoch: entry.epoch.0,
    };
    let text = serde_json::to_string(&shown).unwrap_or_default();
    Data::new(text)
        .event("transition")
        .id(entry.id.to_string())
        .into()
}
