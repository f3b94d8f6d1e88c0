//! The words about connections.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where a connection is.
#[derive(Debug, Clone, Args)]
pub struct ConnectionPlace {
    /// Project of the connection
    #[arg(long, value_name = "PROJECT", default_value = "default")]
    pub project: String,
    /// The shared ones, which projects use that they are granted to
    #[arg(long, conflicts_with = "project")]
    pub shared: bool,
}

/// One connection.
#[derive(Debug, Args)]
pub struct OneConnection {
    /// Name of the connection
    pub connection: String,
    #[command(flatten)]
    pub place: ConnectionPlace,
}

/// A connection as it is set.
#[derive(Debug, Args)]
pub struct SetConnectionArgs {
    #[command(flatten)]
    pub one: OneConnection,
    /// YAML or JSON with `type` and its fields, or `-` for stdin; a secret field that is left out keeps its value
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
}

/// A test of a connection.
#[derive(Debug, Args)]
pub struct TestConnectionArgs {
    /// Name of a stored connection
    #[arg(required_unless_present = "file")]
    pub connection: Option<String>,
    #[command(flatten)]
    pub place: ConnectionPlace,
    /// Test what this file describes, or stdin with `-`, and store nothing
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["connection", "shared"])]
    pub file: Option<PathBuf>,
}

/// Which projects may use a shared connection.
#[derive(Debug, Args)]
pub struct GrantConnectionArgs {
    /// Name of the shared connection
    pub connection: String,
    /// The project
    #[arg(
        long,
        value_name = "PROJECT",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub to: Option<String>,
    /// Every project
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Subcommand)]
pub enum ConnectionCommand {
    /// List the connections that a project may use, or the shared ones
    List(ConnectionPlace),
    /// Print one; of secret fields only that they are set
    Get(OneConnection),
    /// Make or replace one
    Set(SetConnectionArgs),
    /// Delete one that no current document names
    Delete(OneConnection),
    /// Let a worker connect and log in; the exit code is 1 when that fails
    Test(TestConnectionArgs),
    /// Let a project use a shared one
    Grant(GrantConnectionArgs),
    /// Take a grant back
    Revoke(GrantConnectionArgs),
    /// List the types with the fields of each
    Types,
}
