//! The next step of a fan-out, from the children that exist.

use std::collections::BTreeSet;

use super::fan_out::FanOut;
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
    /// Whether it ever ran.
    pub has_started: bool,
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
        match starts.is_empty() {
            true => {}
            false if places == 0 => return FanOutStep::Wait,
            false => return FanOutStep::Start(starts),
        }
    }
    match (open, is_failed) {
        (0, false) => FanOutStep::Succeeded,
        (0, true) => FanOutStep::Failed(failure_text(fan_out, &failures)),
        _ => FanOutStep::Wait,
    }
}

/// Explains why children hold their task up; none while all of them run by themselves.
pub(crate) fn hindrance(children: &[ChildSummary]) -> Option<String> {
    let what = |child: &ChildSummary| match child.state {
        _ if child.has_attention => Some("needs a person"),
        InstanceState::Paused => Some("is paused"),
        InstanceState::Pausing => Some("is being paused"),
        InstanceState::Queued => Some("is queued"),
        InstanceState::Running
        | InstanceState::Stopping
        | InstanceState::Stopped
        | InstanceState::Failed
        | InstanceState::Succeeded => None,
    };
    let held = children.iter().filter_map(|child| Some((child, what(child)?)));
    let texts: Vec<String> = held
        .map(|(child, what)| match child.reason.as_deref() {
            Some(reason) if child.state == InstanceState::Queued => {
                format!("instance {} {what}: {reason}", child.id)
            }
            _ => format!("instance {} {what}", child.id),
        })
        .collect();
    (!texts.is_empty()).then(|| shorten_list(&texts, "; "))
}

/// Lists the children that have not ended; none when all have.
pub(crate) fn open_children(children: &[ChildSummary]) -> Option<String> {
    let open = children.iter().filter(|child| !child.state.is_final());
    let ids: Vec<String> = open.map(|child| child.id.to_string()).collect();
    (!ids.is_empty()).then(|| shorten_list(&ids, ", "))
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
