//! The table of every key: its name, its default, the parser of its values, what it means.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actors::execution::worker_selection::WorkerSelection;
use engine::timezone::Tz;
use ports::RetentionLimit;
use primitives::secret::Secret;
use primitives::units::{parse_byte_size, parse_duration};

use super::key::{AnyKey, Key, Visibility};
use super::log::LogFormat;
use super::role::Role;
use super::values::{
    PublicUrl, parse_address, parse_agent_url, parse_base_path, parse_bool, parse_database_url,
    parse_folders, parse_host_and_port, parse_log_format, parse_log_level, parse_long_secret,
    parse_missed_after, parse_natural, parse_path, parse_positive, parse_public_url, parse_retention,
    parse_roles, parse_secret, parse_text, parse_worker_choice, parse_zone,
};

/// Defines each key as a constant, and `KEYS` as the list of them.
macro_rules! keys {
    ($($constant:ident: $type:ty = $key:expr;)*) => {
        $(pub(super) const $constant: Key<$type> = $key;)*

        /// Every key, in the order of `config show`.
        pub(super) const KEYS: &[&dyn AnyKey] = &[$(&$constant),*];
    };
}

keys! {
    DATA: PathBuf = Key::with_default(
        "server.data", "./data", parse_path, "folder of the database, the logs and the journal",
    );
    LISTEN: SocketAddr = Key::with_default(
        "server.listen", "127.0.0.1:7070", parse_address, "address of REST and the web UI",
    );
    ROLES: Vec<Role> = Key::with_default(
        "server.roles", "master,worker,api", parse_roles, "roles of a node of a cluster",
    );
    NODE_NAME: String = Key::optional("server.node_name", parse_text, "name of the node");
    DRAIN_TIMEOUT: Duration = Key::with_default(
        "server.drain_timeout", "30s", parse_duration, "how long a drain may take",
    );
    TIMEZONE: Tz = Key::with_default(
        "server.timezone", "UTC", parse_zone, "IANA name of the zone of instances whose workflow has none",
    );
    BASE_PATH: String = Key::with_default(
        "server.base_path", "/", parse_base_path, "path below which everything is served, behind a reverse proxy",
    );
    PUBLIC_URL: PublicUrl = Key::optional(
        "server.public_url", parse_public_url, "address of the server in browsers, when it is not that of their requests",
    );
    RPC_LISTEN: SocketAddr = Key::with_default(
        "rpc.listen", "127.0.0.1:7071", parse_address, "address between nodes",
    );
    RPC_ADVERTISE: String = Key::optional("rpc.advertise", parse_host_and_port, "HOST:PORT that other nodes use");
    DATABASE_URL: Secret = Key::optional("database.url", parse_database_url, "postgres://… or sqlite://…")
        .visible_as(Visibility::MaskedUrl);
    CONSUL_URL: String = Key::optional(
        "consul.url", parse_agent_url, "address of the Consul agent: http://…, https://… or unix:///…",
    ).visible_as(Visibility::MaskedUrl);
    CONSUL_TOKEN: Secret = Key::optional("consul.token", parse_secret, "ACL token of the Consul agent")
        .visible_as(Visibility::Hidden);
    CONSUL_HTTP_AUTH: Secret = Key::optional(
        "consul.http_auth", parse_secret, "USER:PASSWORD for a proxy in front of the Consul agent",
    ).visible_as(Visibility::Hidden);
    CONSUL_NAMESPACE: String = Key::optional(
        "consul.namespace", parse_text, "namespace of Consul (Enterprise only)",
    );
    CONSUL_PARTITION: String = Key::optional(
        "consul.partition", parse_text, "admin partition of Consul (Enterprise only)",
    );
    CONSUL_CA_FILE: PathBuf = Key::optional(
        "consul.ca_file", parse_path, "certificates that may sign the agent's; the machine's when not set",
    );
    CONSUL_CA_PATH: PathBuf = Key::optional(
        "consul.ca_path", parse_path, "folder of such files, without consul.ca_file",
    );
    CONSUL_SERVER_NAME: String = Key::optional(
        "consul.server_name", parse_text, "name in the agent's certificate, when it is not that of its address",
    );
    CONSUL_CERT_FILE: PathBuf = Key::optional("consul.cert_file", parse_path, "our certificate towards the agent");
    CONSUL_KEY_FILE: PathBuf = Key::optional("consul.key_file", parse_path, "its key");
    CONSUL_VERIFY_TLS: bool = Key::with_default(
        "consul.verify_tls", "true", parse_bool, "whether the agent's certificate is checked",
    );
    RATE_LIMIT: u32 = Key::with_default(
        "api.rate_limit", "0", parse_natural,
        "requests a second with one token, twice as many at once; 0 for no limit",
    );
    ANONYMOUS_RATE_LIMIT: u32 = Key::with_default(
        "api.anonymous_rate_limit", "100", parse_natural, "the same without a valid token, from one address",
    );
    BOOTSTRAP_TOKEN: Secret = Key::optional(
        "auth.bootstrap_token", parse_long_secret, "first token of the user admin, at least 32 characters",
    ).visible_as(Visibility::Hidden);
    SESSION_LIFETIME: Duration = Key::with_default(
        "auth.session_lifetime", "12h", parse_duration, "how long a login lasts",
    );
    LOCAL_LOGIN: bool = Key::with_default(
        "auth.local", "true", parse_bool, "whether users log in by passwords that are stored here",
    );
    WORKER_CHOICE: WorkerSelection = Key::with_default(
        "master.worker_choice", "least_loaded", parse_worker_choice,
        "how a master chooses among workers with free slots: least_loaded, round_robin, random, weighted (by slots)",
    );
    REBALANCE: bool = Key::with_default(
        "master.rebalance", "true", parse_bool,
        "whether a master gives instances to masters that have fewer, slowly, after one has joined",
    );
    MISSED_AFTER: Duration = Key::with_default(
        "scheduler.missed_after", "60s", parse_missed_after,
        "time after which a fire of a schedule that was not started is missed, 1s to 1d",
    );
    WORKER_GROUP: String = Key::with_default(
        "worker.group", "default", parse_text, "worker group that this node serves",
    );
    WORKER_SLOTS: u32 = Key::optional(
        "worker.slots", parse_positive, "attempts at the same time; max(8, 4 x CPUs) when not set",
    );
    LOG_LIMIT: u64 = Key::with_default(
        "worker.log_limit", "64MiB", parse_byte_size, "most bytes of one attempt's log",
    );
    MIN_FREE_DISK: u64 = Key::with_default(
        "worker.min_free_disk", "256MiB", parse_byte_size,
        "free space below which logs stop and their attempts fail; 0KiB for none",
    );
    SQLITE_DIRS: Vec<PathBuf> = Key::optional(
        "worker.sqlite_dirs", parse_folders,
        "folders below which connections may name SQLite files: absolute, separated by commas",
    );
    RETENTION_INSTANCES: RetentionLimit = Key::with_default(
        "retention.instances", "90d", parse_retention,
        "how long ended instances are kept: at least 1d, or never to keep them for ever",
    );
    RETENTION_AUDIT: RetentionLimit = Key::with_default(
        "retention.audit", "365d", parse_retention, "how long rows of the audit log are kept",
    );
    RETENTION_BATCH: u32 = Key::with_default(
        "retention.batch", "2000", parse_positive, "most rows that are deleted in a second",
    );
    CLUSTER_SECRET: Secret = Key::optional(
        "cluster.secret", parse_long_secret, "signs calls between nodes, at least 32 characters",
    ).visible_as(Visibility::Hidden);
    SECRETS_KEY: Secret = Key::optional(
        "secrets.key", parse_secret, "keys of stored secrets, one a line: 32 bytes in base64; the first encrypts",
    ).visible_as(Visibility::Hidden);
    SECRETS_KEY_FILE: PathBuf = Key::optional(
        "secrets.key_file", parse_path,
        "file with those keys, read again on SIGHUP; secrets.key in the data folder of a standalone process",
    );
    FLAPPING_DEATHS: u32 = Key::with_default(
        "cluster.flapping_deaths", "3", parse_natural,
        "declared deaths of an address within 5 minutes after which its next incarnation waits to join; 0 for no limit",
    );
    LOG_LEVEL: String = Key::with_default(
        "log.level", "info,sea_orm_migration=warn,actix_server=warn", parse_log_level,
        "level or list of target=level",
    );
    LOG_FORMAT: LogFormat = Key::with_default("log.format", "auto", parse_log_format, "auto, text or json");
}

/// Finds a key by its name.
pub(super) fn find_key(name: &str) -> Option<&'static dyn AnyKey> {
    KEYS.iter().copied().find(|key| key.name() == name)
}

/// Finds the secret key whose `_file` twin has this name.
pub(super) fn find_key_of_file(name: &str) -> Option<&'static dyn AnyKey> {
    name.strip_suffix("_file")
        .and_then(find_key)
        .filter(|key| key.visibility() != Visibility::Shown)
}

/// Returns the name of the key that is most similar to a wrong one, if any is.
pub(super) fn nearest_name(wrong: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| (strsim::damerau_levenshtein(wrong, key.name()), key.name()))
        .filter(|(distance, _)| *distance <= MAX_TYPOS)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Most edits between a wrong name and the key that is suggested for it.
const MAX_TYPOS: usize = 4;
