//! What a workflow actor receives, and what it reports to those that started it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix::prelude::*;
use engine::ids::{Epoch, Incarnation, InstanceId, TaskIndex};
use engine::instance::Event;
use tokio::sync::oneshot;

/// Events from workers and from the dispatch actor. Losing it is harmless: the sender repeats what was not stored.
#[derive(Debug, Message)]
#[rtype(result = "DeliveryOutcome")]
pub struct DeliverEvents(pub Vec<Event>);

/// The outcome of the events of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// Every change they made is stored.
    Stored,
    /// Not stored yet, or unknown: send them again.
    Later,
}

/// The inbox holds new commands; answered when those stored before are decided. Losing it is harmless: reconciliation
/// reads the inbox too.
#[derive(Debug, Message)]
#[rtype(result = "DeliveryOutcome")]
pub struct ReadInbox;

/// Something that attempts in the owner wait for may have changed: looks at it. If it is lost, the next look from time to
/// time finds the same.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct LookAgain {
    /// The task whose attempt waits; none for all.
    pub task_index: Option<TaskIndex>,
}

/// A worker incarnation has ended. If it is lost, the next load of the instance or the next kill finds that out.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct WorkerDead(pub Incarnation);

/// This machine's clock was set: moves the due times of the instance. If it is lost, the next commit moves them.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct FollowClock;

/// Another master owns the instance now: ends the actor. Clients that wait on this node for its commits are woken, since
/// its commits come from elsewhere from now on.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct OwnershipLost;

/// Makes the handler panic, for tests of supervision.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Crash;

/// Why a workflow actor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// The instance is idle: nothing is left to do.
    Done,
    /// Another master owns it now.
    Fenced,
    /// What is stored may differ from what the actor holds: reload it.
    Resync,
    /// A handler panicked, or the arbiter ended.
    Panicked,
}

/// A workflow actor has ended. If it is lost, reconciliation notices.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct ActorExit {
    /// The instance.
    pub id: InstanceId,
    /// The epoch under which it was owned.
    pub epoch: Epoch,
    /// Why the actor ended.
    pub reason: ExitReason,
}

/// What became of an open attempt after a take-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryOutcome {
    /// It still runs at its worker, or has ended there with a known result.
    Reattached,
    /// Its worker never received it: it is sent again, and nothing was lost.
    NeverStarted,
    /// It may have run, and its end is unknown.
    Lost,
}

/// Counts the outcomes of the open attempts of the instances of one dead owner.
#[derive(Debug, Default)]
pub struct RecoveryCounts {
    pending: AtomicU32,
    reattached: AtomicU32,
    lost: AtomicU32,
}

impl RecoveryCounts {
    /// Adds an attempt that is being queried.
    pub fn add_query(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// Records the outcome of one query.
    pub fn record(&self, outcome: RecoveryOutcome) {
        match outcome {
            RecoveryOutcome::Reattached => self.reattached.fetch_add(1, Ordering::Relaxed),
            RecoveryOutcome::Lost => self.lost.fetch_add(1, Ordering::Relaxed),
            RecoveryOutcome::NeverStarted => 0,
        };
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether every query has its outcome.
    pub fn is_complete(&self) -> bool {
        self.pending.load(Ordering::Relaxed) == 0
    }

    /// Returns the number of reattached attempts, then the number of lost ones.
    pub fn totals(&self) -> (u32, u32) {
        (
            self.reattached.load(Ordering::Relaxed),
            self.lost.load(Ordering::Relaxed),
        )
    }
}

/// Follows the load of one instance that is taken over.
#[derive(Debug)]
pub struct TakeoverTracker {
    /// Sent or dropped when the actor has loaded its instance, or found that it is not the owner any more.
    pub loaded: oneshot::Sender<()>,
    /// Counts the outcomes of its open attempts.
    pub counts: Arc<RecoveryCounts>,
}
