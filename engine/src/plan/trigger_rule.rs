//! The rule by which the edges of a task decide whether it starts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::TaskIndex;
use crate::states::{TaskState, UnknownName, named};

named!(
    /// What an edge waits for; a choice of documents.
    TriggerRule {
        /// The predecessor succeeded.
        OnSuccess = "succeeded",
        /// The predecessor failed, or was killed.
        OnFailure = "failed",
        /// The predecessor is settled, whatever became of it.
        OnSettled = "done",
    }
);

/// What became of a settled task, as far as the edges to its successors are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded, or a person declared it a success; a task with branches chose all of them.
    Succeeded,
    /// It succeeded, and chose the branch of this number.
    Chose(u32),
    /// It failed and is not tried again, or was killed.
    Failed,
    /// It failed before an attempt of it could start.
    FailedUnstarted,
    /// Its edges, or those of a predecessor, were not taken.
    Skipped,
    /// It can never start in this run, because a predecessor failed.
    NeverStarts,
}

/// What a rule makes of a predecessor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeState {
    /// The successor waits for the predecessor.
    Waiting,
    /// The successor may start, as far as this edge is concerned.
    Open,
    /// The successor is skipped, unless another edge is dead.
    Closed,
    /// The successor can never start in this run.
    Dead,
    /// The edge decides nothing, unless all edges are void.
    Void,
    /// The predecessor chose other tasks: the successor is skipped, whatever its other edges are.
    TurnedDown,
}

/// An edge to a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The successor.
    pub task: TaskIndex,
    /// What it waits for.
    pub rule: TriggerRule,
    /// Whether a branch of the predecessor names the successor.
    pub naming: Naming,
    /// Whether the successor handles failures of the predecessor, where these can be handled.
    pub handles: bool,
}

/// Whether a branch of the predecessor names the successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// None does: it runs whatever is chosen.
    Unnamed,
    /// One does.
    Named,
}

/// What the edges of a task decide together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It waits for a predecessor.
    Undecided,
    /// It starts.
    Starts,
    /// It is skipped.
    Skipped,
    /// It can never start in this run.
    NeverStarts,
}

/// How many of the edges to a task are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EdgeCounts {
    waiting: u32,
    open: u32,
    closed: u32,
    dead: u32,
    void: u32,
    turned_down: u32,
    /// Those of the waiting edges whose predecessors may still turn the task down.
    undecided_choices: u32,
}

/// What is counted of one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EdgeTally {
    /// The edges to it.
    pub edges: EdgeCounts,
    /// The tasks that handle its failure and have started, or still may; 0 when its failure cannot be handled.
    pub handlers: u32,
}

/// What a disabled task counts as from the moment at which it would start.
const DISABLED_COUNTS_AS: Outcome = Outcome::Succeeded;

impl TriggerRule {
    /// Names what an edge waits for, in a sentence about the successor.
    pub(crate) fn awaited(self) -> &'static str {
        match self {
            Self::OnSuccess => "its success",
            Self::OnFailure => "its failure",
            Self::OnSettled => "its end",
        }
    }

    /// Decides about an edge by what became of its predecessor; none while that is not settled.
    pub fn edge_state(self, predecessor: Option<Outcome>) -> EdgeState {
        match (self, predecessor) {
            (Self::OnSuccess | Self::OnFailure | Self::OnSettled, None) => EdgeState::Waiting,
            (Self::OnSuccess | Self::OnFailure | Self::OnSettled, Some(Outcome::Skipped)) => EdgeState::Void,
            (Self::OnSuccess | Self::OnSettled, Some(Outcome::Succeeded | Outcome::Chose(_)))
            | (Self::OnFailure | Self::OnSettled, Some(Outcome::Failed | Outcome::FailedUnstarted))
            | (Self::OnSettled, Some(Outcome::NeverStarts)) => EdgeState::Open,
            (Self::OnFailure, Some(Outcome::Succeeded | Outcome::Chose(_))) => EdgeState::Closed,
            (Self::OnSuccess, Some(Outcome::Failed | Outcome::FailedUnstarted | Outcome::NeverStarts))
            | (Self::OnFailure, Some(Outcome::NeverStarts)) => EdgeState::Dead,
        }
    }
}

