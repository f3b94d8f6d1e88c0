//! The words about groups of users.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// List groups with their members
    List,
    /// Show one
    Get {
        /// Name of the group
        group: String,
    },
    /// Make one, or replace its members
    Set {
        /// Name of the group
        group: String,
        /// A user in it; once for each
        #[arg(long = "member", value_name = "USER")]
        members: Vec<String>,
    },
    /// Delete one; its members stay
    Delete {
        /// Name of the group
        group: String,
    },
}
