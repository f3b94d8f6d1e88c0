//! The words about instances.

use std::time::Duration;

use clap::{Args, Subcommand};
use primitives::units::parse_duration;

use super::workflow::{Scope, pair};

/// An instance and what is done to it.
#[derive(Debug, Args)]
pub struct VerbArgs {
    /// Id of the instance
    pub id: String,
    /// Why, for the audit log
    #[arg(long)]
    pub reason: Option<String>,
    /// How long to wait for the owner
    #[arg(long, value_name = "TIME", default_value = "20s")]
    pub wait: String,
}

/// A task of an instance and what is done to it.
#[derive(Debug, Args)]
pub struct TaskVerbArgs {
    #[command(flatten)]
    pub verb: VerbArgs,
    /// Name of the task
    #[arg(long)]
    pub task: String,
}

/// An instance.
#[derive(Debug, Args)]
pub struct OneInstance {
    /// Id of the instance
    pub id: String,
}

/// What is explained.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Id of the instance
    pub id: String,
    /// Only this task of it
    #[arg(long)]
    pub task: Option<String>,
}

/// Which logs of an instance are printed.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Id of the instance
    pub id: String,
    /// Only of this task
    #[arg(long)]
    pub task: Option<String>,
    /// Another attempt than the last
    #[arg(long, value_name = "N", requires = "task")]
    pub attempt: Option<u32>,
    /// Every attempt, with its number before each line: `TASK/N | …`
    #[arg(long, conflicts_with = "attempt")]
    pub all_attempts: bool,
    /// Print every attempt as it runs, until the instance rests
    #[arg(short, long)]
    pub follow: bool,
    /// Give up after this time: exit 1, or 6 when the server is away then
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "follow")]
    pub timeout: Option<Duration>,
}

/// Which instances are listed.
#[derive(Debug, Args)]
pub struct ListInstancesArgs {
    /// Only these states; may be repeated
    #[arg(long)]
    pub state: Vec<String>,
    /// Only of this workflow
    #[arg(long)]
    pub workflow: Option<String>,
    /// Only of this version
    #[arg(long, value_name = "N")]
    pub version: Option<u32>,
    /// Only of this project
    #[arg(long)]
    pub project: Option<String>,
    /// Only those owned by this host
    #[arg(long)]
    pub host: Option<String>,
    /// Only those started by this: api, schedule, backfill, sub_workflow or dynamic
    #[arg(long, value_name = "TYPE")]
    pub trigger: Option<String>,
    /// Only those that a schedule of this name started
    #[arg(long, value_name = "NAME")]
    pub schedule: Option<String>,
    /// Only those of this backfill
    #[arg(long, value_name = "ID")]
    pub backfill: Option<String>,
    /// Only those that this instance started
    #[arg(long, value_name = "ID")]
    pub parent: Option<String>,
    /// Only those started for this user
    #[arg(long, value_name = "USER")]
    pub requested_by: Option<String>,
    /// Only those with this label
    #[arg(long, value_name = "NAME:VALUE")]
    pub label: Option<String>,
    /// Only those scheduled for this time or later; with an offset, like 2026-01-31T08:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub scheduled_from: Option<String>,
    /// Only those scheduled for this time or earlier
    #[arg(long, value_name = "WHEN")]
    pub scheduled_to: Option<String>,
    /// Only those created at this time or later
    #[arg(long, value_name = "WHEN")]
    pub created_from: Option<String>,
    /// Only those created at this time or earlier
    #[arg(long, value_name = "WHEN")]
    pub created_to: Option<String>,
    /// At most this many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

#[derive(Debug, Subcommand)]
pub enum InstanceCommand {
    /// List instances, newest first
    List(Box<ListInstancesArgs>),
    /// Print one
    Get(OneInstance),
    /// List its tasks
    Tasks(OneInstance),
    /// List the instances that one of its tasks started, and those that are still to start
    Children {
        /// Id of the instance
        id: String,
        /// Name of the task
        #[arg(long)]
        task: String,
        /// Only these states, `pending` for those still to start; may be repeated
        #[arg(long)]
        state: Vec<String>,
        /// At most this many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Print changes of state until it rests
    Watch {
        /// Id of the instance
        id: String,
        /// Give up after this time: exit 1, or 6 when the server is away then
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        timeout: Option<Duration>,
    },
    /// Print the output of its tasks: of each the last attempt
    Logs(LogsArgs),
    /// List its changes of state, oldest first
    History(OneInstance),
    /// Print why it waits, or one of its tasks
    Explain(ExplainArgs),
    /// Print who owned it, and why
    Ownership(OneInstance),
    /// Start nothing more; what runs may end
    Pause(VerbArgs),
    /// Go on after a pause or a stop
    Resume(VerbArgs),
    /// Kill what runs
    Stop(VerbArgs),
    /// Run what failed again, then what follows
    Recover(VerbArgs),
    /// Run everything again
    Rerun {
        #[command(flatten)]
        verb: VerbArgs,
        /// A parameter that replaces that of the start; may be repeated
        #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = pair)]
        params: Vec<(String, String)>,
    },
    /// Say how urgent an open one is: highest, high, medium, low or lowest
    Priority {
        #[command(flatten)]
        verb: VerbArgs,
        /// The new priority
        priority: String,
    },
    /// Count a failed task as succeeded
    ForceSuccess(TaskVerbArgs),
    /// Kill the attempt of a task, which is not tried again
    KillTask(TaskVerbArgs),
    /// Count a task as succeeded, whatever it does
    SkipTask(TaskVerbArgs),
    /// Run a task of one that has ended, whatever became of the others
    RunTask {
        #[command(flatten)]
        task: TaskVerbArgs,
        /// What runs beside it [default: downstream]
        #[arg(long, value_enum)]
        scope: Option<Scope>,
    },
    /// Try a task again, then what follows it
    RetryTask {
        #[command(flatten)]
        task: TaskVerbArgs,
        /// A parameter of the task, for this and later attempts; may be repeated
        #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = pair)]
        params: Vec<(String, String)>,
        /// An environment variable of the task; may be repeated
        #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
        env: Vec<(String, String)>,
        /// The limit of one attempt, like 10m
        #[arg(long, value_name = "TIME")]
        timeout: Option<String>,
    },
    /// Delete one that is final
    Delete(OneInstance),
}
