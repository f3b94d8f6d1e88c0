//! What is stored of an open attempt of a dependent task.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{InstanceId, Timestamp};
use crate::start::Start;
use crate::timezone::Tz;

/// The reason of an attempt before its first look.
pub(crate) const WAITS_FOR_FIRST_LOOK: &str = "looks for what it depends on";

/// What an open attempt keeps. Its serde form is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencyProgress {
    /// The base instant of its instance.
    pub anchor: Timestamp,
    /// The zone of its instance.
    pub timezone: Tz,
    /// The first instance that stood in the way at the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<InstanceId>,
}

impl DependencyProgress {
    /// Returns the form in which it is stored.
    pub(crate) fn to_detail(self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Fixes what the intervals of an instance of this start are relative to.
    pub(crate) fn new(start: &Start, created_at: Timestamp) -> Self {
        Self {
            anchor: start.scheduled_at.unwrap_or(created_at),
            timezone: start.timezone,
            awaited: None,
        }
    }
}
