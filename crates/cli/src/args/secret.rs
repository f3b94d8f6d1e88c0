//! The words about secrets.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use primitives::units::parse_duration;

/// A secret of a project.
#[derive(Debug, Args)]
pub struct OneSecret {
    /// Name of the secret
    pub secret: String,
    /// Project of the secret
    #[arg(long, value_name = "PROJECT", default_value = "default")]
    pub project: String,
}

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// List the secrets of a project; their values are never shown
    List {
        /// Project of the secrets
        #[arg(long, value_name = "PROJECT", default_value = "default")]
        project: String,
    },
    /// Print who set one, and when
    Get(OneSecret),
    /// Set the value of one: from stdin, without a line break at its end, or from a file as it is
    Set {
        #[command(flatten)]
        one: OneSecret,
        /// File whose bytes are the value
        #[arg(long, value_name = "FILE")]
        from_file: Option<PathBuf>,
    },
    /// Delete one that no current document names
    Delete(OneSecret),
    /// Encrypt every stored value again under the first key of the server's key file, and wait for the end
    Rotate {
        /// Stop waiting after this time: exit 1, or 6 when the server is away then
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        timeout: Option<Duration>,
    },
}
