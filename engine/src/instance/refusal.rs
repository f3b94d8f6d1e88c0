//! Why a command is refused.

use super::draft::InstanceDraft;
use super::event::Operation;
use super::record::InstanceRecord;
use super::state::Instance;
use crate::ids::{TaskIndex, Timestamp};
use crate::place::PlaceOutlook;
use crate::plan::Plan;
use crate::states::{Command, InstanceState};
use crate::task::Task;
use crate::task_type::WatchKind;

/// Explains why a command cannot apply to a stored instance, with the state and what is possible; none when it can.
///
/// The owner decides by the same rule, so that a command which it would refuse needs no owner.
pub fn find_refusal(plan: &Plan, instance: &Instance, operation: &Operation) -> Option<String> {
    let draft = InstanceDraft::new(plan, instance, Timestamp(0));
    refusal_of(&draft, operation)
}

/// Explains why a command cannot apply; none when it can.
pub(super) fn refusal_of(draft: &InstanceDraft<'_>, operation: &Operation) -> Option<String> {
    let record = draft.record();
    let command = operation.command;
    if operation.run != record.run {
        return Some(format!(
            "{command} was asked for run {}; the instance is {} in run {}",
            operation.run, record.state, record.run
        ));
    }
    let attention = record.attention.as_ref();
    if !command.applies_in(record.state, attention) {
        let possible = Command::possible_in(record.state, attention);
        return Some(format!(
            "the instance is {}; possible: {}",
            record.state,
            names(&possible)
        ));
    }
    if draft.has_other_range() && (record.state.is_final() || command.names_task()) {
        return Some(format!(
            "the instance is {}, which has just changed; read it and try again",
            record.state
        ));
    }
    if let PlaceOutlook::Refused { reason } = draft.places()
        && begins_run(command, record)
    {
        return Some(reason.clone());
    }
    command
        .names_task()
        .then(|| task_refusal(draft, command, operation.task))
        .flatten()
}

/// Whether a command that applies begins a run that has no place yet.
fn begins_run(command: Command, record: &InstanceRecord) -> bool {
    match command {
        Command::Recover | Command::Rerun | Command::RunTask => true,
        Command::RetryTask => record.state.is_final(),
        Command::Resume => record.state == InstanceState::Stopped || record.queued_by.is_some(),
        Command::Pause
        | Command::Stop
        | Command::ForceSuccess
        | Command::KillTask
        | Command::SkipTask
        | Command::Priority
        | Command::Approve
        | Command::Reject => false,
    }
}

fn task_refusal(draft: &InstanceDraft<'_>, command: Command, task: Option<TaskIndex>) -> Option<String> {
    let Some(task_index) = task.filter(|task_index| draft.plan().has_task(*task_index)) else {
        return Some("no such task in this version of the workflow".to_owned());
    };
    let name = draft
        .plan()
        .definition
        .task(task_index)
        .map_or("?", |task| &task.name);
    let node = &draft.plan().nodes[task_index.as_usize()];
    if !node.in_range {
        return Some(format!(
            "task `{name}` takes no part in this instance: it is outside the range of the start"
        ));
    }
    if node.disabled {
        return Some(format!(
            "task `{name}` takes no part in this instance: it is not enabled"
        ));
    }
    let instance = draft.record().state;
    if draft.is_ending() {
        return Some(format!(
            "the instance is {instance} and ends as failed; possible: {}",
            Command::Stop
        ));
    }
    let state = draft.rows().state_of(task_index);
    if command.is_decision() {
        let waits_on = draft.rows().get(task_index).and_then(Task::waits_on);
        let refusal = format!("task `{name}` is {state}; it waits for no decision");
        return (waits_on != Some(WatchKind::Approval)).then_some(refusal);
    }
    (!command.applies_to_task(instance, state)).then(|| state_refusal(name, instance, draft, task_index))
}

fn state_refusal(
    name: &str,
    instance: InstanceState,
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
) -> String {
    let state = draft.rows().state_of(task_index);
    let possible = Command::possible_for_task(instance, state);
    let possible = if possible.is_empty() {
        "nothing is possible for it now".to_owned()
    } else {
        format!("possible for it: {}", names(&possible))
    };
    format!("task `{name}` is {state} in an instance that is {instance}; {possible}")
}

fn names(commands: &[Command]) -> String {
    let names: Vec<&str> = commands.iter().map(|command| command.as_str()).collect();
    names.join(", ")
}
