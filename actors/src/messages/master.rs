//! What the master actor receives from the API, from workers and from the actors that move ownership.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::{Epoch, Generation, Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::states::OwnershipReason;

use crate::messages::workflow::RecoveryCounts;
use ports::protocol::{LeaseAnswer, LeaseRequest, Report, ReportAnswer};
use ports::{ClaimedInstance, LimitKey, LoadedInstance, NewInstance, StartAdmission};

/// Starts the actor of an instance that this node owns. If it is lost, reconciliation starts the actor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct RunInstance {
    /// The ownership.
    pub claimed: ClaimedInstance,
    /// A new instance as its creation committed it, so that it need not be read.
    pub new_instance: Option<Box<LoadedInstance>>,
}

impl RunInstance {
    /// Runs an instance that this node has created and owns.
    pub(crate) fn created(new: NewInstance, id: InstanceId, generation: Generation) -> Self {
        Self {
            claimed: ClaimedInstance {
                id,
                epoch: Epoch(1),
                reason: OwnershipReason::Start,
                from_owner: None,
                from_host: None,
            },
            new_instance: Some(Box::new(new.into_loaded(id, generation))),
        }
    }

    /// Remembers whether the end of the instance gives a place back.
    pub(crate) fn with_admission(mut self, admission: &StartAdmission) -> Self {
        if let Some(loaded) = &mut self.new_instance {
            loaded.gated = *admission == StartAdmission::Admitted;
        }
        self
    }
}

/// Starts the actors of claimed instances; answered when each has loaded its instance, or found that it is not the
/// owner any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct RunClaimed {
    /// The ownerships, which are stored.
    pub claimed: Vec<ClaimedInstance>,
    /// Counts the outcomes of their open attempts.
    pub counts: Arc<RecoveryCounts>,
}

/// The first scan for orphans has ended. Until then the master cannot say that it does not run an instance. Repeated
/// after every scan.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct OrphanScanDone;

/// Hands instances over to another master, one batch per message; answered with the number that is left.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct HandOverInstances {
    /// The new owner.
    pub target: Incarnation,
    /// The instances.
    pub selection: HandoverSelection,
}

/// Which instances are handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandoverSelection {
    /// A batch of all, for a node that leaves.
    Any,
    /// These, as far as they are still here; none by a node that drains.
    These(Vec<InstanceId>),
}

/// Asks which instances could be handed over.
#[derive(Debug, Message)]
#[rtype(result = "Vec<HandoverCandidate>")]
pub struct GetHandoverCandidates;

/// An instance that could be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandoverCandidate {
    /// The instance.
    pub id: InstanceId,
    /// When it last received an event.
    pub active_at: Timestamp,
    /// When it came from another master, if it did.
    pub received_at: Option<Timestamp>,
}

/// Makes the owner read the inbox of an instance, and claims the instance when it needs an owner.
#[derive(Debug, Message)]
#[rtype(result = "InboxStatus")]
pub struct CheckInbox(pub InstanceId);

/// The state of an inbox after `CheckInbox`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxStatus {
    /// Every command in it is decided.
    Decided,
    /// The actor was ending, or the store did not answer: ask again.
    Retry,
    /// Another node owns the instance.
    OwnedElsewhere,
}

/// Reports of a worker; answered one by one, in order, after what they report is stored.
#[derive(Debug, Message)]
#[rtype(result = "Vec<ReportAnswer>")]
pub struct DeliverReports(pub Vec<Report>);

/// Results for an owner that the worker cannot reach; answered after they are stored for that owner.
#[derive(Debug, Message)]
#[rtype(result = "Vec<ReportAnswer>")]
pub struct RelayReports(pub Vec<Report>);

/// Asks for leases of exclusive attempts that a worker runs; answered one by one, in order.
/// Losing it is harmless: the worker repeats it.
#[derive(Debug, Message)]
#[rtype(result = "Vec<LeaseAnswer>")]
pub struct RenewLeases {
    /// The worker incarnation that runs them.
    pub worker: Incarnation,
    /// The attempts.
    pub batch: Vec<LeaseRequest>,
}

/// An instance of which every task that waits looks again, or one task of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookTarget {
    /// The instance.
    pub instance: InstanceId,
    /// The task; all of the instance when there is none.
    pub task_index: Option<TaskIndex>,
}

impl LookTarget {
    /// Every task of an instance.
    pub fn instance(instance: InstanceId) -> Self {
        Self {
            instance,
            task_index: None,
        }
    }

    /// One task.
    pub fn task(instance: InstanceId, task_index: TaskIndex) -> Self {
        Self {
            instance,
            task_index: Some(task_index),
        }
    }
}

/// What these wait for may have changed; answered with those whose instances do not run here. Losing it is harmless:
/// their owners look from time to time.
#[derive(Debug, Message)]
#[rtype(result = "Vec<LookTarget>")]
pub struct LookAgainAt(pub BTreeSet<LookTarget>);

/// Slots of a worker were released. Losing it is harmless: every answer of the worker carries its free slots.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FreeSlots {
    /// The worker incarnation.
    pub worker: Incarnation,
    /// Slots beyond the attempts that are in flight there.
    pub free: u32,
}

/// Another master handed instances over to this one: compare what this node owns with what it runs. Losing it delays
/// that by one interval of reconciliation.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ReconcileNow;

/// Looks at the queues of limits: another master saw that a task of this one has room. If it is lost, the next look at all
/// limits finds it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CheckLimits(pub Vec<LimitKey>);

/// Asks which workers answer this master; sent by a master that does not reach some of its workers.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Incarnation>")]
pub struct GetReachableWorkers;

/// Asks how many instances have an actor here, or wait for one.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct CountInstances;

/// Asks the actor of an instance for a snapshot of itself; none when it has no actor here.
#[derive(Debug, Message)]
#[rtype(result = "Option<serde_json::Value>")]
pub struct ObserveInstance(pub InstanceId);

/// Makes the actor of an instance panic, for tests of supervision; answers whether it had one.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct CrashInstance(pub InstanceId);
