//! What an attempt waits for that runs in the owner.

use super::cause::{Cause, CauseKind, Link};
use super::situation::Situation;
use super::surroundings::ChildInstance;
use crate::dependent::DependencyProgress;
use crate::ids::{InstanceId, TaskIndex};
use crate::task::Task;
use crate::task_type::WatchKind;

impl Situation<'_> {
    /// Returns what an attempt waits for in the owner. The words are those of its last look.
    pub(super) fn watch_cause(&self, task_index: TaskIndex, (row, kind): (&Task, WatchKind)) -> Cause {
        let no_children = Vec::new();
        let children = self
            .surroundings
            .children
            .get(&task_index)
            .unwrap_or(&no_children);
        let (cause, otherwise) = match kind {
            WatchKind::Children => (CauseKind::Child, "its children are to end"),
            WatchKind::Dependencies => (CauseKind::Dependency, "what it depends on is to end"),
            WatchKind::Approval => (CauseKind::Approval, "a person is to decide"),
        };
        let reason = row.reason.as_deref().unwrap_or(otherwise);
        let states: Vec<String> = children.iter().map(ChildInstance::describe).collect();
        let detail = if states.is_empty() {
            reason.to_owned()
        } else {
            format!("{reason}; {}", states.join(", "))
        };
        Cause {
            kind: cause,
            detail,
            since: self.times_of(task_index).entered_at,
            until: row.due_at,
            link: match kind {
                WatchKind::Children => children.first().map(|child| Link::Instance(child.instance)),
                WatchKind::Dependencies => awaited_by(row).map(Link::Instance),
                WatchKind::Approval => Some(self.link_to_task(task_index)),
            },
        }
    }
}

/// Returns the instance that a dependent task waits for, by its last look.
fn awaited_by(row: &Task) -> Option<InstanceId> {
    let progress: DependencyProgress = row.progress.as_ref()?.read_detail()?;
    progress.awaited
}

impl ChildInstance {
    fn describe(&self) -> String {
        format!(
            "instance {} of `{}` is {}",
            self.instance, self.workflow, self.state
        )
    }
}
