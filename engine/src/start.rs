//! What a start of an instance asked for; never changes over the instance's life.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::Millis;
use crate::states::{FailureStrategy, Priority, Scope};

/// The choices of one start. Stored with the instance as JSON, with every default already resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Startup parameters, name to value.
    pub params: BTreeMap<String, String>,
    /// The chosen tasks by name; empty means all.
    pub tasks: Vec<String>,
    /// Which tasks run.
    pub scope: Scope,
    /// The definition's, unless the start said otherwise.
    pub failure_strategy: FailureStrategy,
    /// The definition's, unless the start said otherwise.
    pub priority: Priority,
    /// Replaces the workflow's default group where given; a task's own group stays.
    pub worker_group: Option<String>,
    /// The graph runs and every task succeeds at once in the owner.
    pub dry_run: bool,
    /// The base of time parameters, if not the instance's creation.
    pub scheduled_at: Option<Millis>,
}
