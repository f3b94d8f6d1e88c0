//! What one attempt starts, as its row keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::combinations::Combinations;
use crate::ids::AttemptNumber;
use crate::spec::values::value_text;
use crate::task_type::action::PreparedAction;
use crate::task_type::child_workflow::ChildWorkflow;
use crate::task_type::dynamic::{ChildFailurePolicy, DYNAMIC, DynamicFields};
use crate::task_type::sub_workflow::SubWorkflowFields;

/// What one attempt starts. Its serde form is stored; a field that is added has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FanOut {
    /// The first attempt whose children belong to this one: the children of later ones are taken over.
    pub since: AttemptNumber,
    /// The workflow.
    pub target: ChildWorkflow,
    /// The parameters that all children get.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Those that differ from child to child.
    #[serde(default)]
    pub over: Combinations,
    /// The most children that are open at a time.
    pub parallelism: u32,
    /// Whether further children start after failures.
    pub on_failure: ChildFailurePolicy,
    /// How many children may fail or be stopped.
    pub tolerate: u32,
    /// The version that children are started with, from the first start of this attempt on.
    #[serde(default)]
    pub version: Option<i64>,
    /// The task was resumed: paused children are to be resumed once.
    #[serde(default)]
    pub resumes: bool,
}

impl FanOut {
    /// Returns the number of children.
    pub fn count(&self) -> u32 {
        self.over.count()
    }

    /// Returns the parameters that a child is started with; none past the last child.
    pub fn params_at(&self, index: u32) -> Option<Map<String, Value>> {
        let own = self.over.values_at(index)?;
        let mut params = self.params.clone();
        params.extend(own);
        Some(params)
    }

    /// Returns the same parameters as texts.
    pub fn param_texts_at(&self, index: u32) -> Option<BTreeMap<String, String>> {
        let params = self.params_at(index)?;
        let texts = params
            .iter()
            .map(|(name, value)| (name.clone(), value_text(value)));
        Some(texts.collect())
    }
}

/// Returns what an attempt of a task starts; `since` is the first attempt whose children belong to it.
///
/// # Errors
/// The combinations are too many, as a readable text: the next attempt would fail alike.
pub fn open_fan_out(action: &PreparedAction, since: AttemptNumber) -> Result<FanOut, String> {
    let unreadable = |error: crate::task_type::InvalidFields| error.to_string();
    let target: ChildWorkflow = action.read_fields().map_err(unreadable)?;
    if action.task_type != DYNAMIC.name {
        let fields: SubWorkflowFields = action.read_fields().map_err(unreadable)?;
        return Ok(FanOut {
            since,
            target,
            params: fields.params,
            over: Combinations::default(),
            parallelism: 1,
            on_failure: ChildFailurePolicy::Continue,
            tolerate: 0,
            version: None,
            resumes: false,
        });
    }
    let fields: DynamicFields = action.read_fields().map_err(unreadable)?;
    let over = Combinations::expand(&fields)?;
    Ok(FanOut {
        since,
        target,
        params: fields.params,
        over,
        parallelism: fields.parallelism,
        on_failure: fields.on_failure,
        tolerate: fields.tolerate,
        version: None,
        resumes: false,
    })
}
