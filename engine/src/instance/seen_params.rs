//! Which scope gave a task the value of each parameter.

use std::collections::BTreeMap;

use super::state::Instance;
use crate::ids::{AttemptNumber, DispatchId, TaskIndex};
use crate::overrides::TaskOverrides;
use crate::params::{BuiltinContext, builtin_params, task_values, upstream_givers};
use crate::plan::Plan;
use crate::spec::model::{Direction, Param};

/// A scope of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamLayer {
    /// The start, a rerun, or a retry that changed the task.
    Start,
    /// The task itself.
    Task,
    /// An output of this earlier task.
    Upstream(TaskIndex),
    /// The workflow.
    Workflow,
    /// The project.
    Project,
    /// The system.
    BuiltIn,
}

/// A parameter as a task sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenParam {
    /// Its value; as it was written, when the parameters of the task cannot be resolved.
    pub value: String,
    /// Which scope gave it.
    pub layer: ParamLayer,
}

/// Returns the parameters of the last attempt of a task by name; before one, of what is known.
pub fn seen_params(plan: &Plan, instance: &Instance, task_index: TaskIndex) -> BTreeMap<String, SeenParam> {
    let row = instance.task(task_index);
    let attempt = row.and_then(|row| row.attempt.as_ref());
    let first = DispatchId {
        generation: instance.rows.generation,
        instance: instance.rows.id,
        task_index,
        attempt: attempt.map_or(AttemptNumber(1), |attempt| attempt.number),
        dispatch_number: 1,
    };
    let uid = attempt.and_then(|attempt| attempt.uid).unwrap_or(first);
    let overrides = row.and_then(|row| row.overrides.as_deref());
    let outputs_of = |at: TaskIndex| instance.task(at).map(|row| &row.outputs);
    let base = plan.start.time_base(instance.rows.created_at);
    let values = task_values(plan, uid, base, &outputs_of, overrides).unwrap_or_default();

    let task = plan.definition.task(task_index);
    let builtins = builtin_params(&BuiltinContext {
        base,
        project: &plan.context.project,
        workflow: &plan.context.workflow,
        task: task.map_or("", |task| task.name.as_str()),
        uid,
    });
    let startup = TaskOverrides::startup_params(overrides, &plan.start.params);
    let mut seen = SeenParams::default();
    // The later one of two scopes wins.
    seen.add(ParamLayer::BuiltIn, texts_of(&builtins));
    seen.add(ParamLayer::Project, texts_of(&plan.context.project_params));
    seen.add(ParamLayer::Workflow, inputs_of(&plan.definition.params));
    for (name, giver) in upstream_givers(plan, task_index, &outputs_of) {
        let output = outputs_of(giver).and_then(|outputs| outputs.get_key_value(name));
        seen.add(
            ParamLayer::Upstream(giver),
            output.map(|(name, text)| (name.as_str(), text.as_str())),
        );
    }
    seen.add(
        ParamLayer::Task,
        inputs_of(task.map_or(&[][..], |task| &task.params)),
    );
    seen.add(ParamLayer::Start, texts_of(&startup));
    seen.with_values(values)
}

fn texts_of(scope: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    scope.iter().map(|(name, text)| (name.as_str(), text.as_str()))
}

fn inputs_of(params: &[Param]) -> impl Iterator<Item = (&str, &str)> {
    params
        .iter()
        .filter(|param| param.direction == Direction::In)
        .filter_map(|param| Some((param.name.as_str(), param.value.as_deref()?)))
}

#[derive(Default)]
struct SeenParams(BTreeMap<String, SeenParam>);

impl SeenParams {
    fn add<'a>(&mut self, layer: ParamLayer, texts: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let seen = texts.into_iter().map(|(name, text)| {
            let value = text.to_owned();
            (name.to_owned(), SeenParam { value, layer })
        });
        self.0.extend(seen);
    }

    fn with_values(mut self, values: BTreeMap<String, String>) -> BTreeMap<String, SeenParam> {
        for (name, value) in values {
            if let Some(seen) = self.0.get_mut(&name) {
                seen.value = value;
            }
        }
        self.0
    }
}
