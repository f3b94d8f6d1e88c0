//! What a ready task waits for whose limits lack room.

use super::cause::{Cause, CauseKind, Link};
use super::situation::Situation;
use super::surroundings::LimitShortage;
use crate::ids::TaskIndex;
use crate::task::Task;

impl Situation<'_> {
    /// Returns the limits that a ready task waits for; nothing when it waits for a worker.
    pub(super) fn limit_causes(&self, task_index: TaskIndex, row: &Task) -> Vec<Cause> {
        let shortages = self.surroundings.limits.get(&task_index);
        let causes = shortages.into_iter().flatten().map(|shortage| {
            let (kind, link) = shortage.kind_and_link();
            Cause {
                kind,
                detail: shortage.describe(),
                since: self.times_of(task_index).entered_at,
                until: row.due_at,
                link: Some(link),
            }
        });
        causes.collect()
    }
}

impl LimitShortage {
    fn kind_and_link(&self) -> (CauseKind, Link) {
        match &self.project {
            Some(project) if self.name.is_empty() => (CauseKind::ProjectCap, Link::Project(project.clone())),
            project => {
                let link = Link::Limit {
                    project: project.clone(),
                    name: self.name.clone(),
                };
                (CauseKind::Limit, link)
            }
        }
    }

    /// Says what lacks room. A task waits also where there is room, but not for one that comes before it.
    fn describe(&self) -> String {
        let Self {
            name,
            slots,
            used,
            wanted,
            ..
        } = self;
        if let (true, Some(project)) = (name.is_empty(), &self.project) {
            return format!(
                "the project `{project}` may run {slots} tasks on workers at a time, and {used} run"
            );
        }
        if wanted > slots {
            return format!(
                "limit `{name}` has {slots} slots and the task wants {wanted}: it waits until the limit is raised"
            );
        }
        if slots.saturating_sub(*used) < *wanted {
            return format!(
                "{used} of the {slots} slots of limit `{name}` are held; the task wants {wanted}"
            );
        }
        format!("another task waits before it for more slots of limit `{name}` than are free")
    }
}
