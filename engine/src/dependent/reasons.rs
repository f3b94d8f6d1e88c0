//! What a dependent task waits for, in words, item by item.

use super::dates::DependencyCycle;
use super::intervals::{TimeInterval, dependency_intervals};
use super::items::{DependencyItem, DependencyTarget, DependencyWindow};
use super::observation::{Candidate, CandidateTask, DependencyVerdict, ItemObservation};
use super::seen::SeenItem;
use crate::ids::{InstanceId, Timestamp};
use crate::spec::duration::HumanDuration;
use crate::states::InstanceState;
use crate::timezone::{Tz, format_local};

/// The most items that one text lists.
const MAX_LISTED: usize = 10;

/// What the words are relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonContext {
    /// The base instant of the waiting instance.
    pub anchor: Timestamp,
    /// Its zone.
    pub zone: Tz,
}

/// Lists the items that do not hold yet, those that have failed included.
pub(super) fn waiting_text(
    seen: &[SeenItem<'_>],
    verdicts: &[DependencyVerdict],
    context: ReasonContext,
) -> String {
    let open = |verdict: DependencyVerdict| verdict != DependencyVerdict::Holds;
    format!("waits for {}", list_items(seen, verdicts, context, open))
}

/// Returns the first instance that stands in the way of an item.
pub(super) fn awaited_instance(seen: &[SeenItem<'_>], verdicts: &[DependencyVerdict]) -> Option<InstanceId> {
    let open = seen.iter().zip(verdicts);
    let mut open = open.filter(|(_, verdict)| **verdict != DependencyVerdict::Holds);
    open.find_map(|(seen, _)| match seen.observation {
        Some(ItemObservation::Candidates(candidates)) => {
            let obstacle = candidates.get(place_of_obstacle(seen, candidates)?)?;
            obstacle.as_ref().map(|candidate| candidate.instance)
        }
        _ => None,
    })
}

/// Lists the items that have failed.
pub(super) fn failure_text(
    seen: &[SeenItem<'_>],
    verdicts: &[DependencyVerdict],
    context: ReasonContext,
) -> String {
    let failed = |verdict: DependencyVerdict| verdict == DependencyVerdict::Fails;
    format!(
        "what it depends on has failed: {}",
        list_items(seen, verdicts, context, failed)
    )
}

fn list_items(
    seen: &[SeenItem<'_>],
    verdicts: &[DependencyVerdict],
    context: ReasonContext,
    is_listed: impl Fn(DependencyVerdict) -> bool,
) -> String {
    let listed: Vec<&SeenItem<'_>> = seen
        .iter()
        .zip(verdicts)
        .filter(|(_, verdict)| is_listed(**verdict))
        .map(|(seen, _)| seen)
        .collect();
    let shown = listed.iter().take(MAX_LISTED);
    let mut text = shown
        .map(|seen| format!("{} ({})", name_of(seen.item), obstacle_of(seen, context)))
        .collect::<Vec<_>>()
        .join("; ");
    if listed.len() > MAX_LISTED {
        text.push_str(&format!("; and {} more", listed.len() - MAX_LISTED));
    }
    text
}

/// Names an item, for example `retail/orders task load last1Days`.
fn name_of(item: &DependencyItem) -> String {
    let workflow = match &item.project {
        Some(project) => format!("`{project}/{}`", item.workflow),
        None => format!("`{}`", item.workflow),
    };
    let target = match &item.target {
        DependencyTarget::Instance => String::new(),
        DependencyTarget::AllTasks => " with all tasks".to_owned(),
        DependencyTarget::Task(task) => format!(" task `{task}`"),
    };
    match item.window {
        DependencyWindow::Date(date) => format!("{workflow}{target} {date}"),
        DependencyWindow::EndedWithin(ms) => format!("{workflow}{target} within {}", HumanDuration(ms)),
    }
}

/// Says what stands in the way of an item: its first interval that does not hold.
fn obstacle_of(seen: &SeenItem<'_>, context: ReasonContext) -> String {
    let candidates = match seen.observation {
        None => return "not looked at yet".to_owned(),
        Some(ItemObservation::Refused(why)) => return why.clone(),
        Some(ItemObservation::NothingEarlier) => return "there is nothing earlier".to_owned(),
        Some(ItemObservation::Candidates(candidates)) => candidates,
    };
    let Some(place) = place_of_obstacle(seen, candidates) else {
        return "it holds".to_owned();
    };
    let when = interval_text(seen.item, place, context);
    match candidates.get(place).and_then(Option::as_ref) {
        Some(candidate) => candidate_text(candidate, &seen.item.target, &when),
        None if matches!(seen.item.window, DependencyWindow::EndedWithin(_)) => {
            "none has succeeded in that time".to_owned()
        }
        None => format!("there is no instance{when} yet"),
    }
}

/// Returns the first interval that does not hold. A failed one decides about its item, so it goes before.
fn place_of_obstacle(seen: &SeenItem<'_>, candidates: &[Option<Candidate>]) -> Option<usize> {
    let verdict_at = |candidate: &Option<Candidate>| match candidate {
        Some(candidate) => candidate.verdict(&seen.item.target),
        None => DependencyVerdict::Waits,
    };
    let first_with = |wanted: DependencyVerdict| candidates.iter().position(|c| verdict_at(c) == wanted);
    first_with(DependencyVerdict::Fails).or_else(|| first_with(DependencyVerdict::Waits))
}

/// Says what an instance means for an item that does not hold.
fn candidate_text(candidate: &Candidate, target: &DependencyTarget, when: &str) -> String {
    let Candidate { instance, state, .. } = candidate;
    match (target, candidate.task) {
        (DependencyTarget::Task(_), Some(CandidateTask::Missing) | None) => {
            format!("instance {instance}{when} has no such task")
        }
        (DependencyTarget::Task(_), Some(CandidateTask::Disabled)) => {
            format!("the task is disabled in instance {instance}{when}")
        }
        (DependencyTarget::Task(_), Some(CandidateTask::InState(task))) => {
            format!("the task is {task} in instance {instance}{when}, which is {state}")
        }
        (DependencyTarget::AllTasks, _) if *state == InstanceState::Succeeded => {
            format!("a task of instance {instance}{when} has failed")
        }
        (DependencyTarget::Instance | DependencyTarget::AllTasks, _) => {
            format!("instance {instance}{when} is {state}")
        }
    }
}

/// Names the interval at a place, as ` of 2024-05-14` or ` of the hour from 2024-05-15T09:00:00+08:00`.
fn interval_text(item: &DependencyItem, place: usize, context: ReasonContext) -> String {
    let DependencyWindow::Date(date) = item.window else {
        return String::new();
    };
    let intervals = dependency_intervals(date, context.anchor, context.zone);
    let Some(TimeInterval { from, .. }) = intervals.get(place) else {
        return String::new();
    };
    let start = format_local(*from, context.zone);
    match date.cycle() {
        DependencyCycle::Hour => format!(" of the hour from {start}"),
        _ => format!(" of {}", start.split('T').next().unwrap_or(&start)),
    }
}
