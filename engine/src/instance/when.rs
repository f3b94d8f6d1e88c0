//! What the owner decides itself in the commit that it concerns: the `when` of a task, asked each time the task would
//! start, and how attempts begin that run in the owner.

use super::draft::InstanceDraft;
use super::expression_scope::ScopeSource;
use super::opening::open_attempt;
use crate::expression::Expression;
use crate::ids::TaskIndex;
use crate::plan::trigger_rule::Verdict;
use crate::states::TaskState;
use crate::task::TaskEvent;

/// Decides about every task that waits for a decision of the owner, and what follows from it. A loop over a queue, since
/// each decision may lead to a chain of further ones.
pub(super) fn decide_queued(draft: &mut InstanceDraft<'_>) {
    while let Some(task_index) = draft.pop_undecided() {
        match draft.rows().state_of(task_index) {
            TaskState::Running => begin_attempt(draft, task_index),
            TaskState::Pending => ask_when(draft, task_index),
            TaskState::Delayed
            | TaskState::Waiting
            | TaskState::Dispatched
            | TaskState::WaitingRetry
            | TaskState::Succeeded
            | TaskState::ForcedSuccess
            | TaskState::Failed
            | TaskState::Killed
            | TaskState::Skipped
            | TaskState::NotRun => {}
        }
    }
}

fn begin_attempt(draft: &mut InstanceDraft<'_>, task_index: TaskIndex) {
    if let Some(task) = draft.plan().task(task_index) {
        let opening = open_attempt(draft, task_index, task);
        draft.step_task(task_index, TaskEvent::Opened(opening));
    }
}

fn ask_when(draft: &mut InstanceDraft<'_>, task_index: TaskIndex) {
    if draft.rows().verdict_of(task_index) != Verdict::Starts || draft.record().state.is_final() {
        return;
    }
    match decide_when(draft, task_index) {
        WhenDecision::Starts if draft.plan().nodes[task_index.as_usize()].disabled => {
            draft.pass_task(task_index);
        }
        WhenDecision::Starts => draft.step_task(task_index, TaskEvent::Ready),
        WhenDecision::Skips(reason) => draft.step_task(task_index, TaskEvent::Skip { reason }),
        WhenDecision::Fails(reason) => draft.step_task(task_index, TaskEvent::CannotStart { reason }),
    }
}

/// What the `when` of a task says.
enum WhenDecision {
    /// It holds: the task starts.
    Starts,
    /// It does not hold.
    Skips(String),
    /// It has no result.
    Fails(String),
}

/// Decides by the `when` of a task. In a dry run one that cannot be decided counts as true.
fn decide_when(draft: &InstanceDraft<'_>, task_index: TaskIndex) -> WhenDecision {
    let task = draft.plan().definition.task(task_index);
    let Some(when) = task.and_then(|task| task.when.as_deref()) else {
        return WhenDecision::Starts;
    };
    match evaluate_when(draft, task_index, when) {
        Ok(decision) => decision,
        Err(_) if draft.plan().start.dry_run => WhenDecision::Starts,
        Err(error) => WhenDecision::Fails(format!("`when: {when}` has no result: {error}")),
    }
}

fn evaluate_when(
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
    when: &str,
) -> Result<WhenDecision, String> {
    let expression = Expression::parse(when).map_err(|error| error.to_string())?;
    let source = ScopeSource::new(draft, task_index).map_err(|error| error.to_string())?;
    let scope = source.scope_of(draft, &expression);
    if expression.evaluate(&scope).map_err(|error| error.to_string())? {
        return Ok(WhenDecision::Starts);
    }
    let values = expression.describe_values(&scope);
    let with = if values.is_empty() { "" } else { ", with " };
    Ok(WhenDecision::Skips(format!(
        "`when: {when}` is false{with}{values}"
    )))
}
