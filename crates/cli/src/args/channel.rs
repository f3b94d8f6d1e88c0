//! The words about channels of alerts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where a channel is.
#[derive(Debug, Clone, Args)]
pub struct ChannelPlace {
    /// Project of the channel
    #[arg(long, value_name = "PROJECT", default_value = "default")]
    pub project: String,
    /// The shared ones, which rules of every project may name
    #[arg(long, conflicts_with = "project")]
    pub shared: bool,
}

#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// List the channels that rules of a project may name, or the shared ones
    List(ChannelPlace),
    /// Print one, without its secrets
    Get {
        /// Name of the channel
        channel: String,
        #[command(flatten)]
        place: ChannelPlace,
    },
    /// Make or replace one; secret fields that the file leaves out keep their values
    Set {
        /// Name of the channel
        channel: String,
        #[command(flatten)]
        place: ChannelPlace,
        /// Its type and fields in YAML or JSON; `-` is stdin
        #[arg(short = 'f', long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Delete one that no rule and no group names
    Delete {
        /// Name of the channel
        channel: String,
        #[command(flatten)]
        place: ChannelPlace,
    },
    /// Send a test message; exits with 1 when it is not delivered
    Test {
        /// Name of the channel
        channel: String,
        #[command(flatten)]
        place: ChannelPlace,
    },
}
