//! The rule by which an edge lets its successor start.

use crate::ids::TaskIndex;
use crate::states::TaskState;

/// What an edge waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerRule {
    /// The predecessor succeeded.
    OnSuccess,
}

/// What a rule makes of the state of a predecessor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeState {
    /// The successor waits for the predecessor.
    Waiting,
    /// The successor may start, as far as this edge is concerned.
    Open,
}

/// An edge to a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The successor.
    pub task: TaskIndex,
    /// What it waits for.
    pub rule: TriggerRule,
}

/// What a disabled task counts as from the moment at which it would start.
pub const DISABLED_COUNTS_AS: TaskState = TaskState::Succeeded;

impl TriggerRule {
    /// Every rule.
    pub const ALL: &'static [Self] = &[Self::OnSuccess];

    /// Decides about an edge by the state of its predecessor: the one home of that rule.
    pub fn edge_state(self, predecessor: TaskState) -> EdgeState {
        match (self, predecessor) {
            (Self::OnSuccess, TaskState::Succeeded | TaskState::ForcedSuccess | TaskState::Skipped) => {
                EdgeState::Open
            }
            (
                Self::OnSuccess,
                TaskState::Pending
                | TaskState::Delayed
                | TaskState::Waiting
                | TaskState::Dispatched
                | TaskState::Running
                | TaskState::WaitingRetry
                | TaskState::Failed
                | TaskState::Killed
                | TaskState::NotRun,
            ) => EdgeState::Waiting,
        }
    }

    /// Whether a change of the predecessor opens the edge.
    pub(super) fn opens(self, (from, to): (TaskState, TaskState)) -> bool {
        self.edge_state(from) == EdgeState::Waiting && self.edge_state(to) == EdgeState::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_opens_an_edge_on_success() {
        let open: Vec<TaskState> = TaskState::ALL
            .iter()
            .copied()
            .filter(|state| TriggerRule::OnSuccess.edge_state(*state) == EdgeState::Open)
            .collect();
        let successes = [TaskState::Succeeded, TaskState::ForcedSuccess, TaskState::Skipped];
        assert_eq!(open, successes);
    }

    #[test]
    fn an_edge_opens_once() {
        let rule = TriggerRule::OnSuccess;
        assert!(rule.opens((TaskState::Running, TaskState::Succeeded)));
        assert!(!rule.opens((TaskState::Succeeded, TaskState::Succeeded)));
        assert!(!rule.opens((TaskState::Running, TaskState::Failed)));
    }
}
