//! The words of the command line.

use clap::{Args, Subcommand};

mod admin;
mod approval;
mod backfill;
mod calendar;
mod channel;
mod connection;
mod group;
mod instance;
mod limit;
mod retention;
mod schedule;
mod secret;
mod silence;
mod workflow;

pub(crate) use admin::{
    ContextCommand, FailoverCommand, LoginArgs, NodeCommand, Permission, ProjectCap, ProjectCommand,
    SetupLinkArgs, TokenCommand, UserCommand,
};
pub(crate) use approval::ApprovalCommand;
pub(crate) use backfill::{BackfillCommand, NewBackfillArgs};
pub(crate) use calendar::{CalendarCommand, CalendarPlace, SetCalendarArgs};
pub(crate) use channel::{ChannelCommand, ChannelPlace};
pub(crate) use connection::{
    ConnectionCommand, ConnectionPlace, GrantConnectionArgs, SetConnectionArgs, TestConnectionArgs,
};
pub(crate) use group::GroupCommand;
pub(crate) use instance::{
    ExplainArgs, InstanceCommand, ListInstancesArgs, LogsArgs, TaskVerbArgs, VerbArgs,
};
pub(crate) use limit::{ForceLimitArgs, LimitCommand, LimitPlace, SetLimitArgs};
pub use retention::CleanArgs;
pub(crate) use schedule::{
    CountArgs, OneSchedule, PreviewArgs, ScheduleCommand, SetScheduleArgs, TimingArgs,
};
pub(crate) use secret::{OneSecret, SecretCommand};
pub(crate) use silence::{SetSilenceArgs, SilenceCommand};
pub(crate) use workflow::{ImportCommand, ImportType, InProject, RunArgs, WorkflowCommand};

use super::output::Format;

/// What every client command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Address of the server [default: PORPOISE_URL, the context, http://127.0.0.1:7070]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// How things are printed
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// The commands that talk to a server, or only to files of workflows.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Workflow definitions
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    /// Start an instance of a workflow; prints its id
    Run(Box<RunArgs>),
    /// Workflow instances
    #[command(subcommand)]
    Instance(InstanceCommand),
    /// Schedules of workflows
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Runs of a workflow for many dates
    #[command(subcommand)]
    Backfill(BackfillCommand),
    /// What waits for the decision of a person
    #[command(subcommand)]
    Approval(ApprovalCommand),
    /// Dates on which schedules may fire
    #[command(subcommand)]
    Calendar(CalendarCommand),
    /// Databases, hosts and services that tasks use
    #[command(subcommand)]
    Connection(ConnectionCommand),
    /// Limits of tasks that run at the same time
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Secrets of projects, for their tasks
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Where alerts are sent
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Which alerts are stored and not sent
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// Projects and who may do what in them
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Users
    #[command(subcommand)]
    User(UserCommand),
    /// Groups of users
    #[command(subcommand)]
    Group(GroupCommand),
    /// API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Nodes of the cluster
    #[command(subcommand)]
    Node(NodeCommand),
    /// Take-overs of dead nodes
    #[command(subcommand)]
    Failover(FailoverCommand),
    /// Servers that this client knows
    #[command(subcommand)]
    Context(ContextCommand),
    /// Get a token by name and password and keep it in the context
    Login(LoginArgs),
    /// Print a link that sets the password of a user, once and within ten minutes
    SetupLink(SetupLinkArgs),
    /// Turn documents of other systems into workflow documents
    #[command(subcommand)]
    Import(ImportCommand),
    /// Print the server's OpenAPI description
    Openapi,
}
