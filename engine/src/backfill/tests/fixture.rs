//! A backfill whose store is this process.

use std::fmt::Write as _;

use crate::backfill::*;
use crate::ids::InstanceId;
use crate::states::InstanceState;

/// A backfill with what its instances do.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) backfill: Backfill,
    pub(super) next_instance: i64,
    /// Instances of others that exist for a date, by position.
    pub(super) existing: Vec<(u32, InstanceId)>,
    pub(super) obstacle: Option<String>,
    /// Whether the instances that dates are skipped for have not succeeded.
    pub(super) skipped_for_failure: bool,
}

pub(super) fn record(parallelism: u32) -> BackfillRecord {
    BackfillRecord {
        control: BackfillControl::Active,
        version: 1,
        parallelism,
        on_failure: OnFailure::Continue,
        existing: ExistingPolicy::Run,
        reason: None,
    }
}

impl World {
    pub(super) fn new(dates: usize, record: BackfillRecord) -> Self {
        Self {
            backfill: Backfill {
                record,
                dates: vec![BackfillDate::waiting(); dates],
            },
            next_instance: 1,
            existing: Vec::new(),
            obstacle: None,
            skipped_for_failure: false,
        }
    }

    /// Lets the dates whose turn came start, until nothing is left to be decided.
    pub(super) fn settle(&mut self) -> Vec<BackfillChanges> {
        let mut decided = Vec::new();
        loop {
            let summary = self.backfill.summary();
            let count = match pending_work(&self.backfill.record, &summary) {
                PendingWork::Nothing => return decided,
                PendingWork::Start { places } => places as usize,
                PendingWork::Close => 0,
            };
            let turns = self.backfill.next_positions(count).into_iter();
            let turns = turns.map(|position| DateTurn {
                position,
                existing: self
                    .existing
                    .iter()
                    .find(|(at, _)| *at == position)
                    .map(|(_, id)| *id),
                obstacle: self.obstacle.clone(),
                prerequisites: self.prerequisites(position),
            });
            let event = BackfillEvent::Turns(turns.collect());
            let changes = decide(&self.backfill.record, &summary, &event).unwrap();
            let is_done = changes.is_settled || changes.dates.is_empty();
            self.apply(&changes);
            decided.push(changes);
            if is_done {
                return decided;
            }
        }
    }

    pub(super) fn command(&mut self, command: BackfillCommand) -> Result<BackfillChanges, BackfillRefusal> {
        let event = BackfillEvent::Command(command);
        let changes = decide(&self.backfill.record, &self.backfill.summary(), &event)?;
        self.apply(&changes);
        Ok(changes)
    }

    fn apply(&mut self, changes: &BackfillChanges) {
        let next = &mut self.next_instance;
        apply(&mut self.backfill, changes, |_| {
            *next += 1;
            InstanceId(*next - 1)
        });
    }

    /// The instance of a date ends, or is run again.
    pub(super) fn instance_becomes(&mut self, position: usize, state: InstanceState) {
        let instance = self.backfill.dates[position].instance.unwrap();
        follow_instance(&mut self.backfill, instance, state, None);
    }

    fn prerequisites(&self, position: u32) -> Prerequisites {
        let date = &self.backfill.dates[position as usize];
        let states: Vec<DateState> = self.backfill.awaited_states(date).collect();
        if states.iter().any(|state| state.is_retried()) {
            Prerequisites::Unmet
        } else if self.skipped_for_failure && states.contains(&DateState::Skipped) {
            Prerequisites::Skipped
        } else {
            Prerequisites::Met
        }
    }

    /// Makes the last date one of a dependent that runs after all others.
    pub(super) fn with_dependent(mut self) -> Self {
        let last = u32::try_from(self.backfill.dates.len() - 1).unwrap();
        self.backfill.dates.push(BackfillDate {
            awaited: Some(AwaitedDates { first: 0, last }),
            ..BackfillDate::waiting()
        });
        self
    }

    pub(super) fn running(&self) -> Vec<usize> {
        self.positions(DateState::Running)
    }

    pub(super) fn positions(&self, state: DateState) -> Vec<usize> {
        let dates = self.backfill.dates.iter().enumerate();
        dates
            .filter(|(_, date)| date.state == state)
            .map(|(position, _)| position)
            .collect()
    }

    /// The states of the dates in one line, behind that of the backfill.
    pub(super) fn line(&self) -> String {
        let mut line = format!("{}:", self.backfill.state());
        for date in &self.backfill.dates {
            write!(line, " {}", date.state).unwrap();
        }
        line
    }
}
