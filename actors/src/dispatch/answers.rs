//! What the answers of workers mean for the attempts.

use actix::prelude::*;
use engine::attempt::AttemptEvent;
use engine::ids::{DispatchId, Incarnation};
use engine::instance::Event;
use engine::task::Worker;

use super::{DispatchActor, Entry, Parcel, RETRY, Reply, deliver};
use crate::links::LinkError;
use crate::protocol::{DispatchAnswer, KillAnswer, ReattachAnswer};
use crate::workflow::Fate;

/// Says that nobody is left to ask about an attempt.
pub(super) fn no_life(worker: &Worker) -> String {
    format!(
        "its worker {} (incarnation {}) is gone; its processes could not be checked",
        worker.name, worker.incarnation
    )
}

impl DispatchActor {
    pub(super) fn answered(
        &mut self,
        to: Incarnation,
        batch: Vec<Entry>,
        reply: Result<Reply, LinkError>,
        ctx: &mut Context<Self>,
    ) {
        match reply {
            Ok(Reply::Dispatch(answers, free)) => {
                let refused = answers
                    .iter()
                    .filter(|answer| !matches!(answer, DispatchAnswer::Accepted))
                    .count();
                self.slots.refused(to, answers.iter().find_map(refusal));
                self.slots
                    .answered(to, u32::try_from(refused).unwrap_or(u32::MAX), free);
                dispatched(batch, answers, ctx);
            }
            Ok(Reply::Kill(answers)) => each(batch, answers, ctx, kill_event),
            Ok(Reply::Adopt(answers)) => each(batch, answers, ctx, adopt_event),
            Err(error) => self.not_answered(to, batch, &error, ctx),
        }
    }

    /// An attempt that surely was not delivered is free to go elsewhere; everything else is sent again, to the
    /// same life, until it answers or is over.
    fn not_answered(
        &mut self,
        to: Incarnation,
        batch: Vec<Entry>,
        error: &LinkError,
        ctx: &mut Context<Self>,
    ) {
        tracing::warn!(worker = %to, %error, messages = batch.len(), "a worker did not answer");
        metrics::counter!("porpoise_dispatch_errors_total", "reason" => "no answer").increment(1);
        // It gets nothing new until it answers a greeting.
        self.slots.not_reached(to);
        let mut again = Vec::new();
        for entry in batch {
            match (&entry.parcel, error) {
                (Parcel::Dispatch(dispatch), LinkError::NotDelivered(_)) => {
                    let reason = format!("worker {to} could not be reached");
                    deliver(
                        &entry.reply_to,
                        vec![Event::Attempt {
                            uid: dispatch.uid,
                            event: AttemptEvent::NotStarted { reason },
                        }],
                        ctx,
                    );
                }
                _ => again.push(entry),
            }
        }
        ctx.run_later(RETRY, move |actor, ctx| {
            // When the life is over meanwhile, the actors have been told, and have asked about all of it.
            if actor.lives.goes_on(to) {
                for entry in again {
                    actor.push(to, entry, ctx);
                }
            }
        });
    }
}

fn refusal(answer: &DispatchAnswer) -> Option<String> {
    match answer {
        DispatchAnswer::Refused { reason } => Some(reason.clone()),
        DispatchAnswer::Accepted | DispatchAnswer::StaleEpoch { .. } => None,
    }
}

/// Pairs entries with their answers and delivers what follows.
fn each<A>(
    batch: Vec<Entry>,
    answers: Vec<A>,
    ctx: &mut Context<DispatchActor>,
    event_of: fn(&Entry, A) -> Option<Event>,
) {
    for (entry, answer) in batch.into_iter().zip(answers) {
        if let Some(event) = event_of(&entry, answer) {
            deliver(&entry.reply_to, vec![event], ctx);
        }
    }
}

fn uid_of(entry: &Entry) -> DispatchId {
    match &entry.parcel {
        Parcel::Dispatch(dispatch) => dispatch.uid,
        Parcel::Kill(kill) => kill.uid,
        Parcel::Adopt(adopt, _) => adopt.uid,
    }
}

/// A refused attempt keeps its slot for a moment: a worker that refuses (full, draining, no disk) would refuse
/// the next one as fast as it is asked.
fn dispatched(batch: Vec<Entry>, answers: Vec<DispatchAnswer>, ctx: &mut Context<DispatchActor>) {
    for (entry, answer) in batch.into_iter().zip(answers) {
        if let Some(event) = dispatch_event(&entry, answer) {
            ctx.run_later(RETRY, move |_, ctx| deliver(&entry.reply_to, vec![event], ctx));
        }
    }
}

fn dispatch_event(entry: &Entry, answer: DispatchAnswer) -> Option<Event> {
    match answer {
        DispatchAnswer::Accepted => None,
        DispatchAnswer::Refused { reason } => Some(Event::Attempt {
            uid: uid_of(entry),
            event: AttemptEvent::NotStarted { reason },
        }),
        DispatchAnswer::StaleEpoch { seen } => stale(entry, seen),
    }
}

fn kill_event(entry: &Entry, answer: KillAnswer) -> Option<Event> {
    match answer {
        KillAnswer::Killing => None,
        KillAnswer::NeverStarted => Some(Event::Attempt {
            uid: uid_of(entry),
            event: AttemptEvent::NotStarted {
                reason: "never started".to_owned(),
            },
        }),
        KillAnswer::StaleEpoch { seen } => stale(entry, seen),
    }
}

fn adopt_event(entry: &Entry, answer: ReattachAnswer) -> Option<Event> {
    let uid = uid_of(entry);
    if let Parcel::Adopt(_, Some(tally)) = &entry.parcel {
        tally.answered(fate_of(&answer));
    }
    match answer {
        ReattachAnswer::Running { pid, started_at } => started_at.map(|at| Event::Attempt {
            uid,
            event: AttemptEvent::Started { pid, at },
        }),
        ReattachAnswer::Done { end: ended } => Some(Event::Attempt {
            uid,
            event: AttemptEvent::Ended(ended),
        }),
        ReattachAnswer::NeverStarted => Some(Event::Attempt {
            uid,
            event: AttemptEvent::NotStarted {
                reason: "the worker had not received it".to_owned(),
            },
        }),
        ReattachAnswer::Lost { reason } => Some(Event::Attempt {
            uid,
            event: AttemptEvent::Lost { reason },
        }),
        ReattachAnswer::StaleEpoch { seen } => stale(entry, seen),
    }
}

fn fate_of(answer: &ReattachAnswer) -> Fate {
    match answer {
        ReattachAnswer::Running { .. } | ReattachAnswer::Done { .. } | ReattachAnswer::StaleEpoch { .. } => {
            Fate::Reattached
        }
        ReattachAnswer::NeverStarted => Fate::NeverStarted,
        ReattachAnswer::Lost { .. } => Fate::Lost,
    }
}

/// A worker knows a newer owner: whoever spoke finds out at its next commit, which is refused.
fn stale(entry: &Entry, seen: engine::ids::Epoch) -> Option<Event> {
    tracing::warn!(uid = %uid_of(entry), %seen, "a worker knows a newer owner");
    metrics::counter!("porpoise_dispatch_errors_total", "reason" => "stale epoch").increment(1);
    None
}
