//! The incarnations of nodes as the database keeps them.

use std::time::Duration;

use engine::ids::{Generation, Incarnation, Timestamp};
use engine::states::MemberState;

/// The interval at which an incarnation stores heartbeats in the database.
pub const DB_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);

/// The name and address of this incarnation of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIdentity {
    /// The incarnation.
    pub incarnation: Incarnation,
    /// The address that other nodes use; `host` of the instances that it owns.
    pub host: String,
    /// The node's name.
    pub name: String,
    /// The database's generation.
    pub generation: Generation,
}

/// The description of a node that joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Unique among live members.
    pub name: String,
    /// Unique among live members.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Slots of its worker; 0 without that role.
    pub slots: u32,
    /// The group of its worker.
    pub worker_group: String,
    /// The program's version.
    pub version: String,
}

/// The new incarnation of a node that joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinResult {
    /// The incarnation.
    pub incarnation: Incarnation,
    /// The database's generation.
    pub generation: Generation,
    /// The database's clock.
    pub now: Timestamp,
}

/// The answer to a heartbeat that was stored in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DbHeartbeat {
    /// The database's clock.
    pub now: Timestamp,
    /// The stored state of this incarnation; `Dead` means: exit.
    pub state: MemberState,
}

/// One member row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The incarnation.
    pub incarnation: Incarnation,
    /// Its node name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Its state.
    pub state: MemberState,
    /// When it joined.
    pub joined_at: Timestamp,
    /// Slots of its worker.
    pub slots: u32,
    /// The group of its worker.
    pub worker_group: String,
    /// The program's version.
    pub version: String,
}

impl Member {
    /// Whether the node has a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has == role)
    }

    /// Whether it may own instances.
    pub fn is_active_master(&self) -> bool {
        self.state == MemberState::Active && self.has_role("master")
    }

    /// Whether its worker takes what is for a group.
    pub fn is_active_worker(&self, group: &str) -> bool {
        self.state == MemberState::Active && self.has_role("worker") && self.worker_group == group
    }
}

/// A live member, and the age of its last heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// The member.
    pub member: Member,
    /// The age of its last stored heartbeat by the database's clock, in milliseconds.
    pub heartbeat_age_ms: i64,
}

/// The heartbeats of a live incarnation, as they were at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatReading {
    /// The number of heartbeats that it has stored.
    pub count: i64,
    /// The age of the last one by the database's clock, in milliseconds.
    pub age_ms: i64,
}

/// A request to declare an incarnation dead. It is final for that incarnation, whether it was right or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Must be an active member.
    pub declared_by: Incarnation,
    /// The incarnation to declare dead.
    pub dead: Incarnation,
    /// The number of heartbeats after which none was seen; one more prevents the declaration.
    pub heartbeats: i64,
    /// The evidence, in readable text.
    pub reason: String,
}

/// The outcome of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclarationOutcome {
    /// It is dead now.
    Dead,
    /// It was dead or had left before.
    AlreadyEnded,
    /// It has stored a heartbeat since: it is alive.
    HeartbeatStored,
    /// The declaring member is not active: it may declare no death.
    NotActive,
}

/// What one survivor took over from one dead incarnation. Its member row holds when and why it was declared dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverRecord {
    /// The previous owner.
    pub dead: Incarnation,
    /// The new owner.
    pub survivor: NodeIdentity,
    /// When the dead one was first missed, if this survivor missed it.
    pub suspected_at: Option<Timestamp>,
    /// When every instance that was taken over had its actor; none until then.
    pub acknowledged_at: Option<Timestamp>,
    /// The number of instances that were taken over.
    pub instances: u32,
    /// The number of attempts that still ran, or had ended with a known result.
    pub attempts_reattached: u32,
    /// The number of attempts that were lost.
    pub attempts_lost: u32,
}
