//! What a task waits for that is ready and has no slot.

use super::cause::{Cause, CauseKind, Link};
use super::situation::Situation;
use super::surroundings::{GroupSlots, GroupWorker};
use crate::ids::TaskIndex;
use crate::states::MemberState;
use crate::task::Task;

impl Situation<'_> {
    /// Returns what keeps a ready task from a slot: its group has no active worker, or every slot is taken. The words of
    /// the owner come first, which knows which workers answer.
    pub(super) fn slot_cause(&self, task_index: TaskIndex, row: &Task) -> Cause {
        let task = self.plan.definition.task(task_index);
        let group = task.map_or("?", |task| self.plan.worker_group_of(task));
        let nothing_known = GroupSlots::default();
        let slots = self.surroundings.groups.get(group).unwrap_or(&nothing_known);
        let has_worker = slots.workers.iter().any(GroupWorker::takes_attempts);
        let (kind, lack) = if has_worker {
            (CauseKind::Slot, slots.describe_holders())
        } else {
            (CauseKind::WorkerGroup, slots.describe_lack(group))
        };
        let reason = row.reason.as_deref().unwrap_or("it waits for a slot");
        let holder = slots.holders.first().filter(|_| has_worker);
        Cause {
            kind,
            detail: format!("{reason}; {lack}"),
            since: self.times_of(task_index).entered_at,
            until: None,
            link: Some(holder.map_or(Link::Nodes, |holder| Link::Task {
                instance: holder.instance,
                task: holder.task.clone(),
            })),
        }
    }
}

impl GroupWorker {
    fn takes_attempts(&self) -> bool {
        self.state == MemberState::Active && self.slots > 0
    }
}

impl GroupSlots {
    /// Says which attempts hold the slots.
    fn describe_holders(&self) -> String {
        let active = self.workers.iter().filter(|worker| worker.takes_attempts());
        let total: u32 = active.map(|worker| worker.slots).sum();
        let holders: Vec<String> = self
            .holders
            .iter()
            .map(|holder| {
                format!(
                    "task `{}` of instance {} on {}",
                    holder.task, holder.instance, holder.worker
                )
            })
            .collect();
        let named = u32::try_from(holders.len()).unwrap_or(u32::MAX);
        let more = match self.used.saturating_sub(named) {
            0 => String::new(),
            further => format!(" and {further} more"),
        };
        if holders.is_empty() {
            return format!("none of its {total} slots is in use");
        }
        format!(
            "{} of its {total} slots are held: {}{more}",
            self.used,
            holders.join(", ")
        )
    }

    /// Says why no worker of the group takes attempts.
    fn describe_lack(&self, group: &str) -> String {
        if self.workers.is_empty() {
            return format!("no live node has a worker of group `{group}`");
        }
        let workers: Vec<String> = self
            .workers
            .iter()
            .map(|worker| match worker.state {
                MemberState::Active => format!("{} has no slots", worker.name),
                MemberState::Joining | MemberState::Draining | MemberState::Left | MemberState::Dead => {
                    format!("{} is {}", worker.name, worker.state)
                }
            })
            .collect();
        format!(
            "no worker of group `{group}` takes attempts: {}",
            workers.join(", ")
        )
    }
}
