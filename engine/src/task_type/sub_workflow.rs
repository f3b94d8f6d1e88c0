//! The type `sub_workflow`: another workflow as an instance of its own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::child_workflow::{PARAMS, PARAMS_KEY, PROJECT, VERSION, WORKFLOW, interpolate_fields};
use super::definition::{Preparation, TaskType};
use super::site::{ExecutionSite, WatchKind};
use crate::params::text::TextInterpolator;
use crate::params::time::TimeBase;

/// Starts an instance of another workflow and waits for its end.
pub const SUB_WORKFLOW: TaskType = TaskType {
    name: "sub_workflow",
    doc: "Starts an instance of another workflow and ends as it does.",
    site: ExecutionSite::Owner(WatchKind::Children),
    fields: &[WORKFLOW, PROJECT, VERSION, PARAMS],
    secret_fields: &[],
    prepare,
};

/// The fields of a prepared action, but for those of the started workflow.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SubWorkflowFields {
    /// The parameters of the start.
    #[serde(default)]
    pub params: Map<String, Value>,
}

fn prepare(
    fields: &mut Map<String, Value>,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> Preparation {
    interpolate_fields(fields, &[PARAMS_KEY], TextInterpolator::new(values, base))
}
