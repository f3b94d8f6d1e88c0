//! The configuration of a process and its sections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actors::node_deps::MasterConfig;
use api::{Mode, PasswordLogin, PublicAddress, Rates};
use engine::timezone::Tz;
use ports::RetentionLimit;
use primitives::data_folder;
use primitives::secret::Secret;
use secrets::KeySource;

use super::log::Log;
use super::role::Role;

/// The whole configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    /// What kind of process this is.
    pub mode: Mode,
    /// The node and its HTTP port.
    pub server: Server,
    /// The port between nodes.
    pub rpc: Rpc,
    /// The database of the node.
    pub database: Database,
    /// Membership of a cluster.
    pub consul: Consul,
    /// Rate limits of REST.
    pub rates: Rates,
    /// First start and sessions.
    pub auth: Auth,
    /// What the master of this node does.
    pub master: MasterConfig,
    /// What the worker of this node does.
    pub worker: Worker,
    /// How long things are kept.
    pub retention: Retention,
    /// The keys of stored secrets.
    pub secrets: Secrets,
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
    /// The zone of instances that neither their start nor their workflow gives one.
    pub timezone: Tz,
    /// Where browsers reach it.
    pub address: PublicAddress,
}

/// The port between nodes.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// Where calls of other nodes are served.
    pub listen: SocketAddr,
    /// The address that other nodes use, `HOST:PORT`; the listen address when not set.
    pub advertise: Option<String>,
}

/// The database of the node.
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
    /// Whether users log in by passwords that are stored here.
    pub password_login: PasswordLogin,
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
    /// Free bytes below which logs stop.
    pub min_free_disk: u64,
    /// The folders below which connections may name SQLite files.
    pub sqlite_dirs: Vec<PathBuf>,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Ended instances, unless their project has its own limit.
    pub instances: RetentionLimit,
    /// Rows of the audit log.
    pub audit: RetentionLimit,
    /// Most rows that are deleted in a second.
    pub batch: u32,
}

/// Where the keys of stored secrets are; at most one of the two.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The lines of a key file.
    pub key: Option<Secret>,
    /// The file itself.
    pub key_file: Option<PathBuf>,
}

/// What all nodes of a cluster share.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Signs calls between nodes.
    pub secret: Option<Secret>,
    /// Declared deaths of an address within five minutes after which its next incarnation waits to join; 0 for no limit.
    pub flapping_deaths: u32,
}

impl Config {
    /// Returns whether this node takes a role.
    pub fn has(&self, role: Role) -> bool {
        self.server.roles.contains(&role)
    }

    /// Returns whether this node takes no other role.
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

    /// Returns where the keys of stored secrets come from: a standalone process has a file of its own.
    pub fn key_source(&self) -> KeySource {
        match (&self.secrets.key, &self.secrets.key_file, self.mode) {
            (Some(text), _, _) => KeySource::Text(text.clone()),
            (None, Some(path), _) => KeySource::File(path.clone()),
            (None, None, Mode::Standalone) => KeySource::File(self.server.data.join("secrets.key")),
            (None, None, Mode::Cluster) => KeySource::None,
        }
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
