//! Runs the effects of a stored commit.

use actix::prelude::*;
use engine::ids::{Millis, Ordinal, Uid};
use engine::instance::{AttemptResult, Effect, Ended, Event};
use engine::states::KillCause;

use crate::execution::running_instance::RunningInstance;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::messages::dispatch::{KillAttempt, SendAttempt};
use crate::messages::workflow::DeliverEvents;
use crate::protocol::{Kill, Owner};

/// The largest number of warnings about one attempt in the history.
const WARNINGS: usize = 10;

/// What the actor has to do after its effects ran.
#[derive(Debug, Default)]
pub(crate) struct FollowUps {
    /// Events for the next commit.
    pub(crate) events: Vec<Event>,
    /// When the actor has to wake for a due time.
    pub(crate) wake_at: Option<Millis>,
}

/// Runs effects of one instance; each is harmless when repeated.
pub(crate) struct EffectRunner<'a> {
    deps: &'a WorkflowDeps,
    instance: &'a RunningInstance,
    owner: Owner,
    reply_to: Recipient<DeliverEvents>,
    follow_ups: FollowUps,
}

impl<'a> EffectRunner<'a> {
    /// Makes a runner that acts as `owner`; outcomes go to `reply_to`.
    pub(crate) fn new(
        deps: &'a WorkflowDeps,
        instance: &'a RunningInstance,
        owner: Owner,
        reply_to: Recipient<DeliverEvents>,
    ) -> Self {
        Self {
            deps,
            instance,
            owner,
            reply_to,
            follow_ups: FollowUps::default(),
        }
    }

    /// Runs the effects.
    pub(crate) fn run(mut self, effects: Vec<Effect>) -> FollowUps {
        for effect in effects {
            self.run_one(effect);
        }
        self.follow_ups
    }

    fn run_one(&mut self, effect: Effect) {
        let id = self.instance.state.id;
        match effect {
            Effect::Dispatch { ordinal, uid } => self.dispatch(ordinal, uid),
            Effect::Kill { ordinal, uid, cause } => self.kill(ordinal, uid, cause),
            Effect::FinishInOwner { ordinal, attempt } => {
                let event = Event::FinishedInOwner { ordinal, attempt };
                self.follow_ups.events.push(event);
            }
            Effect::WakeAt { at } => self.follow_ups.wake_at = Some(at),
            Effect::DropSlot { ordinal } => self.deps.slots.cancel(id, ordinal),
            Effect::Warn { ordinal, text } => self.warn(ordinal, &text),
            Effect::Ignore { reason } => tracing::debug!(instance = %id, reason, "event ignored"),
            // A slot is requested by the commit that finds the need for it, and release is a part of the commit.
            Effect::WantSlot { .. } | Effect::Rest => {}
        }
    }

    fn dispatch(&mut self, ordinal: Ordinal, uid: Uid) {
        let Some((worker, _)) = self.instance.binding(ordinal, uid) else {
            return;
        };
        match self.instance.prepare_dispatch(ordinal, self.owner.clone()) {
            Ok(prepared) => {
                if let Some(text) = summarise_warnings(&prepared.warnings) {
                    let (id, task) = (self.instance.state.id, &prepared.dispatch.task);
                    tracing::warn!(instance = %id, task, text, "parameter");
                    self.follow_ups.events.push(Event::Warned { uid, text });
                }
                self.deps.dispatch.do_send(SendAttempt {
                    to: worker,
                    dispatch: prepared.dispatch,
                    reply_to: self.reply_to.clone(),
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
            ended_at: self.deps.clock.now(),
        };
        self.follow_ups.events.push(Event::Ended { uid, ended });
    }

    fn kill(&self, ordinal: Ordinal, uid: Uid, cause: KillCause) {
        let Some((worker, _)) = self.instance.binding(ordinal, uid) else {
            return;
        };
        self.deps.dispatch.do_send(KillAttempt {
            to: worker,
            kill: Kill {
                uid,
                owner: self.owner.clone(),
                cause,
            },
            exclusive: self.instance.is_exclusive(ordinal),
            reply_to: self.reply_to.clone(),
        });
    }

    fn warn(&self, ordinal: Option<Ordinal>, text: &str) {
        let task = ordinal.and_then(|ordinal| self.instance.plan.definition.task(ordinal));
        let task = task.map(|task| task.name.as_str());
        tracing::warn!(instance = %self.instance.state.id, task, text, "time limit");
    }
}

/// Joins warnings to one line; none without any. A body may hold thousands of unknown names.
fn summarise_warnings(warnings: &[String]) -> Option<String> {
    let shown = warnings.iter().take(WARNINGS).map(String::as_str);
    let mut text = shown.collect::<Vec<_>>().join("; ");
    if warnings.len() > WARNINGS {
        text.push_str(&format!("; and {} more", warnings.len() - WARNINGS));
    }
    (!warnings.is_empty()).then_some(text)
}
