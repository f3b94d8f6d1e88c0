//! The words about schedules.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::workflow::{InProject, pair};

/// A schedule of a workflow.
#[derive(Debug, Clone, Args)]
pub struct OneSchedule {
    /// Name of the workflow
    pub workflow: String,
    /// Name of the schedule
    pub schedule: String,
    #[command(flatten)]
    pub place: InProject,
}

/// When a schedule fires.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("recurrence").args(["cron", "every"]).required(true))]
pub struct TimingArgs {
    /// Fires at a fixed interval from --start on, for example 90m
    #[arg(long, value_name = "TIME", requires = "start")]
    pub every: Option<String>,
    /// IANA name of the zone of its times
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// First possible fire
    #[arg(long, value_name = "WHEN")]
    pub start: Option<String>,
    /// Last possible fire
    #[arg(long, value_name = "WHEN")]
    pub end: Option<String>,
    /// Calendar of the dates on which it fires
    #[arg(long, value_name = "NAME")]
    pub calendar: Option<String>,
}

/// Which missed fires are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissedFires {
    /// None
    Skip,
    /// The newest
    Latest,
    /// All of them, oldest first
    All,
}

/// A schedule as it is set: what is not given has its default.
#[derive(Debug, Args)]
pub struct SetScheduleArgs {
    #[command(flatten)]
    pub schedule: OneSchedule,
    /// Cron expression of 5, 6 (second first) or 7 (year last) fields, or for example @daily
    #[arg(long, value_name = "CRON")]
    pub cron: Option<String>,
    #[command(flatten)]
    pub timing: TimingArgs,
    /// Which fires are started that could not be started in time
    #[arg(long, value_enum)]
    pub missed: Option<MissedFires>,
    /// With --missed all: at most this many, the newest
    #[arg(long, value_name = "N")]
    pub missed_limit: Option<u32>,
    /// Longest delay of a start, fixed for each fire
    #[arg(long, value_name = "TIME")]
    pub jitter: Option<String>,
    /// A parameter of the starts
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// highest, high, medium, low or lowest
    #[arg(long)]
    pub priority: Option<String>,
    /// Worker group of the tasks that name none
    #[arg(long, value_name = "NAME")]
    pub worker_group: Option<String>,
    /// What a failure means for the others: continue or end
    #[arg(long, value_name = "STRATEGY")]
    pub failure_strategy: Option<String>,
    /// It does not fire until it is resumed
    #[arg(long)]
    pub disabled: bool,
}

/// How many fire times are shown, and after which time.
#[derive(Debug, Args)]
pub struct CountArgs {
    /// How many, 1 to 1000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub count: u32,
    /// Those after this time [default: now]
    #[arg(long, value_name = "WHEN")]
    pub after: Option<String>,
}

/// A schedule that is not stored.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Cron expression of 5, 6 (second first) or 7 (year last) fields, or for example @daily
    pub cron: Option<String>,
    #[command(flatten)]
    pub timing: TimingArgs,
    /// Project of the calendar
    #[arg(long, value_name = "PROJECT", requires = "calendar")]
    pub project: Option<String>,
    #[command(flatten)]
    pub count: CountArgs,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List schedules
    List {
        /// Only of this project
        #[arg(long)]
        project: Option<String>,
        /// Only of this workflow
        #[arg(long)]
        workflow: Option<String>,
        /// Only those that fire, or only those that do not
        #[arg(long, value_name = "true|false")]
        enabled: Option<bool>,
    },
    /// Print one
    Get(OneSchedule),
    /// Make one, or replace one that is not in a document
    Set(Box<SetScheduleArgs>),
    /// Keep one from firing
    Pause(OneSchedule),
    /// Let one fire again; fires of the time between are gone
    Resume(OneSchedule),
    /// Delete one that is not in a document
    Delete(OneSchedule),
    /// Print the next fire times of one
    Next {
        #[command(flatten)]
        schedule: OneSchedule,
        #[command(flatten)]
        count: CountArgs,
    },
    /// Print the fire times of an expression; without --calendar no server is needed
    Preview(Box<PreviewArgs>),
    /// List what became of its fires, newest first
    Fires {
        #[command(flatten)]
        schedule: OneSchedule,
        /// At most this many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
}
