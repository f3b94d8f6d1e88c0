//! What the worker's actors say to each other and are told by the handle.

use actix::Message;
use engine::ids::{Incarnation, Millis, Uid};
use engine::instance::Ended;
use engine::states::KillCause;
use tokio::sync::oneshot;

use super::journal::Process;
use crate::protocol::{Adopt, ReattachAnswer, Dispatch, DispatchReply, Kill, KillAnswer, Owner};

/// From a master: run these. Answered once they are journalled; safe to repeat.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct DispatchBatch {
    pub(super) to: Incarnation,
    pub(super) batch: Vec<Dispatch>,
    pub(super) reply: oneshot::Sender<DispatchReply>,
}

/// From a master: end these. Safe to repeat.
#[derive(Message)]
#[rtype(result = "Vec<KillAnswer>")]
pub(super) struct KillBatch {
    pub(super) to: Incarnation,
    pub(super) batch: Vec<Kill>,
}

/// From a new owner: what of these? Makes it the one to report to; safe to repeat.
#[derive(Message)]
#[rtype(result = "Vec<ReattachAnswer>")]
pub(super) struct AdoptBatch(pub(super) Vec<Adopt>);

/// From a master, every second: the free slots.
#[derive(Message)]
#[rtype(result = "u32")]
pub(super) struct Hello {
    pub(super) to: Incarnation,
    pub(super) from: Owner,
}

/// From a task actor: its process runs. Harmless to lose, the end says it too.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct AttemptStarted {
    pub(super) uid: Uid,
    pub(super) process: Process,
    pub(super) at: Millis,
}

/// From a task actor: it ended and nothing of it runs.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct AttemptEnded {
    pub(super) uid: Uid,
    pub(super) ended: Ended,
}

/// From a task actor's last breath, also when it panicked.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct TaskGone {
    pub(super) uid: Uid,
}

/// To a task actor: end every process of it. Safe to repeat; the first one counts.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct KillAttempt {
    pub(super) cause: KillCause,
    /// From SIGTERM to SIGKILL.
    pub(super) within: std::time::Duration,
}

/// From the handle: take nothing new; answer when all is over, or when the time is.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Drain {
    pub(super) kill_after: std::time::Duration,
    pub(super) give_up_after: std::time::Duration,
    pub(super) done: oneshot::Sender<()>,
}

/// From anybody: a picture for people; never waits.
#[derive(Message)]
#[rtype(result = "serde_json::Value")]
pub(super) struct Observe;
