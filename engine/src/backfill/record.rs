//! A backfill and its dates.

use super::dependents::AwaitedDates;
use super::states::{BackfillControl, BackfillState, DateState, ExistingPolicy, OnFailure};
use crate::ids::InstanceId;

/// What decides about a backfill, besides its dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillRecord {
    /// What users decided about the whole.
    pub control: BackfillControl,
    /// The version that instances from now on are of.
    pub version: i64,
    /// The most instances that are open at a time.
    pub parallelism: u32,
    /// What an instance that does not succeed means for dates that have not started.
    pub on_failure: OnFailure,
    /// What an instance that exists means for a date.
    pub existing: ExistingPolicy,
    /// Why the next date does not start although a place is free, in words.
    pub reason: Option<String>,
}

/// What decisions need to know of all dates; cheap to read, however many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DateSummary {
    /// A date is `waiting`.
    pub has_waiting: bool,
    /// The number of dates that are `running`.
    pub running: u32,
    /// A date is `failed` or `stopped`.
    pub has_failed: bool,
    /// A date is `not_run`.
    pub has_not_run: bool,
}

impl DateSummary {
    /// Derives the state of a backfill from what users decided and from its dates.
    pub fn backfill_state(&self, control: BackfillControl) -> BackfillState {
        match control {
            BackfillControl::Cancelled => BackfillState::Cancelled,
            BackfillControl::Paused => BackfillState::Paused,
            BackfillControl::Active if self.has_waiting || self.running > 0 => BackfillState::Running,
            BackfillControl::Active if self.has_failed || self.has_not_run => BackfillState::Failed,
            BackfillControl::Active => BackfillState::Succeeded,
        }
    }
}

/// A waiting date whose turn may come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateTurn {
    /// Its place in the order of running, from 0.
    pub position: u32,
    /// The instance that its backfill's policy lets it be skipped for.
    pub existing: Option<InstanceId>,
    /// Why it cannot start now, in words.
    pub obstacle: Option<String>,
    /// What became of the dates that it runs after.
    pub prerequisites: Prerequisites,
}

/// What became of the dates that a date runs after, once all of them have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prerequisites {
    /// Each succeeded, or was skipped for an instance that succeeded; a date of the backfill's own workflow has none.
    Met,
    /// One was skipped for an instance that did not succeed.
    Skipped,
    /// One ended otherwise.
    Unmet,
    /// The workflow that would run after them was deleted.
    Deleted,
}

/// One date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillDate {
    /// Its state.
    pub state: DateState,
    /// Its newest instance, or the one that it was skipped for.
    pub instance: Option<InstanceId>,
    /// Why it is in its state, in words.
    pub reason: Option<String>,
    /// The dates that it runs after; none for those of the backfill's own workflow.
    pub awaited: Option<AwaitedDates>,
}

impl BackfillDate {
    /// Makes a date whose turn has not come.
    pub fn waiting() -> Self {
        Self {
            state: DateState::Waiting,
            instance: None,
            reason: None,
            awaited: None,
        }
    }
}

/// A whole backfill, as the store holds it: the model that the store is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// What decides about it.
    pub record: BackfillRecord,
    /// Its dates in the order of running.
    pub dates: Vec<BackfillDate>,
}

impl Backfill {
    /// Summarises the dates.
    pub fn summary(&self) -> DateSummary {
        let mut summary = DateSummary::default();
        for date in &self.dates {
            match date.state {
                DateState::Waiting => summary.has_waiting = true,
                DateState::Running => summary.running += 1,
                DateState::Failed | DateState::Stopped => summary.has_failed = true,
                DateState::NotRun => summary.has_not_run = true,
                DateState::Succeeded | DateState::Skipped => {}
            }
        }
        summary
    }

    /// Returns its state.
    pub fn state(&self) -> BackfillState {
        self.summary().backfill_state(self.record.control)
    }

    /// Returns the positions of the first waiting dates whose prerequisites are decided.
    pub fn next_positions(&self, count: usize) -> Vec<u32> {
        let positions = (0..).zip(&self.dates);
        let ready = positions.filter(|(_, date)| {
            date.state == DateState::Waiting && !self.awaited_states(date).any(DateState::is_open)
        });
        ready.map(|(position, _)| position).take(count).collect()
    }

    /// Returns the states of the dates that a date runs after.
    pub fn awaited_states(&self, date: &BackfillDate) -> impl Iterator<Item = DateState> {
        let range = date
            .awaited
            .map_or(0..0, |awaited| awaited.first as usize..awaited.last as usize + 1);
        let awaited = self.dates.get(range).unwrap_or_default();
        awaited
            .iter()
            .filter(|date| date.awaited.is_none())
            .map(|date| date.state)
    }
}
