//! What actors send each other about limits.

use std::collections::BTreeSet;

use actix::prelude::*;
use engine::ids::TaskIndex;
use ports::LimitKey;

/// Where a request to look at limits comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookOrigin {
    /// Another master, which saw that a task of this one has room.
    OtherMaster,
    /// A commit of this master.
    Commit,
    /// A change by a user.
    User,
}

/// The queues of limits may have changed. If it is lost, the next look at all finds what has room.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct LimitsChanged {
    /// The limits; none for all.
    pub keys: Option<BTreeSet<LimitKey>>,
    /// What changed them.
    pub origin: LookOrigin,
}

/// What the actor of an instance is notified of.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub enum LimitNotice {
    /// The limits of these waiting tasks have room for them together.
    RoomFound(Vec<TaskIndex>),
    /// The cap of its project came or went.
    CapChanged,
}
