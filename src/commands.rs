//! The commands that work on this machine's node: its database, its configuration, its health; and how the command
//! line is explained.

pub(crate) mod args;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod doctor;
pub(crate) mod usage;
