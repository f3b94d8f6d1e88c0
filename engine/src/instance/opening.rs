//! How an attempt that runs in the owner begins, decided in the commit in which it starts.

mod children;

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::InstanceDraft;
use super::expression_scope::ScopeSource;
use crate::attempt::AttemptEnd;
use crate::expression::{Expression, ExpressionScope};
use crate::ids::{AttemptNumber, DispatchId, TaskIndex};
use crate::params::task_values;
use crate::plan::branches::{BRANCH_OUTPUT, RESULT_OUTPUT};
use crate::plan::trigger_rule::Outcome;
use crate::spec::model::TaskDefinition;
use crate::task::{Opening, Task};
use crate::task_type::WatchKind;
use crate::task_type::conditions::{ConditionsFields, TaskResult, read_conditions};
use crate::task_type::switch::{SwitchFields, read_switch};

/// Decides how the open attempt of a task begins. A type without an arm of its own waits for its first observation.
pub(super) fn open_attempt(
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
    task: &TaskDefinition,
) -> Opening {
    if let Some(fields) = read_conditions(&task.action) {
        return Opening::Ends(decide_conditions(draft, &fields));
    }
    if let Some(fields) = read_switch(&task.action) {
        return Opening::Ends(decide_switch(draft, task_index, &fields));
    }
    let children = task.action.site().watch_kind() == Some(WatchKind::Children);
    if let Some(row) = draft.rows().get(task_index).filter(|_| children) {
        return open_children(draft, task_index, (task, row));
    }
    Opening::Waits {
        reason: format!("begins as {}", task.action.type_name()),
        failure_wait_ms: None,
        detail: Value::Null,
    }
}

fn open_children(
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
    (task, row): (&TaskDefinition, &Task),
) -> Opening {
    let rows = &draft.stored().rows;
    let base = draft.plan().start.time_base(rows.created_at);
    let uid = DispatchId {
        generation: rows.generation,
        instance: rows.id,
        task_index,
        attempt: AttemptNumber(row.attempts),
        dispatch_number: 0,
    };
    let outputs_of = |at: TaskIndex| draft.rows().get(at).map(|row| &row.outputs);
    let overrides = row.overrides.as_deref();
    match task_values(draft.plan(), uid, base, &outputs_of, overrides) {
        Ok(values) => children::open(task, row, (&values, base), draft.at()),
        Err(error) => Opening::Ends(AttemptEnd::hopeless(&error.to_string(), draft.at())),
    }
}

fn decide_conditions(draft: &InstanceDraft<'_>, fields: &ConditionsFields) -> AttemptEnd {
    let holds = fields.question.holds(&|name| result_of(draft, name));
    succeeded_with(draft, RESULT_OUTPUT, holds.to_string())
}

/// Returns what became of a task as conditions see it.
fn result_of(draft: &InstanceDraft<'_>, name: &str) -> Option<TaskResult> {
    let plan = draft.plan();
    let task_index = plan.definition.task_index_of(name)?;
    plan.nodes
        .get(task_index.as_usize())
        .filter(|node| node.in_range)?;
    match draft.rows().outcome_of(task_index)? {
        Outcome::Succeeded | Outcome::Chose(_) => Some(TaskResult::Succeeded),
        Outcome::Failed | Outcome::FailedUnstarted => Some(TaskResult::Failed),
        Outcome::Skipped => Some(TaskResult::Skipped),
        Outcome::NeverStarts => None,
    }
}

fn decide_switch(draft: &InstanceDraft<'_>, task_index: TaskIndex, fields: &SwitchFields) -> AttemptEnd {
    match choose_branch(draft, task_index, fields) {
        Ok(names) => succeeded_with(draft, BRANCH_OUTPUT, names.join(",")),
        Err(error) => AttemptEnd::hopeless(&error, draft.at()),
    }
}

/// Returns the tasks of the first case that holds. In a dry run a case that cannot be decided does not hold.
fn choose_branch<'a>(
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
    fields: &'a SwitchFields,
) -> Result<&'a [String], String> {
    let is_dry_run = draft.plan().start.dry_run;
    let source = match ScopeSource::new(draft, task_index) {
        Ok(source) => source,
        Err(_) if is_dry_run => return Ok(&fields.default),
        Err(error) => return Err(error.to_string()),
    };
    for (number, case) in (1..).zip(&fields.cases) {
        let holds = Expression::parse(&case.when).and_then(|expression| {
            let scope: ExpressionScope<'_> = source.scope_of(draft, &expression);
            expression.evaluate(&scope)
        });
        match holds {
            Ok(true) => return Ok(&case.then),
            Ok(false) => {}
            Err(_) if is_dry_run => {}
            Err(error) => return Err(format!("case {number}, `when: {}`: {error}", case.when)),
        }
    }
    Ok(&fields.default)
}

fn succeeded_with(draft: &InstanceDraft<'_>, output: &str, value: String) -> AttemptEnd {
    AttemptEnd {
        outputs: BTreeMap::from([(output.to_owned(), value)]),
        ..AttemptEnd::succeeded(draft.at())
    }
}
