//! The actors that run workflow instances: mailboxes, timers and effects round the pure `engine`.
//!
//! Adapters and test fakes implement the traits in `ports`; `protocol` holds what masters and workers send each other,
//! the same over both transports.

pub mod backoff;
pub mod clock;
pub mod exit_on_panic;
pub mod fail_points;
pub mod messages;
pub mod ports;
pub mod protocol;

pub mod execution;
pub mod membership;
pub mod ownership;
pub mod worker;

pub mod rpc;

pub mod bootstrap;
pub mod local;
pub mod node;
pub mod node_deps;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
