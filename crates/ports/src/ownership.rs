//! Which node owns which instance, as the database keeps it.

use engine::ids::{Epoch, Generation, Incarnation, InstanceId, Timestamp};
use engine::states::{MemberState, OwnershipReason};
use serde::{Deserialize, Serialize};

use crate::membership::NodeIdentity;

/// An instance, and the epoch under which it is owned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ownership {
    /// The instance.
    pub id: InstanceId,
    /// The fencing token.
    pub epoch: Epoch,
}

/// A request to own instances that need an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The new owner; must be an active member.
    pub claimant: NodeIdentity,
    /// Only this instance, if given.
    pub only: Option<InstanceId>,
    /// The largest number of instances.
    pub limit: u32,
    /// When it is claimed.
    pub at: Timestamp,
}

/// An instance that has been claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedInstance {
    /// The instance.
    pub id: InstanceId,
    /// The epoch under which it is owned now.
    pub epoch: Epoch,
    /// Why ownership changed.
    pub reason: OwnershipReason,
    /// The owner before, when it had one.
    pub from_owner: Option<Incarnation>,
    /// The host of the owner before, when it had one.
    pub from_host: Option<String>,
}

/// A request to give instances to another master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// The owner of the instances.
    pub from: NodeIdentity,
    /// The new owner; must be an active master.
    pub to: Incarnation,
    /// The instances, under the epochs that the owner holds.
    pub instances: Vec<Ownership>,
    /// When they are handed over.
    pub at: Timestamp,
}

/// The owner of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceOwner {
    /// The instance.
    pub id: InstanceId,
    /// The owner's incarnation and host; none while it is idle, and until the first claim.
    pub owner: Option<(Incarnation, String)>,
    /// The state of the owner.
    pub owner_state: Option<MemberState>,
    /// The fencing token.
    pub epoch: Epoch,
    /// The database's generation.
    pub generation: Generation,
    /// Whether it must have an owner: it runs, or its inbox holds a command that applies.
    pub needs_owner: bool,
}

/// An instance in the list of what one node owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedInstance {
    /// The instance.
    pub id: InstanceId,
    /// The epoch under which it is owned.
    pub epoch: Epoch,
    /// Its inbox holds an unapplied command, or the relayed result of an open attempt.
    pub has_unread_inbox: bool,
}
