//! Ends the node when an actor dies that it cannot do without.

use std::fmt;
use std::sync::Arc;

/// Held by an actor whose silent death would strand work. Dropped by a panic, it ends the node; the next life
/// takes everything up from the store.
#[derive(Clone)]
pub struct Vital {
    actor: &'static str,
    end_node: Arc<dyn Fn(&'static str) + Send + Sync>,
}

impl Vital {
    /// Names the actor and what ends the node.
    pub fn new(actor: &'static str, end_node: Arc<dyn Fn(&'static str) + Send + Sync>) -> Self {
        Self { actor, end_node }
    }
}

impl fmt::Debug for Vital {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vital({})", self.actor)
    }
}

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.end_node)(self.actor);
        }
    }
}
