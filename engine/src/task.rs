//! The lifecycle of one task instance.
//!
//! ```text
//!            ready            delay passed           slot             started
//! pending ---------> delayed --------------> waiting ---------> dispatched -----> running
//!    |                  |      ready            ^  ^               |    |            |
//!    |------------------|---------------------->|  |- not started -|    |--- ended --|
//!    |                  |                       |  |- lost --------|-----------------|
//!    | ready, in the owner                      |                                    |
//!    |------------------|---- running           | retry due                          |
//!                                         waiting_retry <------ failed, tries left --|
//!                                                                                    |
//!                       succeeded | failed | killed <--------------------------------|
//!
//! edges:             pending -> skipped, not_run
//! suspend (pausing): delayed, waiting -> not_run;  waiting_retry stays, without a due time;  what waits in the owner
//!                    -> not_run with an open attempt, which ready continues (see `watch`)
//! end (stopping):    delayed, waiting -> not_run;  waiting_retry -> killed;  open attempts get a kill cause
//! force:             what is no success -> forced_success; an open attempt gets a kill cause first
//! reset:             by a command on the instance -> pending (not a step; see `instance`)
//! ```
//!
//! `step` is the whole machine. Events name the attempt that they mean; any other is ignored with a reason.

#![deny(clippy::wildcard_enum_match_arm)]

mod attempts;
mod display;
mod ends;
mod force;
mod machine;
mod owner_attempts;
mod progress;
mod report;
mod row;
mod step;
mod transitions;
mod wait;
mod watch;

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;

pub use machine::step;
pub use progress::Progress;
pub use report::TaskReport;
pub use row::{Attempt, Task, Worker};
pub use step::{InstanceMode, StepContext, TaskEffect, TaskEvent, TaskStep};
pub use wait::Wait;
pub(crate) use watch::goal_of;
pub use watch::{
    ApprovalDecision, ApprovalVerdict, ChildrenSeen, DependenciesSeen, Observation, Opening, WatchGoal,
    WatchStep, WatchedAttempt,
};
