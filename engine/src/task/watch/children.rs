//! The wait for instances that the attempt started.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::progress::Progress;
use super::{WatchGoal, WatchStep, WatchedAttempt};
use crate::attempt::{AttemptEnd, AttemptResult, FailureKind};
use crate::children::{
    ChildRefusal, ChildResult, ChildSummary, FanOut, FanOutStep, collect_outputs, plan_fan_out,
};
use crate::states::InstanceState;
use crate::task_type::sub_workflow::SUB_WORKFLOW;

/// The children of an attempt, as a look found them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChildrenSeen {
    /// Those that exist, by index.
    pub children: Vec<ChildSummary>,
    /// What became of them, when every one has ended that is going to run.
    pub results: BTreeMap<u32, ChildResult>,
    /// Why no further one can start.
    pub refusal: Option<ChildRefusal>,
    /// The version with which this look started some.
    pub version: Option<i64>,
    /// Paused ones were resumed, as the attempt demanded.
    pub has_resumed: bool,
}

impl ChildrenSeen {
    /// Makes the observation of these children.
    pub fn new(children: Vec<ChildSummary>) -> Self {
        Self {
            children,
            ..Self::default()
        }
    }

    /// Adds children that the look started.
    pub fn add_children(&mut self, children: Vec<ChildSummary>) {
        self.children.extend(children);
        self.children.sort_by_key(|child| child.index);
    }

    /// Takes paused children as running: they have the command in their inboxes.
    pub fn resume_children(&mut self) {
        self.has_resumed = true;
        let paused = self.children.iter_mut();
        for child in paused.filter(|child| child.state == InstanceState::Paused) {
            child.state = InstanceState::Running;
        }
    }
}

/// Decides about the attempt by the states of its children.
pub(super) fn observe(watched: &WatchedAttempt<'_>, seen: &ChildrenSeen) -> WatchStep {
    let Some(mut fan_out) = watched.progress.read_detail::<FanOut>() else {
        let error = "what is stored of its children cannot be read";
        return WatchStep::Ends(AttemptEnd::hopeless(error, watched.at));
    };
    if fan_out.count() > 1 {
        fan_out.version = fan_out.version.or(seen.version);
    }
    fan_out.resumes = fan_out.resumes && !seen.has_resumed;
    let step = plan_fan_out(&fan_out, &seen.children);
    let open = fan_out.describe_open(&seen.children);
    match (watched.goal, step, open) {
        (_, FanOutStep::Succeeded | FanOutStep::Failed(_), _) if has_ended(&fan_out, seen) => {
            WatchStep::Ends(ended(watched, &fan_out, seen))
        }
        (WatchGoal::End(_), _, None) => WatchStep::Ends(AttemptEnd::unstarted(
            AttemptResult::Killed,
            "its children have ended",
            watched.at,
        )),
        (WatchGoal::End(_), _, Some(open)) => waits(&fan_out, format!("waits for {open} to stop")),
        (WatchGoal::Pause, _, _) => match fan_out.describe_unpaused(&seen.children) {
            None => WatchStep::Suspends {
                reason: "paused".to_owned(),
            },
            Some(unpaused) => waits(&fan_out, format!("waits for {unpaused} to pause")),
        },
        (WatchGoal::Run, _, open) => match (&seen.refusal, open) {
            (Some(refusal), None) => WatchStep::Ends(refused(watched, refusal)),
            (Some(refusal), Some(open)) => waits(
                &fan_out,
                format!("no further instance starts: {}; waits for {open}", refusal.reason),
            ),
            (None, _) => {
                let hindrance = fan_out.describe_hindrance(&seen.children);
                waits(&fan_out, hindrance.unwrap_or_else(|| fan_out.describe_wait()))
            }
        },
    }
}

/// Has paused children resumed once.
pub(super) fn resume(progress: &mut Progress) {
    if let Some(mut fan_out) = progress.read_detail::<FanOut>() {
        fan_out.resumes = true;
        progress.waits_for = fan_out.describe_wait();
        progress.detail = serde_json::to_value(&fan_out).unwrap_or(Value::Null);
    }
}

/// Whether the step that the children decide is the end, with what the end needs.
fn has_ended(fan_out: &FanOut, seen: &ChildrenSeen) -> bool {
    match plan_fan_out(fan_out, &seen.children) {
        FanOutStep::Succeeded => seen
            .children
            .iter()
            .all(|child| seen.results.contains_key(&child.index)),
        FanOutStep::Failed(_) => true,
        FanOutStep::Start(_) | FanOutStep::Wait => false,
    }
}

fn waits(fan_out: &FanOut, reason: String) -> WatchStep {
    WatchStep::Waits {
        reason,
        detail: serde_json::to_value(fan_out).unwrap_or(Value::Null),
    }
}

fn refused(watched: &WatchedAttempt<'_>, refusal: &ChildRefusal) -> AttemptEnd {
    AttemptEnd {
        failure: refusal.failure,
        ..AttemptEnd::unstarted(AttemptResult::Failed, &refusal.reason, watched.at)
    }
}

fn ended(watched: &WatchedAttempt<'_>, fan_out: &FanOut, seen: &ChildrenSeen) -> AttemptEnd {
    if watched.task.action.type_name() == SUB_WORKFLOW.name {
        return ended_like_child(watched, seen);
    }
    if let FanOutStep::Failed(error) = plan_fan_out(fan_out, &seen.children) {
        let result = match watched.goal {
            WatchGoal::End(_) => AttemptResult::Killed,
            WatchGoal::Run | WatchGoal::Pause => AttemptResult::Failed,
        };
        return AttemptEnd::unstarted(result, &error, watched.at);
    }
    let names = watched.task.outputs.iter().map(|output| output.name.as_str());
    match collect_outputs(names, fan_out, &seen.results) {
        Ok(outputs) => AttemptEnd {
            outputs,
            ..AttemptEnd::succeeded(watched.at)
        },
        Err(error) => AttemptEnd::hopeless(&error, watched.at),
    }
}

/// A task with one child ends as the child does.
fn ended_like_child(watched: &WatchedAttempt<'_>, seen: &ChildrenSeen) -> AttemptEnd {
    let Some(child) = seen.children.first() else {
        return AttemptEnd::unstarted(AttemptResult::Failed, "its instance is gone", watched.at);
    };
    let reason = child.reason.as_deref().unwrap_or("without a reason");
    match child.state {
        InstanceState::Succeeded => AttemptEnd {
            outputs: seen
                .results
                .get(&child.index)
                .map(|result| result.outputs.clone())
                .unwrap_or_default(),
            ..AttemptEnd::succeeded(watched.at)
        },
        InstanceState::Stopped if child.is_discarded => {
            let error = format!("instance {} ended before it ran: {reason}", child.id);
            AttemptEnd {
                failure: FailureKind::Transient,
                ..AttemptEnd::unstarted(AttemptResult::Failed, &error, watched.at)
            }
        }
        InstanceState::Stopped => {
            let error = format!("instance {} was stopped", child.id);
            AttemptEnd::unstarted(AttemptResult::Killed, &error, watched.at)
        }
        InstanceState::Failed
        | InstanceState::Queued
        | InstanceState::Running
        | InstanceState::Pausing
        | InstanceState::Paused
        | InstanceState::Stopping => {
            let error = format!("instance {} failed: {reason}", child.id);
            AttemptEnd::unstarted(AttemptResult::Failed, &error, watched.at)
        }
    }
}
