//! The configuration of a process, read once: defaults, then the file, then the environment, then flags.
//!
//! Every mistake is reported at the same time, with the key's name and where its value came from. Nothing
//! else in the program reads the environment for settings.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actors::bootstrap::MasterConfig;
pub use api::{Mode, Rates};
use primitives::data_folder;
use primitives::environment::{Environment, read_environment};
use primitives::secret::Secret;

mod amount;
mod keys;
mod read;
mod show;
mod sources;

pub use show::{Shown, shown};
pub use sources::{Flags, Origin};

/// A role that a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Owns instances.
    Master,
    /// Runs tasks.
    Worker,
    /// Serves REST and the web UI.
    Api,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Master, Self::Worker, Self::Api];

    /// Returns the name that flags and the ready line use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Worker => "worker",
            Self::Api => "api",
        }
    }
}

/// How the process writes its own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The whole configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    /// What kind of process this is.
    pub mode: Mode,
    /// The node and its HTTP port.
    pub server: Server,
    /// The port between nodes.
    pub rpc: Rpc,
    /// Where the truth lies.
    pub database: Database,
    /// Membership of a cluster.
    pub consul: Consul,
    /// How often a caller of REST may ask.
    pub rates: Rates,
    /// First start and sessions.
    pub auth: Auth,
    /// What the master of this node does.
    pub master: MasterConfig,
    /// What the worker of this node does.
    pub worker: Worker,
    /// What all nodes of a cluster share.
    pub cluster: Cluster,
    /// The log of the process itself.
    pub log: Log,
}

/// The node and its HTTP port.
#[derive(Debug, Clone)]
pub struct Server {
    /// The folder of the node: SQLite file, logs of tasks, journal, first token.
    pub data: PathBuf,
    /// Where REST and the web UI listen.
    pub listen: SocketAddr,
    /// The roles of a node of a cluster; a standalone process has all.
    pub roles: Vec<Role>,
    /// The name of the node; the machine's name (cluster) or `standalone` when not set.
    pub node_name: Option<String>,
    /// How long a drain may take.
    pub drain_timeout: Duration,
}

/// The port between nodes.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// Where other nodes are answered.
    pub listen: SocketAddr,
    /// The address that other nodes use, `HOST:PORT`; the listen address when not set.
    pub advertise: Option<String>,
}

/// Where the truth lies.
#[derive(Debug, Clone)]
pub struct Database {
    /// `postgres://…` or `sqlite://…`; SQLite in the data folder when not set.
    pub url: Option<Secret>,
}

/// Membership of a cluster.
#[derive(Debug, Clone)]
pub struct Consul {
    /// The agent's HTTP address: `http://`, `https://`, or `unix://` and the path of its socket.
    pub url: Option<String>,
    /// The agent's ACL token.
    pub token: Option<Secret>,
    /// `USER:PASSWORD` for a proxy in front of the agent.
    pub http_auth: Option<Secret>,
    /// The namespace of our service, where Consul has any.
    pub namespace: Option<String>,
    /// The admin partition of our service, where Consul has any.
    pub partition: Option<String>,
    /// How the agent is reached by `https`.
    pub tls: Tls,
}

/// How the Consul agent is reached by `https`.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Certificates that may sign the agent's, as PEM; the machine's when not set.
    pub ca_file: Option<PathBuf>,
    /// A folder of such files, when there is no `ca_file`.
    pub ca_path: Option<PathBuf>,
    /// The name that the agent's certificate is for; that of its address when not set.
    pub server_name: Option<String>,
    /// Our own certificate and its key, as PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether the agent's certificate is checked.
    pub verify: bool,
}

/// First start and sessions.
#[derive(Debug, Clone)]
pub struct Auth {
    /// Becomes a token of the user `admin` when the database is empty.
    pub bootstrap_token: Option<Secret>,
    /// How long a login lasts.
    pub session_lifetime: Duration,
}

/// What the worker of this node does.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The worker group that it serves.
    pub group: String,
    /// How many attempts run at the same time.
    pub slots: u32,
    /// The most bytes of one attempt's log.
    pub log_limit: u64,
}

/// What all nodes of a cluster share.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Signs calls between nodes.
    pub secret: Option<Secret>,
    /// So many declared deaths of an address within five minutes make its next life wait; 0 is no limit.
    pub flapping_deaths: u32,
}

/// The log of the process itself.
#[derive(Debug, Clone)]
pub struct Log {
    /// A level or a list of `target=level`.
    pub level: String,
    /// How it looks.
    pub format: LogFormat,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// One sentence each, beginning with the key.
    pub mistakes: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} mistake(s)", self.mistakes.len())?;
        for mistake in &self.mistakes {
            write!(f, "\n  {mistake}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads the configuration of this process: file, environment, flags.
    ///
    /// # Errors
    /// Every mistake of every source at once; the user corrects them and starts again.
    pub fn load(mode: Mode, flags: &Flags) -> Result<Self, ConfigError> {
        Self::from_sources(mode, flags, &read_environment())
    }

    /// Reads the configuration from the given environment instead of the process's own.
    ///
    /// # Errors
    /// As `load`.
    pub fn from_sources(mode: Mode, flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let mut gathered = sources::gather(mode, flags, environment);
        let config = read::config(mode, &mut gathered);
        match config {
            Some(config) if gathered.mistakes.is_empty() => Ok(config),
            _ => Err(ConfigError {
                mistakes: gathered.mistakes,
            }),
        }
    }

    /// Whether this node takes a role.
    pub fn has(&self, role: Role) -> bool {
        self.server.roles.contains(&role)
    }

    /// Whether this node takes no other role.
    pub fn is_only(&self, role: Role) -> bool {
        self.server.roles.iter().all(|has| *has == role)
    }

    /// Returns the database to open: the configured one, or SQLite in the data folder.
    pub fn database_url(&self) -> Secret {
        self.database.url.clone().unwrap_or_else(|| {
            Secret::new(format!(
                "sqlite://{}",
                self.server.data.join("porpoise.db").display()
            ))
        })
    }

    /// Returns the folder of the logs of tasks.
    pub fn log_folder(&self) -> PathBuf {
        self.server.data.join("logs")
    }

    /// Returns the file that keeps the first token of a standalone process.
    pub fn admin_token_file(&self) -> PathBuf {
        data_folder::admin_token_file(&self.server.data)
    }

    /// Returns the name of this node.
    pub fn node_name(&self) -> String {
        match (&self.server.node_name, self.mode) {
            (Some(name), _) => name.clone(),
            (None, Mode::Standalone) => "standalone".to_owned(),
            (None, Mode::Cluster) => machine_name(),
        }
    }
}

fn machine_name() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "porpoise".to_owned())
}

#[cfg(test)]
mod tests;
