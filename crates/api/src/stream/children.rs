//! The children of tasks as events: announced by this node's commits, read from the database.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web_lab::sse::{Data, Event};
use catalog::ChildState;
use engine::ids::InstanceId;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::auth::server::Server;
use crate::tasks::children::state_name;

/// Time between two reads for what other nodes changed.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Time in which changes are collected for one read.
const BATCH_WINDOW: Duration = Duration::from_millis(100);

/// A task whose children a client follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChildTopic {
    /// The parent.
    pub(crate) instance: InstanceId,
    /// Its task.
    pub(crate) task: String,
}

/// The children that changed, as an event.
#[derive(Serialize)]
struct ChildrenEvent {
    topic: String,
    items: Vec<ChangedChild>,
}

/// A child with its new state.
#[derive(Serialize)]
struct ChangedChild {
    index: u32,
    instance: String,
    state: String,
}

/// The children that one client follows.
pub(crate) struct ChildStream {
    notices: Receiver<InstanceId>,
    followed: Vec<FollowedChildren>,
    read_at: Option<Instant>,
    /// A notice came since then.
    has_notice: bool,
}

/// The children of a task with what the client has of them.
struct FollowedChildren {
    topic: ChildTopic,
    sent: BTreeMap<u32, (InstanceId, ChildState)>,
}

impl ChildStream {
    /// Follows children from now on; none when there is no task to be followed.
    pub(crate) fn follow(server: &Server, topics: &[ChildTopic]) -> Option<Self> {
        if topics.is_empty() {
            return None;
        }
        let followed = topics.iter().map(|topic| FollowedChildren {
            topic: topic.clone(),
            sent: BTreeMap::new(),
        });
        Some(Self {
            notices: server.state().node.commit_events().subscribe_parents(),
            followed: followed.collect(),
            read_at: None,
            has_notice: false,
        })
    }

    /// Reads the children that have changed since they were sent, at most once in each batch window.
    pub(crate) async fn read_changed(&mut self, server: &Server) -> Vec<Event> {
        if self.read_at.is_some_and(|at| at.elapsed() < BATCH_WINDOW) {
            return Vec::new();
        }
        self.read_at = Some(Instant::now());
        self.has_notice = false;
        let mut events = Vec::new();
        for followed in &mut self.followed {
            let ChildTopic { instance, task } = &followed.topic;
            let Ok(now) = server.catalog().children().list_states(*instance, task).await else {
                continue;
            };
            let changed: Vec<ChangedChild> = now
                .iter()
                .filter(|(index, child)| followed.sent.get(index) != Some(child))
                .map(|(index, (id, state))| ChangedChild {
                    index: *index,
                    instance: id.to_string(),
                    state: state_name(*state),
                })
                .collect();
            if !changed.is_empty() {
                events.push(changes_event(&followed.topic, changed));
            }
            followed.sent = now;
        }
        events
    }

    /// Waits until followed children may have changed, and for the end of the batch window.
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
                Ok(id) if !self.followed.iter().any(|followed| followed.topic.instance == id) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // The node stops; the poll remains.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn changes_event(topic: &ChildTopic, items: Vec<ChangedChild>) -> Event {
    let event = ChildrenEvent {
        topic: format!("children:{}/{}", topic.instance, topic.task),
        items,
    };
    let text = serde_json::to_string(&event).unwrap_or_default();
    Data::new(text).event("children").into()
}
