//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::output::Format;
use crate::config::Flags;

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

/// Flags of a standalone process; each is also a key of the configuration.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct NodeFlags {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, the logs and the journal [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Address of REST and the web UI [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// postgres://… or sqlite://… [default: SQLite in the data folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Name of the node
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// Worker group that this node serves [default: default]
    #[arg(long, value_name = "NAME")]
    worker_group: Option<String>,
    /// Attempts at the same time [default: max(8, 4 x CPUs)]
    #[arg(long, value_name = "N")]
    slots: Option<String>,
    /// How long a drain may take [default: 30s]
    #[arg(long, value_name = "TIME")]
    drain_timeout: Option<String>,
}

/// Flags of a node of a cluster.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ServeFlags {
    #[command(flatten)]
    node: NodeFlags,
    /// Roles of this node [default: master,worker,api]
    #[arg(long, value_name = "ROLES")]
    roles: Option<String>,
    /// HTTP address of the Consul agent
    #[arg(long, value_name = "URL")]
    consul: Option<String>,
    /// Address between nodes [default: 127.0.0.1:7071]
    #[arg(long, value_name = "ADDR")]
    rpc_listen: Option<String>,
    /// HOST:PORT that other nodes use [default: the address between nodes]
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// File with the secret that all nodes share
    #[arg(long, value_name = "FILE")]
    cluster_secret_file: Option<String>,
}

impl NodeFlags {
    /// Returns what the flags say about the configuration.
    pub(super) fn into_flags(self) -> Flags {
        flags(
            self.config,
            [
                ("server.data", self.data),
                ("server.listen", self.listen),
                ("database.url", self.database_url),
                ("server.node_name", self.node_name),
                ("worker.group", self.worker_group),
                ("worker.slots", self.slots),
                ("server.drain_timeout", self.drain_timeout),
            ],
        )
    }
}

impl ServeFlags {
    /// Returns what the flags say about the configuration.
    pub(super) fn into_flags(self) -> Flags {
        let own = flags(
            None,
            [
                ("server.roles", self.roles),
                ("consul.url", self.consul),
                ("rpc.listen", self.rpc_listen),
                ("rpc.advertise", self.advertise),
                ("cluster.secret_file", self.cluster_secret_file),
            ],
        );
        let mut all = self.node.into_flags();
        all.values.extend(own.values);
        all
    }
}

