//! The connections that prepared tasks use.

use crate::task_type::{ConnectionUse, PreparedAction, TASK_TYPES};

/// Returns the connection that a prepared task names, if it names one.
pub fn connection_of(action: &PreparedAction) -> Option<ConnectionUse<'_>> {
    let task_type = TASK_TYPES.iter().find(|known| known.name == action.task_type)?;
    ConnectionUse::of_prepared(task_type, &action.fields)
}
