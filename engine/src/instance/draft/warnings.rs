//! Time limits that have passed.

use super::InstanceDraft;
use crate::ids::DispatchId;

impl InstanceDraft<'_> {
    /// Records a warning in the history of the task, whose state stays.
    pub(in crate::instance) fn warn_about(&mut self, uid: DispatchId, text: &str) {
        let task_index = uid.task_index;
        if !self.rows.get(task_index).is_some_and(|row| row.is_dispatch(uid)) {
            return self.ignore(format!("a warning about {uid}, which is not the current attempt"));
        }
        self.rows.touch(task_index);
        self.history.note_task(task_index);
        self.history.append_task_why(task_index, text);
        self.events
            .time_out_task(task_index, self.rows.get(task_index), text);
    }

    /// Raises the event that the time limit of the instance has passed.
    pub(in crate::instance) fn raise_time_out(&mut self, text: &str) {
        self.events.time_out_instance(text);
    }
}
