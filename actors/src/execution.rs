//! Running instances: the workflow actors, the only writer of their state, and the way to workers.

pub mod assignment;
mod attempt_look;
pub mod child_requests;
mod child_starts;
mod child_watch;
mod commit_queue;
pub mod db_actor;
pub mod dispatch_actor;
mod effects;
mod exit_notice;
mod inbox_reader;
pub mod instance_loader;
mod instance_metrics;
pub mod instance_notices;
pub mod last_activity;
pub mod lease_grants;
pub mod limit_actor;
pub mod limit_board;
pub mod loading;

mod commit_cycle;
mod dispatch_queue;
pub mod reachability;
mod recovery_query;
mod running_instance;
mod slot_queue;
mod slot_table;
pub mod slots;
mod watches;
mod worker_directory;
mod worker_replies;
pub mod worker_selection;
pub mod workflow_actor;
pub mod workflow_deps;
mod write_verdict;
