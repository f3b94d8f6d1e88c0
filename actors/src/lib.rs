//! The actors that run workflow instances: mailboxes, timers and effects round the pure `engine`.
//!
//! The world is reached through the traits in `ports`; the messages between masters and workers are in
//! `protocol`, the same over both transports.

pub mod clock;
pub mod condition;
pub mod hub;
pub mod ports;
pub mod protocol;

pub mod assembly;
pub mod balance;
pub mod db;
pub mod dispatch;
pub mod failover;
pub mod faults;
pub mod loads;
pub mod local;
pub mod master;
pub mod node;
pub mod peers;
pub mod pulse;
pub mod registry;
pub mod renewals;
pub mod slots;
pub mod vital;
pub mod workflow;

pub mod links;
pub mod worker;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
