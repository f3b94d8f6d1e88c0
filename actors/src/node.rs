//! What the rest of the program may ask of the actors on this node.

use std::time::Duration;

use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId};

use crate::clock::Clock;
use crate::membership::health::HealthIssue;
use crate::execution::commit_events::CommitBroadcast;
use crate::ports::{NewInstance, NodeIdentity, StoreError, WriteOutcome};

/// The slots of the worker on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotUsage {
    /// How many there are.
    pub total: u32,
    /// How many attempts are created or running here.
    pub used: u32,
}

/// The actors of this node, as the API sees them.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    /// Returns who this node is.
    fn me(&self) -> NodeIdentity;

    /// Returns the database's clock.
    fn clock(&self) -> Clock;

    /// Returns the broadcast of commits of this node.
    fn hub(&self) -> CommitBroadcast;

    /// Stores a new instance through the group commit, owned by this node when it may, and starts its actor.
    ///
    /// # Errors
    /// As the store says; after `Uncertain` a repeat with the same request key tells.
    async fn create(&self, new: NewInstance) -> Result<WriteOutcome, StoreError>;

    /// Makes the owner look at the inbox of an instance; takes the instance if it needs an owner.
    ///
    /// Returns when the operations that were stored before are decided, or when `wait` is over; the caller
    /// looks at the operation's row in either case.
    async fn poke(&self, id: InstanceId, wait: Duration);

    /// Begins the drain of a node, as SIGTERM does.
    ///
    /// # Errors
    /// As the store says; the node reads there that it is to drain, also when no message reaches it.
    async fn drain(&self, node: Incarnation) -> Result<(), StoreError>;

    /// Whether this node takes nothing new any more.
    fn is_draining(&self) -> bool;

    /// Lists what does not work as it should on this node.
    fn troubles(&self) -> Vec<HealthIssue>;

    /// Returns the slots of the worker on this node.
    fn slots(&self) -> SlotUsage;

    /// Returns a picture of every actor for the debug route.
    async fn observe(&self) -> serde_json::Value;
}
