//! The actors that run workflow instances: mailboxes, timers and effects round the pure `engine`.
//!
//! Adapters and test fakes implement the traits in `ports`; `protocol` holds what masters and workers send each other,
//! the same over both transports.

pub mod exit_on_panic;
pub mod messages;

pub mod execution;
pub mod membership;
pub mod ownership;
pub mod scheduling;
pub mod worker;

pub mod in_process;

pub mod alerting;
pub mod bootstrap;
pub mod local;
pub mod node_deps;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
