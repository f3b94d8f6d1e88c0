//! The words about the deletion of what is old.

use std::time::Duration;

use clap::Args;
use primitives::units::parse_duration;

/// What is deleted.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Instances that ended longer ago than this, for example 30d
    #[arg(long, value_name = "TIME")]
    pub older_than: String,
    /// Only of this project
    #[arg(long)]
    pub project: Option<String>,
    /// Only these states; may be repeated
    #[arg(long = "state", value_name = "STATE")]
    pub states: Vec<String>,
    /// Only count
    #[arg(long)]
    pub dry_run: bool,
    /// Stop waiting after this time: exit 1, or 6 when the server is away then
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "dry_run")]
    pub timeout: Option<Duration>,
}
