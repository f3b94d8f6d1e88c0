//! The words about workflows and the start of an instance.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use primitives::units::parse_duration;

/// The project of a workflow.
#[derive(Debug, Clone, Args)]
pub struct InProject {
    /// Project of the workflow
    #[arg(long, value_name = "PROJECT", default_value = "default")]
    pub project: String,
}

#[derive(Debug, Subcommand)]
pub enum WorkflowCommand {
    /// Store documents; an unchanged one makes no new version
    Apply {
        /// A document, a folder of documents, or `-` for stdin
        #[arg(
            short = 'f',
            long = "file",
            value_name = "FILE|DIR",
            required_unless_present = "misplaced"
        )]
        files: Vec<PathBuf>,
        /// Project; the document must not name another [default: the document's, or default]
        #[arg(long)]
        project: Option<String>,
        /// Only check
        #[arg(long)]
        dry_run: bool,
        /// Files that lack their `-f`; refused with a hint
        #[arg(hide = true)]
        misplaced: Vec<PathBuf>,
    },
    /// Check documents without a server
    Lint {
        /// A document, a folder of documents, or `-` for stdin
        #[arg(
            short = 'f',
            long = "file",
            value_name = "FILE|DIR",
            required_unless_present = "misplaced"
        )]
        files: Vec<PathBuf>,
        /// Files that lack their `-f`; refused with a hint
        #[arg(hide = true)]
        misplaced: Vec<PathBuf>,
    },
    /// List the workflows of a project
    List(InProject),
    /// Print one; `-o yaml` gives its source text
    Get {
        /// Name of the workflow
        workflow: String,
        /// Another version than the last
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        #[command(flatten)]
        place: InProject,
    },
    /// List the versions of one
    Versions {
        /// Name of the workflow
        workflow: String,
        #[command(flatten)]
        place: InProject,
    },
    /// Store an earlier version again as the newest
    Restore {
        /// Name of the workflow
        workflow: String,
        /// The version
        version: u32,
        #[command(flatten)]
        place: InProject,
    },
    /// Store the newest version under another name or in another project
    #[command(group = ArgGroup::new("target").args(["to_project", "name"]).multiple(true).required(true))]
    Copy {
        /// Name of the workflow
        workflow: String,
        /// Project of the copy [default: the same]
        #[arg(long, value_name = "PROJECT")]
        to_project: Option<String>,
        /// Name of the copy [default: the same]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        place: InProject,
    },
    /// Print the documents of a project as one stream that `apply` reads
    Export {
        /// Names of the workflows [default: all]
        workflows: Vec<String>,
        #[command(flatten)]
        place: InProject,
    },
    /// Let one be started again
    Enable {
        /// Name of the workflow
        workflow: String,
        #[command(flatten)]
        place: InProject,
    },
    /// Keep one from being started; what runs continues
    Disable {
        /// Name of the workflow
        workflow: String,
        #[command(flatten)]
        place: InProject,
    },
    /// Delete one
    Delete {
        /// Name of the workflow
        workflow: String,
        /// Also when documents of other workflows name it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        place: InProject,
    },
}

/// Which tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Every task
    All,
    /// Only the named ones
    Only,
    /// The named ones with everything before them
    Upstream,
    /// The named ones with everything after them
    Downstream,
}

/// How an instance is started.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("waits").args(["wait", "follow"]).multiple(true))]
pub struct RunArgs {
    /// Name of the workflow
    pub workflow: String,
    #[command(flatten)]
    pub place: InProject,
    /// A parameter of the start
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub params: Vec<(String, String)>,
    /// Another version than the last
    #[arg(long, value_name = "N")]
    pub version: Option<u32>,
    /// A task to begin with; may be repeated
    #[arg(long = "task", value_name = "TASK")]
    pub tasks: Vec<String>,
    /// What runs, seen from the named tasks
    #[arg(long, value_enum)]
    pub scope: Option<Scope>,
    /// What a failure means for the others: continue or end
    #[arg(long, value_name = "STRATEGY")]
    pub failure_strategy: Option<String>,
    /// highest, high, medium, low or lowest
    #[arg(long)]
    pub priority: Option<String>,
    /// Worker group of the tasks that name none
    #[arg(long, value_name = "NAME")]
    pub worker_group: Option<String>,
    /// Every task succeeds at once, no process is started
    #[arg(long)]
    pub dry_run: bool,
    /// The instant that dates are relative to; with an offset, like 2026-01-31T08:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub scheduled_at: Option<String>,
    /// IANA name of the zone of dates [default: the workflow's, else the server's]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// The longest time for which it may be queued, for example 10m [default: the workflow's]
    #[arg(long, value_name = "DURATION")]
    pub start_within: Option<String>,
    /// An instance that has ended: what succeeded there and is still the same is not run again
    #[arg(long, value_name = "ID")]
    pub continue_from: Option<String>,
    /// A label of the instance, besides those of the workflow
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair)]
    pub labels: Vec<(String, String)>,
    /// Wait until it rests: exit 0 when it succeeded, else 1
    #[arg(long)]
    pub wait: bool,
    /// Show states and logs until it rests
    #[arg(long)]
    pub follow: bool,
    /// Stop waiting after this time: exit 1, or 6 when the server is away then
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "waits")]
    pub timeout: Option<Duration>,
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("should be NAME=VALUE".to_owned()),
    }
}

/// The task type of imported tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportType {
    /// Sleeps for the scaled runtime
    Shell,
    /// Does nothing
    Noop,
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Print a WfCommons instance as a workflow document
    Wfcommons {
        /// The WfFormat file
        file: PathBuf,
        /// Factor of the runtimes
        #[arg(long, value_name = "F", default_value_t = 1.0)]
        scale: f64,
        /// Type of the tasks
        #[arg(long = "type", value_enum, default_value_t = ImportType::Shell)]
        task_type: ImportType,
    },
}
