//! The words about alerts and their rules.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Which alerts are listed; everything given must hold.
#[derive(Debug, Args)]
pub struct ListAlertsArgs {
    /// Of this project
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Of this workflow
    #[arg(long, value_name = "WORKFLOW")]
    pub workflow: Option<String>,
    /// Of this event, for example failed or late
    #[arg(long, value_name = "EVENT")]
    pub event: Option<String>,
    /// With a delivery in this state: waiting, delivered, failed or silenced
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// From this time on, for example 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Until this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// How many at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

#[derive(Debug, Subcommand)]
pub enum AlertCommand {
    /// List alerts, the newest first
    List(ListAlertsArgs),
    /// Print one with its deliveries
    Get {
        /// Id of the alert
        id: String,
    },
    /// Try its failed deliveries again
    Retry {
        /// Id of the alert
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum RuleCommand {
    /// Print the rules of a project, or of the server
    Get {
        /// Project of the rules; without it those of the server
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
    },
    /// Replace the rules of a project, or of the server
    Set {
        /// YAML or JSON with `rules:`, a list as `notify:` of a document; - for stdin
        file: PathBuf,
        /// Project of the rules; without it those of the server
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
    },
}
