//! What the actor of alerts is made of.

use std::sync::Arc;

use engine::ids::Incarnation;
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::{AlertSender, AlertStore};

/// Where alerts are stored, and who sends them.
#[derive(Clone)]
pub struct AlertResources {
    /// The store.
    pub store: Arc<dyn AlertStore>,
    /// Sends messages to channels.
    pub sender: Arc<dyn AlertSender>,
    /// The address of the web UI in messages, without a slash at its end.
    pub public_url: String,
}

/// What the actor of alerts is made of.
#[derive(Clone)]
pub struct AlertDeps {
    /// This incarnation.
    pub this_node: Incarnation,
    /// The database's clock.
    pub clock: Clock,
    /// Where alerts are stored, and who sends them.
    pub resources: AlertResources,
    /// Says when a commit has stored events.
    pub commit_events: CommitBroadcast,
}
