//! The messages inside a worker: from its handle to its actor, from there to task actors.

use std::time::Duration;

use actix::Message;
use engine::attempt::AttemptEnd;
use engine::ids::{DispatchId, Incarnation, Timestamp};
use engine::states::KillCause;
use tokio::sync::oneshot;

use ports::journal::ProcessId;
use ports::protocol::{Dispatch, DispatchReply, Kill, KillAnswer, Owner, ReattachAnswer, ReattachRequest};

/// From a master: run these. Answered once they are journaled; safe to repeat.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct DispatchAttempts {
    pub(crate) to: Incarnation,
    pub(crate) batch: Vec<Dispatch>,
    pub(crate) reply: oneshot::Sender<DispatchReply>,
}

/// From a master: end these. Safe to repeat.
#[derive(Message)]
#[rtype(result = "Vec<KillAnswer>")]
pub(crate) struct KillAttempts {
    pub(crate) to: Incarnation,
    pub(crate) batch: Vec<Kill>,
}

/// From a new owner: the state of these attempts. Reports go to it from then on; safe to repeat.
#[derive(Message)]
#[rtype(result = "Vec<ReattachAnswer>")]
pub(crate) struct ReattachAttempts(pub(crate) Vec<ReattachRequest>);

/// From a master, every second: the number of free slots.
#[derive(Message)]
#[rtype(result = "u32")]
pub(crate) struct PollSlots {
    pub(crate) to: Incarnation,
    pub(crate) from: Owner,
}

/// From a task actor: its process runs. Harmless to lose, since the end repeats it.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct AttemptStarted {
    pub(crate) uid: DispatchId,
    pub(crate) process: ProcessId,
    pub(crate) at: Timestamp,
}

/// From a task actor: the attempt ended and none of its processes runs.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct AttemptEnded {
    pub(crate) uid: DispatchId,
    pub(crate) end: AttemptEnd,
}

/// From a task actor that stops, also when it panicked.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TaskActorStopped {
    pub(crate) uid: DispatchId,
}

/// To a task actor: end every process of the attempt. Safe to repeat; the first cause counts.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct KillTask {
    pub(crate) cause: KillCause,
    /// Time from SIGTERM to SIGKILL.
    pub(crate) grace: Duration,
}

/// From the handle: accept nothing new; answered when everything has ended, at the latest after `give_up_after`.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct DrainWorker {
    pub(crate) kill_after: Duration,
    pub(crate) give_up_after: Duration,
    pub(crate) done: oneshot::Sender<()>,
}

/// From the debug route: a readable picture of the worker; never waits.
#[derive(Message)]
#[rtype(result = "serde_json::Value")]
pub(crate) struct ObserveWorker;
