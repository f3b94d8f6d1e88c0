//! Why a task or an instance waits, from its stored rows and the rows around it.
//!
//! What waits follows from the same decisions that make it wait: the edges of the plan, the wait of a task, the state of
//! the instance. Nothing here is stored, so that it can be answered while no owner is there to ask.

#![deny(clippy::wildcard_enum_match_arm)]

mod cause;
mod instance_causes;
mod limit_causes;
mod place_causes;
mod situation;
mod slot_causes;
mod surroundings;
mod task_causes;
mod watch_causes;
mod watched_attempt;

pub use cause::{Cause, CauseKind, Link};
pub use situation::{Situation, explained_tasks};
pub use surroundings::{
    ChangeTimes, ChildInstance, GroupSlots, GroupWorker, HeldPlaces, LimitShortage, OwnerSituation,
    PlaceShortage, SlotHolder, Surroundings,
};
