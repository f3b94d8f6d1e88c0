//! The worker of this node: accepts attempts, runs each at most once, and reports to the owner until that is stored.
//!
//! `WorkerActor` performs the effects of its parts, one `TaskActor` runs one attempt. Masters reach it through
//! `WorkerHandle`, directly or by way of an HTTP adapter.

mod attempts;
mod closed_attempts;
mod config;
mod drain;
mod handle;
mod isolation;
mod jobs;
pub mod journal;
mod journal_queue;
mod leases;
mod messages;
mod owners;
mod paths;
mod replay;
mod send_queue;
mod slot_pool;
mod task_actor;
mod tracked_attempt;
mod waiting_masters;
mod worker_actor;

pub use config::{WorkerConfig, WorkerPorts};
pub use handle::{KILL_BEFORE, WorkerHandle, start};
pub use paths::{AttemptPaths, log_file};

#[cfg(test)]
mod tests;
