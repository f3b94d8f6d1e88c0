//! Folds what is committed into a backfill.

use super::changes::{BackfillChanges, DateDecision};
use super::record::{Backfill, BackfillDate};
use super::states::DateState;
use crate::ids::InstanceId;
use crate::states::InstanceState;

/// Folds committed changes in; `new_instance` gives the instance of each date that started.
pub fn apply(
    backfill: &mut Backfill,
    changes: &BackfillChanges,
    mut new_instance: impl FnMut(u32) -> InstanceId,
) {
    if let Some(record) = &changes.record {
        backfill.record = record.clone();
    }
    if let Some(sweep) = &changes.sweep {
        let touched = backfill.dates.iter_mut().filter(|date| sweep.touches(date.state));
        for date in touched {
            date.state = sweep.target();
            date.reason = sweep.reason().map(str::to_owned);
        }
    }
    for decision in &changes.dates {
        let position = decision.position();
        let (state, instance, reason) = match decision {
            DateDecision::Start { .. } => (DateState::Running, Some(new_instance(position)), None),
            DateDecision::Close { state, reason, .. } => (*state, None, Some(reason.clone())),
            DateDecision::Skip { instance, reason, .. } => {
                (DateState::Skipped, Some(*instance), Some(reason.clone()))
            }
        };
        if let Some(date) = backfill.dates.get_mut(position as usize) {
            *date = BackfillDate {
                state,
                instance,
                reason,
                awaited: date.awaited,
            };
        }
    }
}

/// Lets the date whose newest instance this is follow its state. A skipped date shows an instance of another trigger,
/// which it does not follow.
pub fn follow_instance(
    backfill: &mut Backfill,
    instance: InstanceId,
    state: InstanceState,
    reason: Option<&str>,
) {
    let is_its_own =
        |date: &&mut BackfillDate| date.instance == Some(instance) && date.state != DateState::Skipped;
    for date in backfill.dates.iter_mut().filter(is_its_own) {
        let followed = DateState::of_instance(state);
        date.state = followed;
        date.reason = reason.filter(|_| !followed.is_open()).map(str::to_owned);
    }
}
