//! What the actor of schedules receives.

use actix::prelude::*;

/// Schedules, calendars or workflows have changed. If it is lost, the next look finds them.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SchedulesChanged;
