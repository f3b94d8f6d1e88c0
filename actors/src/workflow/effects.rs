//! Carries out what a stored round decided.

use std::time::Duration;

use actix::prelude::*;
use engine::attempt::AttemptEvent;
use engine::attempt::{AttemptEnd, AttemptResult};
use engine::ids::{DispatchId, TaskIndex, Timestamp};
use engine::instance::{Effect, Event};
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
                Effect::Dispatch { task_index, uid } => self.dispatch(task_index, uid, ctx),
                Effect::Kill {
                    task_index,
                    uid,
                    cause,
                } => self.kill(task_index, uid, cause, ctx),
                Effect::CompleteInline { task_index, attempt } => {
                    self.queue
                        .push_back(Item::Event(Event::CompletedInline { task_index, attempt }));
                }
                Effect::WakeAt { at } => self.wake_at(at, ctx),
                Effect::CancelSlot { task_index } => self.around.slots.forget(self.id, task_index),
                Effect::Warn { task_index, text } => self.warn(task_index, &text),
                Effect::Ignore { reason } => tracing::debug!(instance = %self.id, reason, "event ignored"),
                // A wish for a slot is asked in the round that finds it, and rest is a part of the commit.
                Effect::RequestSlot { .. } | Effect::Release => {}
            }
        }
    }

    fn dispatch(&mut self, task_index: TaskIndex, uid: DispatchId, ctx: &mut Context<Self>) {
        let Some(live) = &self.live else { return };
        let Some((worker, attempt)) = live.binding(task_index, uid) else {
            return;
        };
        match prepare::dispatch(live, task_index, attempt, self.owner()) {
            Ok(prepared) => {
                if let Some(text) = in_short(&prepared.warnings) {
                    tracing::warn!(instance = %self.id, task = prepared.dispatch.task, text, "parameter");
                    self.queue.push_back(Item::Event(Event::Warning { uid, text }));
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
    fn fail_unsent(&mut self, uid: DispatchId, error: String) {
        let ended = AttemptEnd {
            result: AttemptResult::Failed,
            exit_code: None,
            error: Some(error),
            outputs: Default::default(),
            pid: None,
            started_at: None,
            ended_at: self.around.clock.now(),
        };
        self.queue.push_back(Item::Event(Event::Attempt {
            uid,
            event: AttemptEvent::Ended(ended),
        }));
    }

    fn kill(&mut self, task_index: TaskIndex, uid: DispatchId, cause: KillCause, ctx: &mut Context<Self>) {
        let Some(live) = &self.live else { return };
        let Some((worker, _)) = live.binding(task_index, uid) else {
            return;
        };
        let exclusive = live.is_exclusive(task_index);
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

    fn warn(&self, task_index: Option<TaskIndex>, text: &str) {
        let task = self
            .live
            .as_ref()
            .and_then(|live| live.plan.definition.task(task_index?));
        let task = task.map(|task| task.name.as_str());
        tracing::warn!(instance = %self.id, task, text, "time limit");
    }

    /// Arms the one timer for the earliest due time; earlier ones replace it.
    fn wake_at(&mut self, at: Timestamp, ctx: &mut Context<Self>) {
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
