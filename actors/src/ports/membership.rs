//! The lives of nodes as the database keeps them.

use engine::ids::{Epoch, Generation, Incarnation, InstanceId, Timestamp};
use engine::states::MemberState;
use serde::{Deserialize, Serialize};

use super::Me;

/// What a node says of itself when it joins.
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

/// What the store made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The new life.
    pub incarnation: Incarnation,
    /// The database's generation.
    pub generation: Generation,
    /// The database's clock.
    pub now: Timestamp,
}

/// The answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The database's clock.
    pub now: Timestamp,
    /// What the store says of this life; `Dead` means: exit.
    pub state: MemberState,
}

/// One member row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which life.
    pub incarnation: Incarnation,
    /// Its node name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Where it is in its life.
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

/// A live member, and how long it has been silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub member: Member,
    /// The age of its last beat by the database's clock, in milliseconds.
    pub beat_age_ms: i64,
}

impl Member {
    /// Whether the node has a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has == role)
    }
}

/// The wish to declare a life dead. It is final for that life, whether it was right or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Who declares; must be an active member.
    pub me: Incarnation,
    /// Whom.
    pub dead: Incarnation,
    /// What was witnessed, in words.
    pub reason: String,
}

/// What became of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// It is dead now.
    Dead,
    /// It was dead or had left before.
    WasOver,
    /// The declaring member is not active: it may declare nobody.
    NotActive,
}

/// What one survivor took over from one dead life. When and why that was declared is in its member row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverRecord {
    /// Whose instances.
    pub dead: Incarnation,
    /// Who took them.
    pub survivor: Me,
    /// When it was first missed, if this survivor missed it.
    pub suspected_at: Option<Timestamp>,
    /// When every instance that was taken had its actor; none until then.
    pub acknowledged_at: Option<Timestamp>,
    /// How many instances were taken.
    pub instances: u32,
    /// How many attempts went on at their workers.
    pub attempts_reattached: u32,
    /// How many attempts were lost.
    pub attempts_lost: u32,
}

/// The wish to give instances to another master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Who gives; owner of the instances.
    pub me: Me,
    /// Who takes; must be an active master.
    pub target: Incarnation,
    /// What, under the epochs that the giver holds.
    pub instances: Vec<(InstanceId, Epoch)>,
    /// When.
    pub at: Timestamp,
}

/// Who owns an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedBy {
    /// Which.
    pub id: InstanceId,
    /// The owner's life and host; none at rest and until the first claim.
    pub owner: Option<(Incarnation, String)>,
    /// The state of the owner's life.
    pub owner_state: Option<MemberState>,
    /// The fencing token.
    pub epoch: Epoch,
    /// The database's generation.
    pub generation: Generation,
    /// Whether somebody has to own it: it runs, or its inbox holds a verb that applies.
    pub needs_owner: bool,
}
