//! Notices about the limits of waiting tasks.

use actix::prelude::*;
use engine::instance::Event;
use engine::task::TaskReport;

use super::WorkflowActor;
use crate::messages::limits::LimitNotice;

impl Handler<LimitNotice> for WorkflowActor {
    type Result = ();

    fn handle(&mut self, notice: LimitNotice, ctx: &mut Self::Context) {
        match notice {
            LimitNotice::RoomFound(tasks) => {
                let reports = tasks
                    .into_iter()
                    .map(|task_index| TaskReport::RoomFound { task_index });
                self.push_events(reports.map(Event::Report), ctx);
            }
            // What waits asks again for what it needs now.
            LimitNotice::CapChanged => self.push_events([Event::Loaded], ctx),
        }
    }
}
