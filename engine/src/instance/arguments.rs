//! What a command says beside its verb.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::overrides::TaskOverrides;
use crate::states::{Priority, Scope};

/// The members of a command's body, checked. Stored as JSON with the command; of other verbs they are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandArguments {
    /// Of run: which tasks run beside the named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Of retry: what changes for the later attempts of the task.
    #[serde(default, skip_serializing_if = "TaskOverrides::is_empty")]
    pub overrides: TaskOverrides,
    /// Of rerun: parameters that replace those of the start, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Of priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Of approve: the outputs of the task, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, String>,
    /// Of approve and reject: what the user says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl CommandArguments {
    /// Whether the command says nothing beside its verb.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
