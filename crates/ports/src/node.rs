//! What the API asks of the actors on this node.

use std::time::Duration;

use async_trait::async_trait;
use engine::connection::ResolvedConnection;
use engine::ids::{Incarnation, InstanceId};

use crate::clock::Clock;
use crate::commit_events::CommitBroadcast;
use crate::connections::ConnectionTest;
use crate::health::HealthIssue;
use crate::{NewInstance, NodeIdentity, StoreError, WriteOutcome};

/// The slots of the worker on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotUsage {
    /// The number of slots.
    pub total: u32,
    /// The number of attempts that are created or running here.
    pub used: u32,
}

/// The actors of this node, as the API sees them.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    /// Returns the name and address of this incarnation.
    fn this_node(&self) -> NodeIdentity;

    /// Returns the database's clock.
    fn clock(&self) -> Clock;

    /// Returns the broadcast of the commits of this node.
    fn commit_events(&self) -> CommitBroadcast;

    /// Stores a new instance through the group commit, owned by this node when it may own one, and starts its actor.
    ///
    /// # Errors
    /// As the store returns; after `Uncertain`, a repetition with the same request key shows whether it exists.
    async fn create_instance(&self, new: NewInstance) -> Result<WriteOutcome, StoreError>;

    /// Makes this node read again which schedules are due, after one, a calendar or a workflow was changed.
    fn schedules_changed(&self);

    /// Makes this node look at the queues of limits, after a user has changed a limit, or the share of a project.
    fn limits_changed(&self);
    /// Makes this node look at the places of instances, after what limits them was changed.
    fn places_changed(&self);

    /// Makes the owner read the inbox of an instance; claims the instance if it needs an owner.
    ///
    /// Returns when the commands that were stored before are decided, at the latest after `wait`; the caller reads the
    /// operation's row in either case.
    async fn notify_owner(&self, id: InstanceId, wait: Duration);

    /// Lets a worker of a group connect and log in by a connection; what fails is in the answer.
    async fn test_connection(&self, worker_group: &str, connection: ResolvedConnection) -> ConnectionTest;

    /// Begins the drain of a node, as SIGTERM does.
    ///
    /// # Errors
    /// As the store returns; the node reads there that it is to drain, also when no message reaches it.
    async fn drain_node(&self, node: Incarnation) -> Result<(), StoreError>;

    /// Whether this node accepts nothing new any more.
    fn is_draining(&self) -> bool;

    /// Lists what does not work on this node as it should.
    fn health_issues(&self) -> Vec<HealthIssue>;

    /// Returns the slots of the worker on this node.
    fn slot_usage(&self) -> SlotUsage;

    /// Returns a snapshot of every actor for the debug route, by the actor's name.
    async fn observe(&self) -> serde_json::Value;

    /// Returns a snapshot of the actor of an instance; none when it has no actor here.
    async fn observe_instance(&self, id: InstanceId) -> Option<serde_json::Value>;
}
