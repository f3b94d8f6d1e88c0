//! The values of all parameters that one task sees.

use std::collections::BTreeMap;

use super::builtins::{BuiltinContext, builtin_params};
use super::scopes::{ParamError, ParamScopes, resolve_params};
use super::time::TimeBase;
use super::upstream::{upstream_givers, upstream_outputs};
use crate::ids::{DispatchId, TaskIndex};
use crate::overrides::TaskOverrides;
use crate::plan::Plan;
use crate::spec::model::{Direction, Param};
use crate::spec::values::ParamType;

/// Returns the types of the parameters that a task sees, by name; what the system and the project give has none.
pub(crate) fn declared_types<'a>(
    plan: &'a Plan,
    task_index: TaskIndex,
    outputs_of: &dyn Fn(TaskIndex) -> Option<&'a BTreeMap<String, String>>,
) -> BTreeMap<&'a str, ParamType> {
    let definition = &plan.definition;
    let own = definition.task(task_index).map_or(&[][..], |task| &task.params);
    let declared = |params: &'a [Param]| params.iter().filter(|param| param.direction == Direction::In);
    let mut types: BTreeMap<&str, ParamType> = BTreeMap::new();
    // As values are found: the start's, of the workflow's parameters, then the task's, its ancestors' and the workflow's.
    let started = declared(&definition.params).filter(|param| plan.start.params.contains_key(&param.name));
    for param in started.chain(declared(own)) {
        types.entry(&param.name).or_insert(param.kind);
    }
    for (name, giver) in upstream_givers(plan, task_index, outputs_of) {
        let outputs = definition.task(giver).map_or(&[][..], |task| &task.outputs);
        let output = outputs.iter().find(|output| output.name == name);
        types
            .entry(name)
            .or_insert(output.map_or(ParamType::Untyped, |output| output.kind));
    }
    for param in declared(&definition.params) {
        types.entry(&param.name).or_insert(param.kind);
    }
    types
}

/// Returns the parameters that an attempt of a task sees, by name; `outputs_of` gives what other tasks have set,
/// `overrides` what a person changed of this one.
///
/// # Errors
/// They cannot be resolved (a cycle, a value that grows past its bound): the attempt fails.
pub fn task_values<'a>(
    plan: &'a Plan,
    uid: DispatchId,
    base: TimeBase,
    outputs_of: &dyn Fn(TaskIndex) -> Option<&'a BTreeMap<String, String>>,
    overrides: Option<&TaskOverrides>,
) -> Result<BTreeMap<String, String>, ParamError> {
    let definition = &plan.definition;
    let (task, task_params) = definition
        .task(uid.task_index)
        .map_or(("", &[][..]), |task| (task.name.as_str(), &task.params));
    let builtins = builtin_params(&BuiltinContext {
        base,
        project: &plan.context.project,
        workflow: &plan.context.workflow,
        task,
        uid,
    });
    let scopes = ParamScopes {
        builtins: &builtins,
        project: &plan.context.project_params,
        workflow: &definition.params,
        upstream: &upstream_outputs(plan, uid.task_index, outputs_of),
        task: task_params,
        startup: &TaskOverrides::startup_params(overrides, &plan.start.params),
    };
    resolve_params(scopes, base)
}
