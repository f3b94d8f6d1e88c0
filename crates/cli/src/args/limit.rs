//! The words about named limits.

use clap::{Args, Subcommand};

/// Where a limit is.
#[derive(Debug, Clone, Args)]
pub struct LimitPlace {
    /// Project of the limit
    #[arg(long, value_name = "PROJECT", default_value = "default")]
    pub project: String,
    /// The shared ones, which tasks of every project may name
    #[arg(long, conflicts_with = "project")]
    pub shared: bool,
}

/// A limit as it is set: what is not given has its default.
#[derive(Debug, Args)]
pub struct SetLimitArgs {
    /// Name of the limit
    pub limit: String,
    #[command(flatten)]
    pub place: LimitPlace,
    /// How many slots tasks may hold together; with 0 no task starts
    #[arg(long, value_name = "N")]
    pub slots: u32,
    /// It limits nothing until it is set without this
    #[arg(long)]
    pub disabled: bool,
    /// For people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

/// A waiting task that is let over a limit.
#[derive(Debug, Args)]
pub struct ForceLimitArgs {
    /// Name of the limit
    pub limit: String,
    #[command(flatten)]
    pub place: LimitPlace,
    /// Instance of the task
    #[arg(long, value_name = "ID")]
    pub instance: String,
    /// The task
    #[arg(long, value_name = "TASK")]
    pub task: String,
}

#[derive(Debug, Subcommand)]
pub enum LimitCommand {
    /// List the limits of a project, or the shared ones
    List(LimitPlace),
    /// Print one
    Get {
        /// Name of the limit
        limit: String,
        #[command(flatten)]
        place: LimitPlace,
    },
    /// Make or replace one
    Set(SetLimitArgs),
    /// Delete one that no current document names
    Delete {
        /// Name of the limit
        limit: String,
        #[command(flatten)]
        place: LimitPlace,
    },
    /// List the tasks that hold its slots, then those that wait for it
    Queue {
        /// Name of the limit
        limit: String,
        #[command(flatten)]
        place: LimitPlace,
    },
    /// Let a waiting task start over it; the task counts
    Force(ForceLimitArgs),
}
