//! What waits to be written to the journal: dispatches that are not decided yet, and lines.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::sync::oneshot;

use super::actor::WorkerActor;
use super::attempts::Judgement;
use super::journal::{JournalError, Line};
use super::messages::DispatchBatch;
use crate::protocol::{Dispatch, DispatchAnswer, DispatchReply, Owner};

/// So many lines make the journal worth rewriting, unless most of them are still needed.
const LONG: usize = 50_000;

/// The journal lacks lines: it is rewritten with the next round.
const INCOMPLETE: usize = usize::MAX / 2;

/// The queue in front of the journal; one write is under way at a time.
#[derive(Default)]
pub(super) struct Desk {
    waiting: Vec<DispatchBatch>,
    lines: Vec<Line>,
    busy: bool,
    written: usize,
}

/// A batch that was decided and gets its reply after the write.
struct Decided {
    answers: Vec<DispatchAnswer>,
    from: Option<Owner>,
    reply: oneshot::Sender<DispatchReply>,
}

/// One write and what follows it.
#[derive(Default)]
struct Round {
    lines: Vec<Line>,
    taken: Vec<Dispatch>,
    batches: Vec<Decided>,
}

impl Desk {
    /// Queues a batch of dispatches.
    pub(super) fn wait(&mut self, batch: DispatchBatch) {
        self.waiting.push(batch);
    }

    /// Queues a line that nobody waits for.
    pub(super) fn note(&mut self, line: Line) {
        self.lines.push(line);
    }

    fn is_long(&self, needed: usize) -> bool {
        self.written > LONG && self.written > needed.saturating_mul(8)
    }
}

impl WorkerActor {
    /// Writes everything queued with one append, unless one is under way.
    pub(super) fn pump_journal(&mut self, ctx: &mut Context<Self>) {
        if self.desk.busy || (self.desk.waiting.is_empty() && self.desk.lines.is_empty()) {
            return;
        }
        let mut round = self.decide_waiting();
        self.publish_use();
        self.desk.busy = true;
        let journal = Arc::clone(&self.ports.journal);
        let rewrite = self.desk.is_long(self.attempts.len());
        let lines = std::mem::take(&mut round.lines);
        let lines = if rewrite { self.attempts.lines() } else { lines };
        self.desk.written = if rewrite {
            lines.len()
        } else {
            self.desk.written.saturating_add(lines.len())
        };
        let write = async move {
            if rewrite {
                journal.replace(&lines).await
            } else if lines.is_empty() {
                Ok(())
            } else {
                journal.append(&lines).await
            }
        };
        ctx.spawn(write.into_actor(self).map(move |written, worker, ctx| {
            worker.desk.busy = false;
            worker.after_write(round, written, ctx);
            worker.pump_journal(ctx);
        }));
    }

    fn decide_waiting(&mut self) -> Round {
        let mut round = Round {
            lines: std::mem::take(&mut self.desk.lines),
            ..Round::default()
        };
        if !self.desk.waiting.is_empty() {
            self.attempts.refuse(self.ports.runner.unavailable_reason());
        }
        for DispatchBatch { to, batch, reply } in std::mem::take(&mut self.desk.waiting) {
            let from = batch.first().map(|dispatch| dispatch.owner.clone());
            let mut answers = Vec::with_capacity(batch.len());
            for dispatch in batch {
                answers.push(self.decide(to, dispatch, &mut round));
            }
            round.batches.push(Decided { answers, from, reply });
        }
        round
    }

    fn decide(
        &mut self,
        to: engine::ids::Incarnation,
        dispatch: Dispatch,
        round: &mut Round,
    ) -> DispatchAnswer {
        if to != self.config.me.incarnation || dispatch.worker != to {
            return refused("it is for another life of this worker");
        }
        match self.attempts.judge(&dispatch) {
            Judgement::Answer(answer) => answer,
            Judgement::Take => {
                round.lines.push(Line::Accepted {
                    uid: dispatch.uid,
                    worker: dispatch.worker,
                    owner: dispatch.owner.clone(),
                });
                round.taken.push(dispatch);
                DispatchAnswer::Accepted
            }
        }
    }

    fn after_write(&mut self, mut round: Round, written: Result<(), JournalError>, ctx: &mut Context<Self>) {
        match written {
            Ok(()) => {
                self.admit(std::mem::take(&mut round.taken), ctx);
            }
            Err(error) => {
                tracing::error!(%error, "the worker's journal cannot be written");
                self.refuse(&mut round, &error);
                self.desk.written = INCOMPLETE;
            }
        }
        self.publish_use();
        self.look_again(ctx);
        for Decided { answers, from, reply } in round.batches {
            let hungry = answers
                .iter()
                .any(|answer| matches!(answer, DispatchAnswer::Refused { .. }));
            let free_slots = self.attempts.free();
            if let Some(from) = from.filter(|_| hungry || free_slots == 0) {
                self.remember_hungry(&from);
            }
            // A caller that has gone asks again; the uid is known by then.
            reply.send(DispatchReply { answers, free_slots }).ok();
        }
    }

    /// Nothing of the round was written, so nothing of it starts.
    fn refuse(&mut self, round: &mut Round, error: &JournalError) {
        for dispatch in round.taken.drain(..) {
            self.attempts.tombstone(dispatch.uid);
        }
        for batch in &mut round.batches {
            for answer in &mut batch.answers {
                if *answer == DispatchAnswer::Accepted {
                    *answer = refused(&format!("the worker cannot write its journal: {error}"));
                }
            }
        }
    }
}

fn refused(reason: &str) -> DispatchAnswer {
    DispatchAnswer::Refused {
        reason: reason.to_owned(),
    }
}
