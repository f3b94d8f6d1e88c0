//! The parameters that every task has without declaring them.

use std::collections::BTreeMap;

use super::time::TimeBase;
use crate::ids::DispatchId;

/// What the system knows of one attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BuiltinContext<'a> {
    /// The scheduled instant, else the creation of the instance, in the instance's zone.
    pub base: TimeBase,
    /// The project's name.
    pub project: &'a str,
    /// The workflow's name.
    pub workflow: &'a str,
    /// The task's name.
    pub task: &'a str,
    /// The dispatch; it names the instance too.
    pub uid: DispatchId,
}

/// Returns the outermost scope of parameters.
pub fn builtin_params(context: &BuiltinContext<'_>) -> BTreeMap<String, String> {
    let of_attempt = [
        ("system.workflow.instance.id", context.uid.instance.to_string()),
        ("system.task.definition.name", context.task.to_owned()),
        ("system.task.instance.id", context.uid.to_string()),
    ];
    let mut params = run_independent_params(context.base, context.project, context.workflow);
    params.extend(of_attempt.map(|(name, value)| (name.to_owned(), value)));
    params
}

/// Returns those that are known before an instance exists.
pub fn run_independent_params(base: TimeBase, project: &str, workflow: &str) -> BTreeMap<String, String> {
    let time = |expression: &str| super::time::evaluate(expression, base).unwrap_or_default();
    let params = [
        ("system.biz.date", time("yyyyMMdd-1")),
        ("system.biz.curdate", time("yyyyMMdd")),
        ("system.datetime", time("yyyyMMddHHmmss")),
        ("system.project.name", project.to_owned()),
        ("system.workflow.definition.name", workflow.to_owned()),
    ];
    BTreeMap::from(params.map(|(name, value)| (name.to_owned(), value)))
}
