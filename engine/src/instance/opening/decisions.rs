//! The decisions of conditions and switch, made in the commit in which they start.

use std::collections::BTreeMap;

use crate::attempt::AttemptEnd;
use crate::expression::{Expression, ExpressionScope};
use crate::ids::TaskIndex;
use crate::instance::draft::InstanceDraft;
use crate::instance::expression_scope::ScopeSource;
use crate::plan::branches::{BRANCH_OUTPUT, RESULT_OUTPUT};
use crate::plan::trigger_rule::Outcome;
use crate::spec::model::TaskDefinition;
use crate::task_type::conditions::{ConditionsFields, TaskResult, read_conditions};
use crate::task_type::switch::{SwitchFields, read_switch};

/// Decides conditions or a switch; none for a task of another type.
pub(super) fn decide(
    draft: &InstanceDraft<'_>,
    task_index: TaskIndex,
    task: &TaskDefinition,
) -> Option<AttemptEnd> {
    if let Some(fields) = read_conditions(&task.action) {
        return Some(decide_conditions(draft, &fields));
    }
    let fields = read_switch(&task.action)?;
    Some(decide_switch(draft, task_index, &fields))
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
