//! What one task waits for.

use super::cause::{Cause, CauseKind, Link};
use super::situation::Situation;
use super::watched_attempt::watch_of;
use crate::ids::TaskIndex;
use crate::plan::trigger_rule::EdgeState;
use crate::spec::model::Predecessor;
use crate::states::TaskState;
use crate::task::{Task, Wait};
use crate::view::display_state;

/// Predecessors that are named one by one.
const NAMED_PREDECESSORS: usize = 20;

impl Situation<'_> {
    /// Returns what a task that waits waits for, apart from what keeps its whole instance waiting.
    pub(super) fn task_causes(&self, task_index: TaskIndex) -> Vec<Cause> {
        let row = self.instance.task(task_index);
        if let Some(row) = row.filter(|row| row.has_unconfirmed_kill()) {
            return self.kill_cause(task_index, row).into_iter().collect();
        }
        if let Some((row, kind)) = row.and_then(|row| Some((row, watch_of(self.plan, task_index, row)?))) {
            return vec![self.watch_cause(task_index, (row, kind))];
        }
        match row.and_then(|row| Some((row, row.wait()?))) {
            Some((row, Wait::DueTime)) => self.due_cause(task_index, row).into_iter().collect(),
            Some((row, Wait::Slot)) => {
                let limits = self.limit_causes(task_index, row);
                if limits.is_empty() {
                    return vec![self.slot_cause(task_index, row)];
                }
                limits
            }
            None => self.predecessor_causes(task_index),
        }
    }

    /// Returns the worker whose confirmation of a kill a task waits for.
    pub(super) fn kill_cause(&self, task_index: TaskIndex, row: &Task) -> Option<Cause> {
        let worker = row.open_attempt()?.worker.as_ref()?;
        let why = row.reason.as_deref().unwrap_or("without a reason");
        Some(Cause {
            kind: CauseKind::Kill,
            detail: format!(
                "worker {} has not confirmed the kill of attempt {}: {why}",
                worker.name, row.attempts
            ),
            since: self.times_of(task_index).recorded_at,
            until: None,
            link: Some(Link::Nodes),
        })
    }

    /// Returns the due time that a task waits for; none while it stands still in a pause.
    fn due_cause(&self, task_index: TaskIndex, row: &Task) -> Option<Cause> {
        let kind = match row.state {
            TaskState::WaitingRetry => CauseKind::Retry,
            TaskState::Pending
            | TaskState::Delayed
            | TaskState::Waiting
            | TaskState::Dispatched
            | TaskState::Running
            | TaskState::Succeeded
            | TaskState::ForcedSuccess
            | TaskState::Failed
            | TaskState::Killed
            | TaskState::Skipped
            | TaskState::NotRun => CauseKind::Delay,
        };
        Some(Cause {
            kind,
            detail: row.reason.clone().unwrap_or_default(),
            since: self.times_of(task_index).entered_at,
            until: Some(row.due_at?),
            link: None,
        })
    }

    /// Returns the predecessors that a task waits for, by the same rule that decides about its start.
    fn predecessor_causes(&self, task_index: TaskIndex) -> Vec<Cause> {
        let preds = self.plan.deciding_preds(task_index);
        let unsettled: Vec<&Predecessor> = preds
            .filter(|need| {
                let outcome = self.instance.outcome_of(self.plan, need.task);
                need.on.edge_state(outcome) == EdgeState::Waiting
            })
            .collect();
        let further = unsettled.len().saturating_sub(NAMED_PREDECESSORS);
        let named = unsettled.into_iter().take(NAMED_PREDECESSORS);
        let mut causes: Vec<Cause> = named
            .map(|need| self.predecessor_cause(task_index, need))
            .collect();
        if let Some(last) = causes.last_mut().filter(|_| further > 0) {
            last.detail
                .push_str(&format!("; {further} more predecessors are not settled"));
        }
        causes
    }

    fn predecessor_cause(&self, task_index: TaskIndex, need: &Predecessor) -> Cause {
        let stored = self.instance.task(need.task);
        let row = stored.map(|row| (row.state, row.reason.as_deref()));
        let shown = display_state(self.plan, self.instance.record().state, need.task, row);
        Cause {
            kind: CauseKind::Predecessor,
            detail: format!(
                "task `{}` is {}; this task waits for {}",
                self.task_name(need.task),
                shown.state,
                need.on.awaited()
            ),
            since: self.times_of(task_index).entered_at,
            until: None,
            link: Some(self.link_to_task(need.task)),
        }
    }
}