fn flags<const N: usize>(file: Option<PathBuf>, values: [(&'static str, Option<String>); N]) -> Flags {
    let values = values
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
    Flags { file, values }
}

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Apply the schema changes that are missing
    Migrate {
        /// Only look: exit 1 when changes are missing
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        flags: DatabaseFlags,
    },
}

/// Where the database is.
#[derive(Debug, Clone, Args)]
pub(super) struct DatabaseFlags {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the SQLite database [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// postgres://… or sqlite://…
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl DatabaseFlags {
    /// Returns what the flags say about the configuration.
    pub(super) fn into_flags(self) -> Flags {
        flags(
            self.config,
            [("server.data", self.data), ("database.url", self.database_url)],
        )
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every key with its value
    Show {
        /// Also print where each value came from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        flags: Box<ServeFlags>,
    },
}

/// The project of a workflow.
#[derive(Debug, Clone, Args)]
pub(super) struct InProject {
    /// Project of the workflow
    #[arg(long, value_name = "PROJECT", default_value = "default")]
    pub(super) project: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum WorkflowCommand {
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
    /// Delete one
    Delete {
        /// Name of the workflow
        workflow: String,
        #[command(flatten)]
        place: InProject,
    },
}

/// Which tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scope {
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
pub(super) struct RunArgs {
    /// Name of the workflow
    pub(super) workflow: String,
    #[command(flatten)]
    pub(super) place: InProject,
    /// A parameter of the start
    #[arg(short = 'p', long = "param", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) params: Vec<(String, String)>,
    /// Another version than the last
    #[arg(long, value_name = "N")]
    pub(super) version: Option<u32>,
    /// A task to begin with; may be repeated
    #[arg(long = "task", value_name = "TASK")]
    pub(super) tasks: Vec<String>,
    /// What runs, seen from the named tasks
    #[arg(long, value_enum)]
    pub(super) scope: Option<Scope>,
    /// What a failure means for the others: continue or end
    #[arg(long, value_name = "STRATEGY")]
    pub(super) failure_strategy: Option<String>,
    /// highest, high, medium, low or lowest
    #[arg(long)]
    pub(super) priority: Option<String>,
    /// Worker group of the tasks that name none
    #[arg(long, value_name = "NAME")]
    pub(super) worker_group: Option<String>,
    /// Every task succeeds at once, no process is started
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Wait until it rests: exit 0 when it succeeded, else 1
    #[arg(long)]
    pub(super) wait: bool,
    /// Show states and logs until it rests
    #[arg(long)]
    pub(super) follow: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("should be NAME=VALUE".to_owned()),
    }
}

/// An instance and what is done to it.
#[derive(Debug, Args)]
pub(super) struct VerbArgs {
    /// Id of the instance
    pub(super) id: String,
    /// Why, for the audit log
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// How long to wait for the owner
    #[arg(long, value_name = "TIME", default_value = "20s")]
    pub(super) wait: String,
}

/// An instance.
#[derive(Debug, Args)]
pub(super) struct OneInstance {
    /// Id of the instance
    pub(super) id: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum InstanceCommand {
    /// List instances, newest first
    List {
        /// Only these states; may be repeated
        #[arg(long)]
        state: Vec<String>,
        /// Only of this workflow
        #[arg(long)]
        workflow: Option<String>,
        /// Only of this project
        #[arg(long)]
        project: Option<String>,
        /// Only those owned by this host
        #[arg(long)]
        host: Option<String>,
        /// At most this many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Print one
    Get(OneInstance),
    /// List its tasks
    Tasks(OneInstance),
    /// Print changes of state until it rests
    Watch(OneInstance),
    /// Print the output of its tasks
    Logs {
        /// Id of the instance
        id: String,
        /// Only of this task
        #[arg(long)]
        task: Option<String>,
        /// Another attempt than the last
        #[arg(long, value_name = "N", requires = "task")]
        attempt: Option<u32>,
        /// Go on until the instance rests
        #[arg(short, long)]
        follow: bool,
    },
    /// List its changes of state, oldest first
    History(OneInstance),
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
    Rerun(VerbArgs),
    /// Count a failed task as succeeded
    ForceSuccess {
        #[command(flatten)]
        verb: VerbArgs,
        /// Name of the task
        #[arg(long)]
        task: String,
    },
    /// Delete one that is final
    Delete(OneInstance),
}

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Permission {
    /// See
    Read,
    /// See and run
    Execute,
    /// See, run and change
    Write,
}

#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// List projects
    List,
    /// Print one
    Get {
        /// Name of the project
        project: String,
    },
    /// Make one
    Create {
        /// Name of the project
        project: String,
        /// For people
        #[arg(long)]
        description: Option<String>,
    },
    /// Change its description
    Update {
        /// Name of the project
        project: String,
        /// For people
        #[arg(long)]
        description: String,
    },
    /// Delete an empty one
    Delete {
        /// Name of the project
        project: String,
    },
    /// Let a user do something in it
    Grant {
        /// Name of the project
        project: String,
        /// Name of the user
        user: String,
        /// What is allowed
        permission: Permission,
    },
    /// Take a grant back
    Revoke {
        /// Name of the project
        project: String,
        /// Name of the user
        user: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// List users
    List,
    /// Print the user that the token belongs to
    Me,
    /// Make one; the password comes from PORPOISE_PASSWORD, the terminal or stdin
    Create {
        /// Name of the user
        name: String,
        /// May do everything
        #[arg(long)]
        admin: bool,
    },
    /// Set a new password, from PORPOISE_PASSWORD, the terminal or stdin
    Password {
        /// Name of the user
        name: String,
    },
    /// Delete one
    Delete {
        /// Name of the user
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// List tokens, without their secrets
    List,
    /// Make one; prints it once
    Create {
        /// What it is for
        name: String,
        /// For how long
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
    },
    /// Delete one
    Delete {
        /// Id of the token
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// List nodes
    List,
    /// Let one end its work and leave
    Drain {
        /// Incarnation of the node
        incarnation: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum FailoverCommand {
    /// List take-overs
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum ContextCommand {
    /// List contexts
    List,
    /// Make one the current one
    Use {
        /// Name of the context
        name: String,
    },
    /// Make or change one
    Set {
        /// Name of the context
        name: String,
        /// Read its token from this file
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
}

/// Who logs in.
#[derive(Debug, Args)]
pub(super) struct LoginArgs {
    /// Name of the user
    #[arg(long, default_value = "admin")]
    pub(super) username: String,
}

/// What doctor looks at.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) database: DatabaseFlags,
}
