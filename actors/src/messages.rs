//! The messages between the actors of one node, in leaf modules that import no actor.

use actix::prelude::*;

pub mod dispatch;
pub mod limits;
pub mod master;
pub mod membership;
pub mod schedule;
pub mod workflow;

/// Asks an actor for a snapshot of itself for the debug route. Answered at once, also while a commit is in flight.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "serde_json::Value")]
pub struct Observe;

/// Asks an actor whether it has no work queued and none in flight.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "bool")]
pub struct IsIdle;

/// Stops an actor from accepting new instances. It is lost only with its actor, whose death ends the node.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct StartDrain;
