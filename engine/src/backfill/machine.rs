//! The decisions about a backfill.

use super::changes::{BackfillChanges, DateDecision, DateSweep};
use super::command::{BackfillCommand, BackfillRefusal, StopMode};
use super::record::{BackfillRecord, DateSummary, DateTurn, Prerequisites};
use super::states::{BackfillControl, DateState, ExistingPolicy, OnFailure};

/// What can happen to a backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillEvent {
    /// A place may be free: the next waiting dates, in their order.
    Turns(Vec<DateTurn>),
    /// A user's command.
    Command(BackfillCommand),
}

/// What is to be decided about a stored backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingWork {
    /// Nothing, until an instance ends or a user acts.
    Nothing,
    /// Dates may start: this many places are free.
    Start {
        /// The number of free places, at least 1.
        places: u32,
    },
    /// Something is to be stored that needs no date.
    Close,
}

/// Derives what is to be decided from what is stored.
pub fn pending_work(record: &BackfillRecord, dates: &DateSummary) -> PendingWork {
    if !dates.has_waiting || stops_after_failure(record, dates) {
        return PendingWork::Close;
    }
    match record.control {
        BackfillControl::Paused | BackfillControl::Cancelled => PendingWork::Nothing,
        BackfillControl::Active => match record.parallelism.saturating_sub(dates.running) {
            0 => PendingWork::Nothing,
            places => PendingWork::Start { places },
        },
    }
}

/// Decides one event.
///
/// # Errors
/// The command cannot apply in the state of the backfill.
pub fn decide(
    record: &BackfillRecord,
    dates: &DateSummary,
    event: &BackfillEvent,
) -> Result<BackfillChanges, BackfillRefusal> {
    match event {
        BackfillEvent::Turns(turns) => Ok(decide_turns(record, dates, turns)),
        BackfillEvent::Command(command) => decide_command(record, dates, *command),
    }
}

fn stops_after_failure(record: &BackfillRecord, dates: &DateSummary) -> bool {
    record.on_failure == OnFailure::Stop && dates.has_failed && dates.has_waiting
}

fn decide_turns(record: &BackfillRecord, dates: &DateSummary, turns: &[DateTurn]) -> BackfillChanges {
    match pending_work(record, dates) {
        PendingWork::Nothing => BackfillChanges::default(),
        PendingWork::Close => BackfillChanges {
            sweep: dates.has_waiting.then(|| DateSweep::CloseWaiting {
                reason: "a date did not succeed, and the backfill stops then".to_owned(),
            }),
            record: with_reason(record, None),
            is_settled: true,
            ..BackfillChanges::default()
        },
        PendingWork::Start { places } => start_dates(record, turns, places),
    }
}

/// Starts, skips or closes dates in their order, until no place is free or one of them cannot start.
fn start_dates(record: &BackfillRecord, turns: &[DateTurn], mut places: u32) -> BackfillChanges {
    let mut decisions = Vec::new();
    let mut obstacle = None;
    for turn in turns {
        if places == 0 {
            break;
        }
        if let Some(decision) = close_date(turn) {
            decisions.push(decision);
            continue;
        }
        if let Some(reason) = &turn.obstacle {
            obstacle = Some(reason.clone());
            break;
        }
        decisions.push(skip_date(record.existing, turn).unwrap_or_else(|| {
            places -= 1;
            let position = turn.position;
            DateDecision::Start { position }
        }));
    }
    BackfillChanges {
        record: with_reason(record, obstacle),
        dates: decisions,
        ..BackfillChanges::default()
    }
}

/// Closes a date when one that it runs after has not succeeded.
fn close_date(turn: &DateTurn) -> Option<DateDecision> {
    let (state, reason) = match turn.prerequisites {
        Prerequisites::Met => return None,
        Prerequisites::Skipped => (
            DateState::Skipped,
            "a date that it runs after was skipped for an instance that has not succeeded",
        ),
        Prerequisites::Unmet => (DateState::NotRun, "a date that it runs after did not succeed"),
        Prerequisites::Deleted => (DateState::NotRun, "its workflow was deleted"),
    };
    Some(DateDecision::Close {
        position: turn.position,
        state,
        reason: reason.to_owned(),
    })
}

/// Skips a date when the policy says so for the instance that exists.
fn skip_date(policy: ExistingPolicy, turn: &DateTurn) -> Option<DateDecision> {
    let instance = turn.existing?;
    let reason = match policy {
        ExistingPolicy::Run => return None,
        ExistingPolicy::SkipSucceeded => format!("instance {instance} succeeded for this date"),
        ExistingPolicy::SkipAll => format!("instance {instance} exists for this date"),
    };
    Some(DateDecision::Skip {
        position: turn.position,
        instance,
        reason,
    })
}

/// Returns the record with another reason; none when it has that one.
fn with_reason(record: &BackfillRecord, reason: Option<String>) -> Option<BackfillRecord> {
    (record.reason != reason).then(|| BackfillRecord {
        reason,
        ..record.clone()
    })
}

fn decide_command(
    record: &BackfillRecord,
    dates: &DateSummary,
    command: BackfillCommand,
) -> Result<BackfillChanges, BackfillRefusal> {
    let (state, verb) = (dates.backfill_state(record.control), command.verb());
    if !verb.applies_in(state) {
        return Err(BackfillRefusal { verb, state });
    }
    let mut changes = BackfillChanges::default();
    let mut next = record.clone();
    match command {
        BackfillCommand::Pause => next.control = BackfillControl::Paused,
        BackfillCommand::Resume => next.control = BackfillControl::Active,
        BackfillCommand::SetParallelism(parallelism) => next.parallelism = parallelism,
        BackfillCommand::Cancel(mode) => {
            next.control = BackfillControl::Cancelled;
            changes.sweep = dates.has_waiting.then(|| DateSweep::CloseWaiting {
                reason: "the backfill was cancelled".to_owned(),
            });
            changes.stops_instances = mode == StopMode::StopRunning && dates.running > 0;
            changes.is_settled = dates.has_waiting;
        }
        BackfillCommand::Retry { version } => {
            next.control = BackfillControl::Active;
            next.version = version.unwrap_or(record.version);
            changes.sweep = Some(DateSweep::Retry);
        }
    }
    if !matches!(command, BackfillCommand::SetParallelism(_)) {
        next.reason = None;
    }
    changes.record = (next != *record).then_some(next);
    Ok(changes)
}
