//! The next step of a fan-out, from the children that exist.

use std::collections::BTreeSet;

use super::fan_out::FanOut;
use crate::attempt::FailureKind;
use crate::ids::InstanceId;
use crate::states::InstanceState;
use crate::task_type::dynamic::ChildFailurePolicy;

/// The most instances that a reason names.
const NAMED: usize = 5;

/// A child as its own row shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildSummary {
    /// Its place among the children of the attempt, from 0.
    pub index: u32,
    /// The instance.
    pub id: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// Why it waits or is idle, as a readable text.
    pub reason: Option<String>,
    /// Whether it needs a person.
    pub has_attention: bool,
    /// Whether it ended before it ran although no one stopped it: nothing had a place for it in time.
    pub is_discarded: bool,
}

/// Why a task cannot start a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildRefusal {
    /// The reason, as a readable text.
    pub reason: String,
    /// Whether the next attempt may start it.
    pub failure: FailureKind,
}

/// What a fan-out does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FanOutStep {
    /// These children start.
    Start(Vec<u32>),
    /// Children are open, and no further one may start now.
    Wait,
    /// Every child has ended that is going to run, and not too many of them failed.
    Succeeded,
    /// Too many failed or were stopped; in words.
    Failed(String),
}

/// Returns the next step while the task may run.
pub fn plan_fan_out(fan_out: &FanOut, children: &[ChildSummary]) -> FanOutStep {
    let open = children.iter().filter(|child| !child.state.is_final()).count();
    let failures: Vec<&ChildSummary> = children
        .iter()
        .filter(|child| child.state.is_final() && child.state != InstanceState::Succeeded)
        .collect();
    let is_failed = failures.len() > fan_out.tolerate as usize;
    let may_start = !(is_failed && fan_out.on_failure == ChildFailurePolicy::Stop);
    if may_start {
        let known: BTreeSet<u32> = children.iter().map(|child| child.index).collect();
        let places = (fan_out.parallelism as usize).saturating_sub(open);
        let missing = (0..fan_out.count()).filter(|index| !known.contains(index));
        let starts: Vec<u32> = missing.take(places.max(1)).collect();
        match starts.len() {
            0 => {}
            _ if places == 0 => return FanOutStep::Wait,
            _ => return FanOutStep::Start(starts),
        }
    }
    match (open, is_failed) {
        (0, false) => FanOutStep::Succeeded,
        (0, true) => FanOutStep::Failed(failure_text(fan_out, &failures)),
        _ => FanOutStep::Wait,
    }
}

impl FanOut {
    /// Says what an attempt waits for while nothing holds it up.
    pub(crate) fn describe_wait(&self) -> String {
        match self.count() {
            1 => format!("runs an instance of `{}`", self.target.name),
            count => format!("runs {count} instances of `{}`", self.target.name),
        }
    }

    /// Explains why children hold their task up; none while all of them run by themselves.
    pub(crate) fn describe_hindrance(&self, children: &[ChildSummary]) -> Option<String> {
        let texts: Vec<String> = children.iter().filter_map(hindrance).collect();
        (!texts.is_empty()).then(|| shorten_list(&texts, "; "))
    }

    /// Names the children that have not ended; none when all have.
    pub(crate) fn describe_open(&self, children: &[ChildSummary]) -> Option<String> {
        name_instances(children.iter().filter(|child| !child.state.is_final()))
    }

    /// Names the children that neither are paused nor have ended; none when all are at rest.
    pub(crate) fn describe_unpaused(&self, children: &[ChildSummary]) -> Option<String> {
        let is_at_rest =
            |child: &&ChildSummary| child.state.is_final() || child.state == InstanceState::Paused;
        name_instances(children.iter().filter(|child| !is_at_rest(child)))
    }
}

fn hindrance(child: &ChildSummary) -> Option<String> {
    let what = match child.state {
        _ if child.has_attention => "needs a person",
        InstanceState::Paused => "is paused",
        InstanceState::Pausing => "is being paused",
        InstanceState::Stopping => "is being stopped",
        InstanceState::Queued => {
            let reason = child.reason.as_deref().unwrap_or("it waits for a place");
            return Some(format!("instance {} is queued: {reason}", child.id));
        }
        InstanceState::Running
        | InstanceState::Stopped
        | InstanceState::Failed
        | InstanceState::Succeeded => return None,
    };
    Some(format!("instance {} {what}", child.id))
}

fn name_instances<'a>(children: impl Iterator<Item = &'a ChildSummary>) -> Option<String> {
    let ids: Vec<String> = children.map(|child| child.id.to_string()).collect();
    match ids.len() {
        0 => None,
        1 => Some(format!("instance {}", ids[0])),
        _ => Some(format!("instances {}", shorten_list(&ids, ", "))),
    }
}

fn shorten_list(texts: &[String], separator: &str) -> String {
    let named = texts.iter().take(NAMED).map(String::as_str);
    let mut text = named.collect::<Vec<_>>().join(separator);
    if texts.len() > NAMED {
        text.push_str(&format!("{separator}{} more", texts.len() - NAMED));
    }
    text
}

fn failure_text(fan_out: &FanOut, failures: &[&ChildSummary]) -> String {
    let names: Vec<String> = failures
        .iter()
        .map(|child| format!("{} ({})", child.id, child.state))
        .collect();
    format!(
        "{} of {} children failed or were stopped, at most {} may: instances {}",
        failures.len(),
        fan_out.count(),
        fan_out.tolerate,
        shorten_list(&names, ", ")
    )
}
