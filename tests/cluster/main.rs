//! Clusters of real processes: nodes of the built program, PostgreSQL and Consul; what happens to their work
//! when nodes come, go and die, and a checker that reads everything they left behind.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that meets the unexpected should fail"
)]
#![allow(unreachable_pub, reason = "the one crate of these tests has no public face")]

mod balance;
mod checker;
mod consul;
mod cut_off;
mod cuts;
mod death;
mod door;
mod faults;
mod fixture;
mod flapping;
mod history;
mod members;
mod network;
mod partitions;
#[path = "../equipment/postgres.rs"]
mod postgres;
#[path = "../equipment/probes.rs"]
mod probes;
mod process;
mod proxy;
mod quorum;
mod random;
mod refusals;
mod registry;
#[path = "../equipment/rest.rs"]
mod rest;
mod restored;
mod silence;
mod unheard;
mod verbs;
mod workers;
