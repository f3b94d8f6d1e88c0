//! The tasks that one run is about, when a command about one task began it.

use serde::{Deserialize, Serialize};

use crate::ids::TaskIndex;
use crate::states::Scope;

/// Where a run begins and how far it goes. Other tasks keep their states and do not start in it. Stored as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRange {
    /// The task that the command named.
    pub task: TaskIndex,
    /// Which tasks belong to the run beside it: `only`, `upstream` or `downstream`.
    pub scope: Scope,
    /// What edges from tasks outside the run decide.
    pub outside: OutsideEdges,
}

/// What edges from tasks outside a run to tasks of it decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideEdges {
    /// Nothing: the command runs the tasks whatever became of the others.
    Ignored,
    /// What they decide in every run, by the states that the others keep.
    Followed,
}
