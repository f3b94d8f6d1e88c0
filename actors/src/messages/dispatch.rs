//! What workflow actors ask the dispatch actor to do.

use std::sync::Arc;

use actix::prelude::*;
use engine::ids::DispatchId;
use engine::task::Worker;

use crate::messages::workflow::{DeliverEvents, RecoveryCounts};
use ports::protocol::{Dispatch, Kill, Owner};

/// Sends an attempt to the worker incarnation that its row names. It is lost only with the dispatch actor, whose death
/// ends the node; the next owner queries the attempt, finds that it never started, and sends it again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SendAttempt {
    /// The worker incarnation.
    pub to: Worker,
    /// What to send.
    pub dispatch: Dispatch,
    /// Receives the outcome.
    pub reply_to: Recipient<DeliverEvents>,
}

/// Sends an attempt that has the values of its secrets. It is lost only like the attempt itself.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SendCompleted(pub SendAttempt);

/// Orders an attempt to end. It is lost only with the dispatch actor, whose death ends the node; the next owner repeats
/// the kill, because an attempt that is being killed has a pending effect until it has ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct KillAttempt {
    /// The worker incarnation.
    pub to: Worker,
    /// The order.
    pub kill: Kill,
    /// The attempt runs only under a lease.
    pub exclusive: bool,
    /// Receives the outcome.
    pub reply_to: Recipient<DeliverEvents>,
}

/// An open attempt whose state is queried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptQuery {
    /// The attempt.
    pub uid: DispatchId,
    /// The worker incarnation that its row names.
    pub worker: Worker,
    /// It runs only under a lease, so that its loss is deferred until the lease has surely expired.
    pub exclusive: bool,
}

/// Queries workers about attempts that their owner found open. It is lost only with the dispatch actor, whose death ends
/// the node; the next owner repeats the query when it loads the instance.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct QueryAttempts {
    /// The owner that asks.
    pub owner: Owner,
    /// The attempts.
    pub attempts: Vec<AttemptQuery>,
    /// Counts the outcomes, after a take-over.
    pub counts: Option<Arc<RecoveryCounts>>,
    /// Receives the answers.
    pub reply_to: Recipient<DeliverEvents>,
}
