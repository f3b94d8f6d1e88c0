//! A backfill: one workflow, run once for each of many dates.
//!
//! ```text
//!             its turn comes, a place is free          the instance ends
//! waiting ------------------------------------> running ----------------> succeeded | failed | stopped
//!    |   \                                         ^                                      |
//!    |    \-- an instance exists --> skipped       '---- recover, rerun by hand ----------'
//!    |
//!    '-- cancel; a date failed and the backfill stops then; a date that it runs after did not succeed --> not_run
//!
//! retry (backfill failed or cancelled): failed, stopped and not_run dates are waiting again
//! ```
//!
//! A date of a dependent has its turn when all dates that it runs after have ended, and waits beside the others until then.
//!
//! The state of a date that ran is that of its newest instance. The store follows it in the commit of the instance, so
//! decisions here need only a summary of the dates, and the dates whose turn comes. `decide` gives the changes, which are
//! committed under the backfill's revision, then folded in by `apply`; `pending_work` derives from what is stored what
//! is to be decided next.

#![deny(clippy::wildcard_enum_match_arm)]

mod apply;
mod changes;
mod command;
mod dates;
mod dependents;
mod machine;
mod record;
mod request;
mod states;

#[cfg(test)]
mod tests;

pub use apply::{apply, follow_instance};
pub use changes::{BackfillChanges, DateDecision, DateSweep};
pub use command::{BackfillCommand, BackfillRefusal, BackfillVerb, StopMode};
pub use dates::{DateRange, DateSource, DatesError, MAX_DATES, PlannedDate, plan_list, plan_range};
pub use dependents::{AwaitedDates, Dependency, DependentIntervals, PlannedDependent, PlannedRun, plan_runs};
pub use machine::{BackfillEvent, PendingWork, decide, pending_work};
pub use record::{Backfill, BackfillDate, BackfillRecord, DateSummary, DateTurn, Prerequisites};
pub use request::{BackfillRequest, DateSelection, parse_parallelism, parse_request};
pub use states::{
    BackfillControl, BackfillState, DateOrder, DateState, DependentsMode, ExistingPolicy, OnFailure,
};
