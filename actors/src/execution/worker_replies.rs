//! What the answers of workers mean for the attempts.

use actix::prelude::*;
use engine::attempt::AttemptEvent;
use engine::ids::{DispatchId, Epoch};
use engine::instance::Event;
use engine::task::TaskReport;

use crate::execution::dispatch_queue::{PendingMessage, WorkerMessage};
use crate::messages::workflow::{DeliverEvents, RecoveryOutcome};
use ports::protocol::{DispatchAnswer, KillAnswer, ReattachAnswer};
use ports::rpc::transport::CallError;

/// The answers to a batch, in its order.
pub(crate) enum BatchReply {
    /// To attempts, with the slots that are free beyond them.
    Dispatch(Vec<DispatchAnswer>, u32),
    /// To kills.
    Kill(Vec<KillAnswer>),
    /// To queries of open attempts.
    Reattach(Vec<ReattachAnswer>),
}

/// An event, and the actor that it is for.
pub(crate) struct EventDelivery {
    /// The actor.
    pub(crate) to: Recipient<DeliverEvents>,
    /// The event.
    pub(crate) event: Event,
}

/// How a worker answered a batch of attempts.
pub(crate) struct DispatchSummary {
    /// The number of attempts that it accepted.
    pub(crate) accepted: u32,
    /// The number of attempts that it did not accept.
    pub(crate) refused: u32,
    /// The first reason that it gave.
    pub(crate) refusal: Option<String>,
}

impl DispatchSummary {
    /// Summarises the answers to a batch.
    pub(crate) fn new(answers: &[DispatchAnswer]) -> Self {
        let accepted = answers
            .iter()
            .filter(|answer| matches!(answer, DispatchAnswer::Accepted))
            .count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            accepted: count(accepted),
            refused: count(answers.len() - accepted),
            refusal: answers.iter().find_map(|answer| match answer {
                DispatchAnswer::Refused { reason } => Some(reason.clone()),
                DispatchAnswer::Accepted | DispatchAnswer::StaleEpoch { .. } => None,
            }),
        }
    }
}

/// Pairs messages with their answers, and returns the events that follow.
pub(crate) fn events_of_replies<A>(
    batch: Vec<PendingMessage>,
    answers: Vec<A>,
    event_of: fn(&WorkerMessage, A) -> Option<Event>,
) -> Vec<EventDelivery> {
    let pairs = batch.into_iter().zip(answers);
    let events = pairs.filter_map(|(pending, answer)| {
        let event = event_of(&pending.message, answer)?;
        Some(EventDelivery {
            to: pending.reply_to,
            event,
        })
    });
    events.collect()
}

/// Returns the event that follows from the answer to a dispatched attempt.
pub(crate) fn dispatch_event(message: &WorkerMessage, answer: DispatchAnswer) -> Option<Event> {
    let uid = message.uid();
    match answer {
        DispatchAnswer::Accepted => None,
        DispatchAnswer::Refused { reason } => {
            count_error("refused");
            Some(Event::Report(TaskReport::Attempt {
                uid,
                event: AttemptEvent::NotStarted { reason },
            }))
        }
        DispatchAnswer::StaleEpoch { seen } => {
            log_stale_epoch(uid, seen);
            None
        }
    }
}

/// Returns the event that follows from the answer to a kill.
pub(crate) fn kill_event(message: &WorkerMessage, answer: KillAnswer) -> Option<Event> {
    let uid = message.uid();
    match answer {
        KillAnswer::Killing => None,
        KillAnswer::NeverStarted => Some(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::NotStarted {
                reason: "never started".to_owned(),
            },
        })),
        KillAnswer::StaleEpoch { seen } => {
            log_stale_epoch(uid, seen);
            None
        }
    }
}

/// Returns the event that follows from the answer to a query, and counts the outcome.
pub(crate) fn reattach_event(message: &WorkerMessage, answer: ReattachAnswer) -> Option<Event> {
    let uid = message.uid();
    if let WorkerMessage::Reattach(_, Some(counts)) = message {
        counts.record(recovery_outcome(&answer));
    }
    match answer {
        ReattachAnswer::Running { pid, started_at } => started_at.map(|at| {
            Event::Report(TaskReport::Attempt {
                uid,
                event: AttemptEvent::Started { pid, at },
            })
        }),
        ReattachAnswer::Done { end: ended } => Some(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Ended(ended),
        })),
        ReattachAnswer::NeverStarted => Some(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::NotStarted {
                reason: "the worker had not received it".to_owned(),
            },
        })),
        ReattachAnswer::Lost { reason } => Some(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Lost { reason },
        })),
        ReattachAnswer::StaleEpoch { seen } => {
            log_stale_epoch(uid, seen);
            None
        }
    }
}

/// Splits a batch that was not answered into the events of attempts that were certainly not delivered, which are free to
/// go elsewhere, and the messages to repeat.
pub(crate) fn split_unanswered(
    batch: Vec<PendingMessage>,
    error: &CallError,
    worker: &str,
) -> (Vec<EventDelivery>, Vec<PendingMessage>) {
    let (mut events, mut repeated) = (Vec::new(), Vec::new());
    for pending in batch {
        match (&pending.message, error) {
            (WorkerMessage::Dispatch(dispatch), _) if error.is_certain() => events.push(EventDelivery {
                event: Event::Report(TaskReport::Attempt {
                    uid: dispatch.uid,
                    event: AttemptEvent::NotStarted {
                        reason: format!("worker {worker} could not be reached"),
                    },
                }),
                to: pending.reply_to,
            }),
            _ => repeated.push(pending),
        }
    }
    (events, repeated)
}

/// Counts attempts that a worker did not accept.
pub(crate) fn count_error(reason: &'static str) {
    metrics::counter!("porpoise_dispatch_errors_total", "reason" => reason).increment(1);
}

fn recovery_outcome(answer: &ReattachAnswer) -> RecoveryOutcome {
    match answer {
        ReattachAnswer::Running { .. } | ReattachAnswer::Done { .. } | ReattachAnswer::StaleEpoch { .. } => {
            RecoveryOutcome::Reattached
        }
        ReattachAnswer::NeverStarted => RecoveryOutcome::NeverStarted,
        ReattachAnswer::Lost { .. } => RecoveryOutcome::Lost,
    }
}

/// A worker knows a newer owner: the sender finds that out at its next commit, which is refused.
fn log_stale_epoch(uid: DispatchId, seen: Epoch) {
    tracing::warn!(%uid, %seen, "a worker knows a newer owner");
    count_error("stale epoch");
}