impl EdgeCounts {
    /// Counts edges whose predecessors are not settled; `choices` of them may turn the task down.
    pub(crate) fn waiting(edges: usize, choices: u32) -> Self {
        Self {
            waiting: u32::try_from(edges).unwrap_or(u32::MAX),
            undecided_choices: choices,
            ..Self::default()
        }
    }

    /// Moves one edge from a state to another.
    pub(crate) fn shift(&mut self, naming: Naming, from: EdgeState, to: EdgeState) {
        *self.count_mut(from) -= 1;
        *self.count_mut(to) += 1;
        if naming == Naming::Named {
            self.undecided_choices -= u32::from(from == EdgeState::Waiting);
            self.undecided_choices += u32::from(to == EdgeState::Waiting);
        }
    }

    fn count_mut(&mut self, state: EdgeState) -> &mut u32 {
        match state {
            EdgeState::Waiting => &mut self.waiting,
            EdgeState::Open => &mut self.open,
            EdgeState::Closed => &mut self.closed,
            EdgeState::Dead => &mut self.dead,
            EdgeState::Void => &mut self.void,
            EdgeState::TurnedDown => &mut self.turned_down,
        }
    }

    /// Decides about the task. That it was turned down decides at once, and so does a dead edge when nothing can turn it
    /// down any more; everything else decides when all predecessors are settled, so that their order changes nothing.
    pub fn verdict(self) -> Verdict {
        if self.turned_down > 0 {
            Verdict::Skipped
        } else if self.dead > 0 && self.undecided_choices == 0 {
            Verdict::NeverStarts
        } else if self.waiting > 0 {
            Verdict::Undecided
        } else if self.closed > 0 || (self.void > 0 && self.open == 0) {
            Verdict::Skipped
        } else {
            Verdict::Starts
        }
    }
}

/// What the edges from a task depend on, as far as its row says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskFate {
    /// Its state.
    pub(crate) state: TaskState,
    /// Whether an attempt of this run has started.
    pub(crate) has_started: bool,
    /// The branch that it chose, by number.
    pub(crate) branch: Option<u32>,
}

/// Returns what became of an enabled task, by its row, or by its edges while it has not started; none while it is not
/// settled. A task that a pause or a stop kept from starting is not.
pub(super) fn outcome_of_enabled(fate: TaskFate, verdict: Verdict) -> Option<Outcome> {
    match fate.state {
        TaskState::Succeeded => Some(fate.branch.map_or(Outcome::Succeeded, Outcome::Chose)),
        TaskState::ForcedSuccess => Some(Outcome::Succeeded),
        TaskState::Failed | TaskState::Killed if fate.has_started => Some(Outcome::Failed),
        TaskState::Failed | TaskState::Killed => Some(Outcome::FailedUnstarted),
        TaskState::Skipped => Some(Outcome::Skipped),
        TaskState::Delayed
        | TaskState::Waiting
        | TaskState::Dispatched
        | TaskState::Running
        | TaskState::WaitingRetry => None,
        TaskState::Pending | TaskState::NotRun => match verdict {
            Verdict::Undecided | Verdict::Starts => None,
            Verdict::Skipped => Some(Outcome::Skipped),
            Verdict::NeverStarts => Some(Outcome::NeverStarts),
        },
    }
}

/// Returns what became of a disabled task, which never starts and so has only its edges.
pub(super) fn outcome_of_disabled(verdict: Verdict) -> Option<Outcome> {
    match verdict {
        Verdict::Undecided => None,
        Verdict::Starts => Some(DISABLED_COUNTS_AS),
        Verdict::Skipped => Some(Outcome::Skipped),
        Verdict::NeverStarts => Some(Outcome::NeverStarts),
    }
}

/// Returns what became of a disabled task that has a `when`, which is asked before it is passed.
pub(super) fn outcome_of_disabled_with_when(state: TaskState, verdict: Verdict) -> Option<Outcome> {
    match (state, verdict) {
        (TaskState::Skipped, _) => Some(Outcome::Skipped),
        (TaskState::Failed, _) => Some(Outcome::FailedUnstarted),
        (TaskState::NotRun, Verdict::Starts) => Some(DISABLED_COUNTS_AS),
        (_, Verdict::Starts) => None,
        (_, verdict) => outcome_of_disabled(verdict),
    }
}

