//! The commands that work on this machine's node: its database, its configuration, its health.

pub(crate) mod args;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod doctor;
