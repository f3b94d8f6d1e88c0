//! The words about this machine: flags of a node, its database, its configuration.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cli::CleanArgs;

use crate::config::Flags;

/// Flags of a standalone process; each is also a key of the configuration.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct NodeFlags {
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
pub(crate) struct ServeFlags {
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
    pub(crate) fn into_flags(self) -> Flags {
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
    pub(crate) fn into_flags(self) -> Flags {
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
pub(crate) enum DbCommand {
    /// Apply the schema changes that are missing
    Migrate {
        /// Only look: exit 1 when changes are missing
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        flags: DatabaseFlags,
    },
    /// Delete instances that ended long ago, and wait until they are gone; the server does it
    Clean(CleanArgs),
    /// Say that the database was restored: raises its generation, and every master joins again
    Restored {
        #[command(flatten)]
        flags: DatabaseFlags,
    },
}

/// Where the database is.
#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseFlags {
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
    pub(crate) fn into_flags(self) -> Flags {
        flags(
            self.config,
            [("server.data", self.data), ("database.url", self.database_url)],
        )
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every key with its value
    Show {
        /// Also print where each value came from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        flags: Box<ServeFlags>,
    },
}

/// What doctor looks at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseFlags,
}
