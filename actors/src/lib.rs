//! The actors that run workflow instances: mailboxes, timers and effects round the pure `engine`.
//!
//! The world is reached through the traits in `ports`; the messages between masters and workers are in
//! `protocol`, the same over both transports.

pub mod ports;
pub mod protocol;
