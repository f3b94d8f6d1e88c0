//! Runs the effects of a stored commit.

use actix::prelude::*;
use engine::attempt::{AttemptEnd, AttemptEvent};
use engine::ids::{DispatchId, TaskIndex, Timestamp};
use engine::instance::{Effect, Event};
use engine::states::KillCause;
use engine::task::TaskReport;

use crate::execution::attempt_look::WatchRequest;
use crate::execution::running_instance::RunningInstance;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::messages::dispatch::{KillAttempt, SendAttempt};
use crate::messages::workflow::DeliverEvents;
use ports::protocol::{Kill, Owner};

/// The largest number of warnings about one attempt in the history.
const WARNINGS: usize = 10;

/// What the actor has to do after its effects ran.
#[derive(Debug, Default)]
pub(crate) struct FollowUps {
    /// Events for the next commit.
    pub(crate) events: Vec<Event>,
    /// When the actor has to wake for a due time.
    pub(crate) wake_at: Option<Timestamp>,
    /// What has to be looked at.
    pub(crate) watches: Vec<WatchRequest>,
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
        let id = self.instance.state.rows.id;
        match effect {
            Effect::Dispatch { task_index, uid } => self.dispatch(task_index, uid),
            Effect::Kill {
                task_index,
                uid,
                cause,
            } => self.kill(task_index, uid, cause),
            Effect::CompleteInline { task_index, attempt } => {
                let event = Event::Report(TaskReport::CompletedInline { task_index, attempt });
                self.follow_ups.events.push(event);
            }
            Effect::Watch {
                task_index,
                attempt,
                kind,
                goal,
            } => self.follow_ups.watches.push(WatchRequest {
                task_index,
                attempt,
                kind,
                goal,
            }),
            Effect::WakeAt { at } => self.follow_ups.wake_at = Some(at),
            Effect::CancelSlot { task_index } => self.deps.slots.cancel(id, task_index),
            Effect::Warn { task_index, text } => self.warn(task_index, &text),
            Effect::Ignore { reason } => tracing::debug!(instance = %id, reason, "event ignored"),
            // A slot is requested by the commit that finds the need for it, and release is a part of the commit.
            Effect::RequestSlot { .. } | Effect::Release => {}
        }
    }

    fn dispatch(&mut self, task_index: TaskIndex, uid: DispatchId) {
        let Some((worker, _)) = self.instance.binding(task_index, uid) else {
            return;
        };
        match self.instance.prepare_dispatch(task_index, self.owner.clone()) {
            Ok(prepared) => {
                if let Some(text) = summarise_warnings(&prepared.warnings) {
                    let (id, task) = (self.instance.state.rows.id, &prepared.dispatch.task);
                    tracing::warn!(instance = %id, task, text, "parameter");
                    self.follow_ups.events.push(Event::Warning { uid, text });
                }
                self.deps.dispatch.do_send(SendAttempt {
                    to: worker,
                    dispatch: prepared.dispatch,
                    reply_to: self.reply_to.clone(),
                });
            }
            Err(error) => self.fail_unsent(uid, &error),
        }
    }

    /// An attempt whose parameters cannot be resolved was never sent: it fails here, with the reason, and so would
    /// the next one.
    fn fail_unsent(&mut self, uid: DispatchId, error: &str) {
        let end = AttemptEnd::hopeless(error, self.deps.clock.now());
        self.follow_ups.events.push(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Ended(end),
        }));
    }

    fn kill(&self, task_index: TaskIndex, uid: DispatchId, cause: KillCause) {
        let Some((worker, _)) = self.instance.binding(task_index, uid) else {
            return;
        };
        self.deps.dispatch.do_send(KillAttempt {
            to: worker,
            kill: Kill {
                uid,
                owner: self.owner.clone(),
                cause: known_to_workers(cause),
            },
            exclusive: self.instance.is_exclusive(task_index),
            reply_to: self.reply_to.clone(),
        });
    }

    fn warn(&self, task_index: Option<TaskIndex>, text: &str) {
        let task = task_index.and_then(|task_index| self.instance.plan.definition.task(task_index));
        let task = task.map(|task| task.name.as_str());
        tracing::warn!(instance = %self.instance.state.rows.id, task, text, "time limit");
    }
}

/// Returns the cause that a worker of any version knows: to it, every kill but that of a time limit is the same.
fn known_to_workers(cause: KillCause) -> KillCause {
    match cause {
        KillCause::Kill | KillCause::Skip => KillCause::Stop,
        KillCause::Stop | KillCause::Timeout | KillCause::Strategy => cause,
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
