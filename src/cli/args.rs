//! The words of the command line.

use clap::{Args, Parser, Subcommand};

mod admin;
mod instance;
mod node;
mod workflow;

pub(super) use admin::{
    ContextCommand, FailoverCommand, LoginArgs, NodeCommand, Permission, ProjectCommand, TokenCommand,
    UserCommand,
};
pub(super) use instance::{InstanceCommand, VerbArgs};
pub(super) use node::{ConfigCommand, DatabaseFlags, DbCommand, DoctorArgs, NodeFlags, ServeFlags};
pub(super) use workflow::{ImportCommand, ImportType, InProject, RunArgs, WorkflowCommand};

use super::output::Format;

/// A distributed workflow scheduler that never loses, doubles or strands a run.
#[derive(Debug, Parser)]
#[command(
    name = "porpoise",
    version,
    arg_required_else_help = true,
    propagate_version = false
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every client command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// Address of the server [default: PORPOISE_URL, the context, http://127.0.0.1:7070]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) url: Option<String>,
    /// How things are printed
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one process with every role
    Standalone(NodeFlags),
    /// Run one node of a cluster
    Serve(ServeFlags),
    /// Bring the schema of the database up to date
    #[command(subcommand)]
    Db(DbCommand),
    /// The configuration of this process
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Workflow definitions
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    /// Start an instance of a workflow; prints its id
    Run(Box<RunArgs>),
    /// Workflow instances
    #[command(subcommand)]
    Instance(InstanceCommand),
    /// Projects and who may do what in them
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Users
    #[command(subcommand)]
    User(UserCommand),
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
    /// Turn documents of other systems into workflow documents
    #[command(subcommand)]
    Import(ImportCommand),
    /// Print the server's OpenAPI description
    Openapi,
    /// Print the version of this program
    Version,
    /// Print a completion script
    Completion {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Check this machine, the server and the token, and say what to do
    Doctor(DoctorArgs),
}
