//! Clusters of real processes: nodes of the built program, PostgreSQL and Consul; what happens to their work
//! when nodes come, go and die, and a checker that reads everything they left behind.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that meets the unexpected should fail"
)]
#![allow(unreachable_pub, reason = "the one crate of these tests has no public face")]

mod alerts;
mod backfills;
mod balance;
mod blocked_links;
mod checker;
mod children;
mod commands;
mod consul_quorum;
mod cut_off;
mod database_crashes;
mod faults;
mod fixture;
mod flapping;
mod graceful_close;
mod history;
mod master_crash;
mod network;
mod partitioned_masters;
mod partitioned_workers;
mod process;
mod proxy;
mod random_faults;
mod refused_paths;
mod registry;
mod restored_database;
mod rolling_membership;
mod rolling_restarts;
mod scenario;
mod schedules;
mod startup_refusals;
mod unreachable_workers;
mod worker_crash;
