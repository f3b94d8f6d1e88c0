//! The lifecycle of one workflow instance.
//!
//! ```text
//!                 pause              nothing runs
//! queued   running -----> pausing --------------> paused
//!    |      |    ^           |                     |  |
//!    |      |    '-----------|------ resume -------'  |
//!    | stop | stop           | stop                   | stop
//!    '------'----------------'--------> stopping <----'
//!           |                |             |
//!   nothing runs, nothing waits            | every kill is confirmed
//!           |                |             |
//!   succeeded | failed   succeeded | failed     stopped | succeeded
//!
//! recover (failed, stopped), rerun (final), resume (stopped), run and retry of a task (final): running again, with the
//! next run
//! force-success, skip of a task (final): stays, or succeeded when every task counts as a success
//! ending (a failure with strategy `end`, or the time limit) is a part of running and pausing: running attempts
//! are killed, then `failed`
//! ```
//!
//! A `StepBatch` decides any number of events on a borrowed instance; its changes are committed, then folded in by
//! `apply`; its effects are done after that, and `pending_effects` derives them again from what is stored.

#![deny(clippy::wildcard_enum_match_arm)]

mod apply;
mod arguments;
mod changes;
mod commands;
mod completion;
mod continuation;
mod counters;
mod display;
mod draft;
mod edge_reasons;
mod effect;
mod effect_requests;
mod ending;
mod event;
mod event_collector;
mod expression_scope;
mod history;
mod limit_rows;
mod machine;
mod next_run;
mod opening;
mod pending_effects;
mod preview;
mod reasons;
mod record;
mod refusal;
mod row_overlay;
mod seen_params;
mod state;
mod timers;
mod when;

#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
#[cfg(test)]
pub(crate) use tests::fixture as tests_support;

pub use apply::{apply, next_plan};
pub use arguments::CommandArguments;
pub use changes::{Changes, OperationDecision, RaisedEvent, Reset, Transition};
pub use continuation::{EndedInstance, ReusedRows};
pub use counters::{Counters, TaskCounts};
pub use effect::Effect;
pub use event::{Event, Operation};
pub use machine::{SlotDemand, StepBatch};
pub use pending_effects::pending_effects;
pub use preview::preview_command;
pub use record::InstanceRecord;
pub use refusal::find_refusal;
pub use seen_params::{ParamLayer, SeenParam, seen_params};
pub use state::{Instance, InstanceRows};
