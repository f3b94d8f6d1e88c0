//! How stored rows are shown: one home for the state and the reason that every reader sees.

use std::collections::BTreeMap;

use crate::ids::Ordinal;
use crate::plan::Plan;
use crate::states::{InstanceState, TaskState};

/// The state and reason of a task as every reader sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The state.
    pub state: TaskState,
    /// Why it waits or rests, in words.
    pub reason: Option<String>,
}
