//! Carries out what a stored round decided.

use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Millis, Ordinal, Uid};
use engine::instance::{AttemptResult, Effect, Ended, Event};
use engine::states::KillCause;

use super::{Item, WorkflowActor, prepare};
use crate::dispatch::{KillAttempt, SendAttempt};

/// The history tells so many warnings of one attempt.
const WARNINGS: usize = 10;

impl WorkflowActor {
    /// Runs effects; each is harmless when repeated. Events that they give at once wait for the next round.
    pub(super) fn run(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Dispatch { ordinal, uid } => self.dispatch(ordinal, uid, ctx),
                Effect::Kill { ordinal, uid, cause } => self.kill(ordinal, uid, cause, ctx),
                Effect::FinishInOwner { ordinal, attempt } => {
                    self.queue
                        .push_back(Item::Event(Event::FinishedInOwner { ordinal, attempt }));
                }
                Effect::WakeAt { at } => self.wake_at(at, ctx),
                Effect::DropSlot { ordinal } => self.around.slots.forget(self.id, ordinal),
                Effect::Warn { ordinal, text } => self.warn(ordinal, &text),
                Effect::Ignore { reason } => tracing::debug!(instance = %self.id, reason, "event ignored"),
                // A wish for a slot is asked in the round that finds it, and rest is a part of the commit.
                Effect::WantSlot { .. } | Effect::Rest => {}
            }
        }
    }

    fn dispatch(&mut self, ordinal: Ordinal, uid: Uid, ctx: &mut Context<Self>) {
        let Some(live) = &self.live else { return };
        let Some((worker, attempt)) = live.binding(ordinal, uid) else {
            return;
        };
        match prepare::dispatch(live, ordinal, attempt, self.owner()) {
            Ok(prepared) => {
                if let Some(text) = in_short(&prepared.warnings) {
                    tracing::warn!(instance = %self.id, task = prepared.dispatch.task, text, "parameter");
                    self.queue.push_back(Item::Event(Event::Warned { uid, text }));
                }
                let reply_to = ctx.address().recipient();
                self.around.dispatch.do_send(SendAttempt {
                    to: worker,
                    dispatch: prepared.dispatch,
                    reply_to,
                });
            }
            Err(error) => self.fail_unsent(uid, error),
        }
    }

    /// An attempt whose parameters cannot be resolved was never sent: it fails here, with the reason.
    fn fail_unsent(&mut self, uid: Uid, error: String) {
        let ended = Ended {
            result: AttemptResult::Failed,
            exit_code: None,
            error: Some(error),
            outputs: Default::default(),
            pid: None,
            started_at: None,
            ended_at: self.around.clock.now(),
        };
        self.queue.push_back(Item::Event(Event::Ended { uid, ended }));
    }

    fn kill(&mut self, ordinal: Ordinal, uid: Uid, cause: KillCause, ctx: &mut Context<Self>) {
        let Some(live) = &self.live else { return };
        let Some((worker, _)) = live.binding(ordinal, uid) else {
            return;
        };
        let exclusive = live.is_exclusive(ordinal);
        let reply_to = ctx.address().recipient();
        let kill = crate::protocol::Kill {
            uid,
            owner: self.owner(),
            cause,
        };
        self.around.dispatch.do_send(KillAttempt {
            to: worker,
            kill,
            exclusive,
            reply_to,
        });
    }

    fn warn(&self, ordinal: Option<Ordinal>, text: &str) {
        let task = self
            .live
            .as_ref()
            .and_then(|live| live.plan.definition.task(ordinal?));
        let task = task.map(|task| task.name.as_str());
        tracing::warn!(instance = %self.id, task, text, "time limit");
    }

    /// Arms the one timer for the earliest due time; earlier ones replace it.
    fn wake_at(&mut self, at: Millis, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let wait = u64::try_from(at.since(self.around.clock.now())).unwrap_or(0);
        // One millisecond more, so that the clock has surely passed the due time when the timer fires.
        let timer = ctx.run_later(Duration::from_millis(wait + 1), |actor, ctx| {
            actor.timer = None;
            actor.queue.push_back(Item::Event(Event::Due));
            actor.pump(ctx);
        });
        self.timer = Some(timer);
    }
}

/// One line of all warnings; none without any. A body may hold thousands of unknown names.
fn in_short(warnings: &[String]) -> Option<String> {
    let told = warnings.iter().take(WARNINGS).map(String::as_str);
    let mut text = told.collect::<Vec<_>>().join("; ");
    if warnings.len() > WARNINGS {
        text.push_str(&format!("; and {} more", warnings.len() - WARNINGS));
    }
    (!warnings.is_empty()).then_some(text)
}
