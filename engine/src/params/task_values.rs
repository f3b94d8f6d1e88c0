//! The values of all parameters that one task sees.

use std::collections::BTreeMap;

use super::builtins::{BuiltinContext, builtin_params};
use super::scopes::{ParamError, ParamScopes, resolve_params};
use super::time::TimeBase;
use super::upstream::upstream_outputs;
use crate::ids::{DispatchId, TaskIndex};
use crate::overrides::TaskOverrides;
use crate::plan::Plan;

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
