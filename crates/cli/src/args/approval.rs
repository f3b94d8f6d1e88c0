//! The words about approvals.

use clap::Subcommand;

use super::instance::TaskVerbArgs;
use super::workflow::pair;

#[derive(Debug, Subcommand)]
pub enum ApprovalCommand {
    /// List what waits for a decision
    List {
        /// Only what you may decide
        #[arg(long)]
        mine: bool,
        /// Only of this project
        #[arg(long)]
        project: Option<String>,
        /// At most this many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Let a task that waits succeed
    Approve {
        #[command(flatten)]
        decision: TaskVerbArgs,
        /// For the history of the instance
        #[arg(long)]
        comment: Option<String>,
        /// An answer; may be repeated
        #[arg(long = "input", value_name = "NAME=VALUE", value_parser = pair)]
        inputs: Vec<(String, String)>,
    },
    /// Let a task that waits fail
    Reject {
        #[command(flatten)]
        decision: TaskVerbArgs,
        /// For the history of the instance
        #[arg(long)]
        comment: Option<String>,
    },
}
