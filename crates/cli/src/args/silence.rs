//! The words about silences of alerts.

use clap::{Args, Subcommand};

/// A silence as it is set; all that is given must match.
#[derive(Debug, Args)]
pub struct SetSilenceArgs {
    /// Name of the silence
    pub silence: String,
    /// Only alerts of this project; without it those of all, which needs an operator
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Only alerts of workflows of this name
    #[arg(long, value_name = "WORKFLOW")]
    pub workflow: Option<String>,
    /// Only this event, for example `failed`
    #[arg(long, value_name = "EVENT")]
    pub event: Option<String>,
    /// When it ends, RFC 3339 with an offset; at most a year ahead
    #[arg(long, value_name = "TIME")]
    pub until: String,
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// List silences
    List,
    /// Make or replace one: alerts that match are stored and not sent
    Set(SetSilenceArgs),
    /// Delete one
    Delete {
        /// Name of the silence
        silence: String,
    },
}
