//! Notices about the limits of waiting tasks.

use actix::prelude::*;
use engine::instance::Event;
use engine::task::TaskReport;

use super::WorkflowActor;
use crate::messages::limits::LimitNotice;

impl Handler<LimitNotice> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, notice: LimitNotice, ctx: &mut Self::Context) {
        let event = match notice {
            LimitNotice::RoomFound(task_index) => Event::Report(TaskReport::RoomFound { task_index }),
            // What waits asks again for what it needs now.
            LimitNotice::CapChanged => Event::Loaded,
        };
        self.push_events([event], ctx);
    }
}
