//! What the expressions of one task can name.

use std::collections::BTreeMap;

use minijinja::Value;

use super::draft::InstanceDraft;
use crate::expression::{Expression, ExpressionScope, TaskScope, TypedText};
use crate::ids::{AttemptNumber, DispatchId, TaskIndex};
use crate::params::{ParamError, declared_types, task_values};
use crate::plan::Plan;
use crate::spec::values::ParamType;
use crate::timezone::format_utc;
use crate::view::display_state;

/// The values that the expressions of one task draw from.
pub(super) struct ScopeSource<'a> {
    values: BTreeMap<String, String>,
    types: BTreeMap<&'a str, ParamType>,
}

impl<'a> ScopeSource<'a> {
    /// Resolves the parameters that a task sees before its next attempt, or in its open one.
    ///
    /// # Errors
    /// They cannot be resolved.
    pub(super) fn new(draft: &'a InstanceDraft<'_>, task_index: TaskIndex) -> Result<Self, ParamError> {
        let (plan, rows) = (draft.plan(), &draft.stored().rows);
        let row = draft.rows().get(task_index);
        let open = row.and_then(|row| row.open_attempt());
        let next = row.map_or(0, |row| row.attempts) + 1;
        let uid = DispatchId {
            generation: rows.generation,
            instance: rows.id,
            task_index,
            attempt: open.map_or(AttemptNumber(next), |attempt| attempt.number),
            dispatch_number: 1,
        };
        let outputs_of = |task_index| draft.rows().get(task_index).map(|row| &row.outputs);
        let base = plan.start.time_base(rows.created_at);
        let overrides = row.and_then(|row| row.overrides.as_deref());
        Ok(Self {
            values: task_values(plan, uid, base, &outputs_of, overrides)?,
            types: declared_types(plan, task_index, &outputs_of),
        })
    }

    /// Returns what an expression can name.
    pub(super) fn scope_of<'s>(
        &'s self,
        draft: &'s InstanceDraft<'_>,
        expression: &'s Expression,
    ) -> ExpressionScope<'s> {
        let params = self.values.iter().map(|(name, text)| {
            let declared = self
                .types
                .get(name.as_str())
                .copied()
                .unwrap_or(ParamType::Untyped);
            (name.as_str(), TypedText { declared, text })
        });
        let tasks = expression.tasks().iter();
        ExpressionScope {
            params: params.collect(),
            tasks: tasks
                .filter_map(|name| Some((name.as_str(), task_scope(draft, name)?)))
                .collect(),
            instance: instance_members(draft),
            ..ExpressionScope::default()
        }
    }
}

fn task_scope<'a>(draft: &'a InstanceDraft<'_>, name: &str) -> Option<TaskScope<'a>> {
    let plan = draft.plan();
    let task_index = plan.definition.task_index_of(name)?;
    let row = draft.rows().get(task_index);
    let shown = row.map(|row| (row.state, row.reason.as_deref()));
    let outputs = row.into_iter().flat_map(|row| &row.outputs);
    Some(TaskScope {
        state: display_state(plan, draft.record().state, task_index, shown)
            .state
            .as_str(),
        outputs: outputs
            .map(|(name, text)| {
                let declared = output_type(plan, task_index, name);
                (name.as_str(), TypedText { declared, text })
            })
            .collect(),
    })
}

fn output_type(plan: &Plan, task_index: TaskIndex, name: &str) -> ParamType {
    let task = plan.definition.task(task_index);
    let mut outputs = task.into_iter().flat_map(|task| &task.outputs);
    let output = outputs.find(|output| output.name == name);
    output.map_or(ParamType::Untyped, |output| output.kind)
}

fn instance_members(draft: &InstanceDraft<'_>) -> BTreeMap<&'static str, Value> {
    let (plan, rows) = (draft.plan(), &draft.stored().rows);
    let scheduled_at = plan.start.scheduled_at.map(format_utc);
    let labels = plan.start.labels.iter();
    BTreeMap::from([
        ("id", Value::from(rows.id.to_string())),
        ("workflow", Value::from(plan.context.workflow.as_str())),
        ("project", Value::from(plan.context.project.as_str())),
        ("state", Value::from(draft.record().state.as_str())),
        (
            "scheduled_at",
            scheduled_at.map_or_else(|| Value::from(()), Value::from),
        ),
        ("trigger", Value::from(plan.context.trigger.as_str())),
        (
            "labels",
            Value::from_pairs(labels.map(|(name, value)| (name.as_str(), value.as_str()))),
        ),
    ])
}
