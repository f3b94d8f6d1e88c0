//! What surrounds an instance and never changes while it exists.

use std::collections::BTreeMap;

use crate::trigger::TriggerType;

/// What surrounds an instance, beside its definition and its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceContext {
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The parameters of the project, as they were at the start.
    pub project_params: BTreeMap<String, String>,
    /// What started it.
    pub trigger: TriggerType,
}

impl Default for InstanceContext {
    fn default() -> Self {
        Self {
            project: String::new(),
            workflow: String::new(),
            project_params: BTreeMap::new(),
            trigger: TriggerType::Api,
        }
    }
}
