//! The types of connections, each defined in one file by the table of its fields.
//!
//! A type is one file below and one entry of [`CONNECTIONS`]; the parser, the JSON Schema and what a GET shows follow it.

pub mod http;
pub mod mysql;
pub mod postgresql;
pub mod smtp;
pub mod sqlite;
pub mod ssh;

mod common_fields;
mod resolved;
mod task_use;

#[cfg(test)]
mod tests;

pub use resolved::{InvalidConnection, ResolvedConnection};
pub use task_use::connection_of;

use crate::connector::ConnectorFamily;

/// Every type of connections, in the order in which they are listed for users.
pub const CONNECTIONS: &ConnectorFamily = &ConnectorFamily {
    noun: "connection",
    types: &[
        &postgresql::POSTGRESQL,
        &mysql::MYSQL,
        &sqlite::SQLITE,
        &http::HTTP,
        &smtp::SMTP,
        &ssh::SSH,
    ],
    common: common_fields::COMMON,
};

/// The group whose workers test a connection that names none.
pub const DEFAULT_WORKER_GROUP: &str = "default";
