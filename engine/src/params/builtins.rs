//! The parameters that every task has without declaring them.

use std::collections::BTreeMap;

use super::time::Base;
use crate::ids::Uid;

/// What the system knows of one attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts<'a> {
    /// The scheduled instant, else the creation of the instance, in UTC.
    pub base: Base,
    /// The project's name.
    pub project: &'a str,
    /// The workflow's name.
    pub workflow: &'a str,
    /// The task's name.
    pub task: &'a str,
    /// The binding; it names the instance too.
    pub uid: Uid,
}

/// Makes the lowest layer of parameters.
pub fn builtins(facts: &Facts<'_>) -> BTreeMap<String, String> {
    let time = |expression: &str| super::time::evaluate(expression, facts.base).unwrap_or_default();
    [
        ("system.biz.date", time("yyyyMMdd-1")),
        ("system.biz.curdate", time("yyyyMMdd")),
        ("system.datetime", time("yyyyMMddHHmmss")),
        ("system.project.name", facts.project.to_owned()),
        ("system.workflow.definition.name", facts.workflow.to_owned()),
        ("system.workflow.instance.id", facts.uid.instance.to_string()),
        ("system.task.definition.name", facts.task.to_owned()),
        ("system.task.instance.id", facts.uid.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
