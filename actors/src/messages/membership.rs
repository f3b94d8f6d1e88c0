//! What the actors of a node learn about the other nodes.

use std::sync::Arc;

use actix::prelude::*;
use engine::ids::Incarnation;

use ports::{MemberStatus, RegistryError};

/// The live members, and those of them that may be dead. Losing it is harmless: the next one repeats it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Membership {
    /// Every member that is live according to the store.
    pub living: Arc<Vec<MemberStatus>>,
    /// Those of them that the registry does not show.
    pub suspects: Vec<Suspect>,
    /// The registry answers, and shows every live member.
    pub sees_all: bool,
}

/// A member that may be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspect {
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// How long it has been missing, in milliseconds.
    pub missing_ms: i64,
    /// What the suspicion rests on.
    pub basis: SuspicionBasis,
}

/// What a suspicion rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspicionBasis {
    /// The registry does not show the member.
    Registry,
    /// The registry cannot be used, and the member's last database heartbeat is very old.
    HeartbeatOnly,
}

/// A connection to a peer was refused or reset. Losing it is harmless: the registry soon misses the peer.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SuspectPeer(pub Incarnation);

/// Deregisters this node, and ends every later registration of it. It is lost only with its actor, whose death ends the
/// node.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<(), RegistryError>")]
pub struct LeaveRegistry;
