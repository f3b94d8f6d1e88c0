//! The words about backfills.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use primitives::units::parse_duration;

use super::workflow::{InProject, Scope, pair};

/// The order in which the dates of a backfill run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DateOrder {
    /// Oldest first
    Ascending,
    /// Newest first
    Descending,
}

/// What the failure of a date means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DateFailure {
    /// They run
    Continue,
    /// Those that have not started do not run
    Stop,
}

/// What becomes of dates that have run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExistingRuns {
    /// They run again
    Run,
    /// Those that succeeded are skipped
    SkipSucceeded,
    /// They are skipped
    SkipAll,
}

/// Which workflows run after the dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dependents {
    /// None
    None,
    /// Those with a `dependent` task on this one
    Direct,
}

/// A backfill as it is made.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("when").args(["from", "dates"]).required(true))]
pub struct NewBackfillArgs {
    /// Name of the workflow
    pub workflow: String,
    #[command(flatten)]
    pub place: InProject,
    /// First possible date
    #[arg(long, value_name = "WHEN", requires = "to")]
    pub from: Option<String>,
    /// Last possible date
    #[arg(long, value_name = "WHEN", requires = "from")]
    pub to: Option<String>,
    /// A date, in place of a range; may be repeated
    #[arg(long = "date", value_name = "WHEN", conflicts_with_all = ["from", "to"])]
    pub dates: Vec<String>,
    /// Schedule that gives the dates [default: every enabled one]
    #[arg(long, value_name = "NAME")]
    pub schedule: Option<String>,
    /// Another version than the last
    #[arg(long, value_name = "N")]
    pub version: Option<u32>,
    /// IANA name of the zone of its times
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Instances that are open at the same time [default: 1]
    #[arg(long, value_name = "N")]
    pub parallelism: Option<u32>,
    /// Order of the dates
    #[arg(long, value_enum)]
    pub order: Option<DateOrder>,
    /// What a failure means for dates that have not started
    #[arg(long, value_enum)]
    pub on_failure: Option<DateFailure>,
    /// What becomes of dates that have run before
    #[arg(long, value_enum)]
    pub existing: Option<ExistingRuns>,
    /// Which workflows run after the dates
    #[arg(long, value_enum)]
    pub dependents: Option<Dependents>,
    /// A parameter of the starts
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// A task to begin with; may be repeated
    #[arg(long = "task", value_name = "TASK")]
    pub tasks: Vec<String>,
    /// What runs, seen from the named tasks
    #[arg(long, value_enum)]
    pub scope: Option<Scope>,
    /// highest, high, medium, low or lowest
    #[arg(long)]
    pub priority: Option<String>,
    /// Worker group of the tasks that name none
    #[arg(long, value_name = "NAME")]
    pub worker_group: Option<String>,
    /// What a failure means for the others of an instance: continue or end
    #[arg(long, value_name = "STRATEGY")]
    pub failure_strategy: Option<String>,
    /// For people
    #[arg(long)]
    pub description: Option<String>,
    /// Every task of the instances succeeds at once, no process is started
    #[arg(long)]
    pub dry_instances: bool,
    /// Only print the dates
    #[arg(long, conflicts_with = "wait")]
    pub dry_run: bool,
    /// Wait for its end, also while it is paused: exit 0 when it succeeded, else 1
    #[arg(long)]
    pub wait: bool,
    /// Stop waiting after this time: exit 1, or 6 when the server is away then
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "wait")]
    pub timeout: Option<Duration>,
}

/// A backfill.
#[derive(Debug, Args)]
pub struct OneBackfill {
    /// Id of the backfill
    pub id: String,
}

#[derive(Debug, Subcommand)]
pub enum BackfillCommand {
    /// Run a workflow for dates of the past or the future
    Create(Box<NewBackfillArgs>),
    /// List backfills, newest first
    List {
        /// Only of this project
        #[arg(long)]
        project: Option<String>,
        /// Only of this workflow
        #[arg(long)]
        workflow: Option<String>,
        /// Only these states; may be repeated
        #[arg(long)]
        state: Vec<String>,
        /// At most this many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Print one
    Get(OneBackfill),
    /// List its dates, in the order of running
    Dates {
        /// Id of the backfill
        id: String,
        /// Only these states; may be repeated
        #[arg(long)]
        state: Vec<String>,
        /// At most this many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 0)]
        limit: usize,
    },
    /// Start no further date; what runs continues
    Pause(OneBackfill),
    /// Continue after a pause
    Resume(OneBackfill),
    /// Change how many instances are open at the same time
    Parallelism {
        /// Id of the backfill
        id: String,
        /// 1 to 1000
        parallelism: u32,
    },
    /// Drop the dates that have not started
    Cancel {
        /// Id of the backfill
        id: String,
        /// Stop what runs, too
        #[arg(long)]
        stop_running: bool,
    },
    /// Run the dates again that failed, were stopped or did not run
    Retry {
        /// Id of the backfill
        id: String,
        /// Another version than that of the backfill
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
}
