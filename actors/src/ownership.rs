//! Which node owns which instance: supervision, take-over and rebalancing.

pub mod balance_actor;
pub mod balance_plan;
mod children;
mod death_confirmation;
pub mod failover_actor;
pub mod failover_deps;
mod failover_records;
mod handover;
mod heartbeat_watch;
pub mod master_actor;
mod orphans;
mod reachability_plan;
mod reconcile;
mod reports;
pub(crate) mod single_flight;
mod worker_reachability;
