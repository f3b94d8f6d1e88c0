//! The worker of this node: runs each accepted attempt at most once, with reports until its owner has stored the end.
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
mod journal_queue;
mod leases;
mod messages;
mod owners;
mod replay;
mod send_queue;
mod slot_pool;
mod task_actor;
mod tracked_attempt;
mod waiting_masters;
mod worker_actor;

pub use config::{WorkerConfig, WorkerPorts};
pub use handle::{KILL_BEFORE, WorkerHandle, start};

#[cfg(test)]
mod tests;
