//! Which tasks of a definition one instance runs, and in what order they may start.

use std::sync::Arc;

use crate::definition::Definition;
use crate::ids::Ordinal;
use crate::start::Start;

/// A definition seen through one start: chosen tasks, induced edges. Never changes over the instance's life.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The pinned version.
    pub definition: Arc<Definition>,
    /// What the start asked for.
    pub start: Arc<Start>,
    /// One per task, by ordinal.
    pub nodes: Vec<Node>,
}

/// One task as this instance sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Inside the chosen range.
    pub in_range: bool,
    /// Not enabled: never runs; passed through when its predecessors are done.
    pub forbidden: bool,
    /// Predecessors inside the range.
    pub preds: Vec<Ordinal>,
    /// Successors inside the range.
    pub succs: Vec<Ordinal>,
}
