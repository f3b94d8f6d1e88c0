//! An instance that a workflow actor runs.

use engine::ids::{Epoch, InstanceId};

use crate::execution::last_activity::LastActivity;

/// The instance that an actor runs.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The instance.
    pub id: InstanceId,
    /// The epoch under which this node owns it.
    pub epoch: Epoch,
    /// Where the actor records that it received an event.
    pub activity: LastActivity,
}