/// Whether a task that handles failures has started, or still may.
pub(crate) fn may_handle(outcome: Option<Outcome>) -> bool {
    !matches!(
        outcome,
        Some(Outcome::Skipped | Outcome::NeverStarts | Outcome::FailedUnstarted)
    )
}

/// Whether a task in this state is a failure of its instance, unless another task handles it.
pub(crate) fn is_failure(state: TaskState) -> bool {
    matches!(state, TaskState::Failed | TaskState::Killed)
}

/// Whether a failure stands against its instance: it has no handler, or none that has started or still may.
pub(crate) fn stands(state: TaskState, handlers: u32) -> bool {
    is_failure(state) && handlers == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTCOMES: [Outcome; 6] = [
        Outcome::Succeeded,
        Outcome::Chose(0),
        Outcome::Failed,
        Outcome::FailedUnstarted,
        Outcome::Skipped,
        Outcome::NeverStarts,
    ];

    #[test]
    fn each_rule_decides_about_each_outcome() {
        use EdgeState::{Closed, Dead, Open, Void};
        let row = |rule: TriggerRule| OUTCOMES.map(|outcome| rule.edge_state(Some(outcome)));
        assert_eq!(row(TriggerRule::OnSuccess), [Open, Open, Dead, Dead, Void, Dead]);
        assert_eq!(
            row(TriggerRule::OnFailure),
            [Closed, Closed, Open, Open, Void, Dead]
        );
        assert_eq!(row(TriggerRule::OnSettled), [Open, Open, Open, Open, Void, Open]);
        for rule in TriggerRule::ALL {
            assert_eq!(rule.edge_state(None), EdgeState::Waiting);
        }
    }

    fn verdict_of(states: &[EdgeState]) -> Verdict {
        let mut counts = EdgeCounts::waiting(states.len(), 0);
        for state in states {
            counts.shift(Naming::Unnamed, EdgeState::Waiting, *state);
        }
        counts.verdict()
    }

    #[test]
    fn a_dead_edge_decides_at_once_and_all_others_together() {
        use EdgeState::{Closed, Dead, Open, TurnedDown, Void, Waiting};
        for (states, verdict) in [
            (&[][..], Verdict::Starts),
            (&[Open, Void], Verdict::Starts),
            (&[Dead, Waiting, Closed], Verdict::NeverStarts),
            (&[Open, Closed], Verdict::Skipped),
            (&[Closed, Waiting], Verdict::Undecided),
            (&[Void, Void], Verdict::Skipped),
            (&[Void, Waiting], Verdict::Undecided),
            (&[TurnedDown, Waiting, Dead, Open], Verdict::Skipped),
        ] {
            assert_eq!(verdict_of(states), verdict, "{states:?}");
        }
    }

    #[test]
    fn a_dead_edge_waits_for_choices() {
        let mut counts = EdgeCounts::waiting(2, 1);
        counts.shift(Naming::Unnamed, EdgeState::Waiting, EdgeState::Dead);
        assert_eq!(counts.verdict(), Verdict::Undecided);
        let mut chosen = counts;
        chosen.shift(Naming::Named, EdgeState::Waiting, EdgeState::Open);
        assert_eq!(chosen.verdict(), Verdict::NeverStarts);
        counts.shift(Naming::Named, EdgeState::Waiting, EdgeState::TurnedDown);
        assert_eq!(counts.verdict(), Verdict::Skipped);
    }

    #[test]
    fn what_a_pause_or_a_stop_kept_from_starting_is_not_settled() {
        let fate = TaskFate {
            state: TaskState::NotRun,
            has_started: false,
            branch: None,
        };
        assert_eq!(outcome_of_enabled(fate, Verdict::Starts), None);
        assert_eq!(
            outcome_of_enabled(fate, Verdict::NeverStarts),
            Some(Outcome::NeverStarts)
        );
    }
}
