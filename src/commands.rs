//! The commands that work on this machine's node: its database, its configuration, its health.

pub(crate) mod args;
pub(crate) mod doctor;
pub(crate) mod server;
