//! Ends the node when a panic kills an actor that the node cannot run without.

use std::fmt;
use std::sync::Arc;

/// Ends a node, given the name of the actor that panicked.
pub type TerminateNode = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Held by an actor whose silent death would strand work. When a panic drops it, it ends the node; the next incarnation
/// resumes everything from the store.
#[derive(Clone)]
pub struct ExitOnPanic {
    actor: &'static str,
    terminate_node: TerminateNode,
}

impl ExitOnPanic {
    /// Guards the actor of that name.
    pub fn new(actor: &'static str, terminate_node: TerminateNode) -> Self {
        Self {
            actor,
            terminate_node,
        }
    }

    /// Guards another actor of the same node.
    pub(crate) fn for_actor(&self, actor: &'static str) -> Self {
        Self::new(actor, Arc::clone(&self.terminate_node))
    }
}

impl fmt::Debug for ExitOnPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExitOnPanic({})", self.actor)
    }
}

impl Drop for ExitOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.terminate_node)(self.actor);
        }
    }
}
