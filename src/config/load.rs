//! Loads the configuration from its sources.

use std::thread;

use actors::node_deps::MasterConfig;
use actors::scheduling::schedule_deps::ScheduleSettings;
use api::{Mode, PasswordLogin, PublicAddress, Rates};
use primitives::environment::{Environment, read_environment};

use super::error::ConfigError;
use super::key::AnyKey;
use super::keys;
use super::log::Log;
use super::settings::{
    Auth, Cluster, Config, Consul, Database, Retention, Rpc, Secrets, Server, Tls, Worker,
};
use super::sources::{Flags, SourceTexts, gather_sources};

/// Slots of a worker for each CPU, when their number is not set.
const SLOTS_PER_CPU: u32 = 4;

/// Fewest slots of a worker, when their number is not set.
const MIN_DEFAULT_SLOTS: u32 = 8;

/// The keys without a default that a node of a cluster needs, each with its flag.
const CLUSTER_KEYS: [(&dyn AnyKey, &str); 3] = [
    (&keys::DATABASE_URL, "--database-url"),
    (&keys::CONSUL_URL, "--consul"),
    (&keys::CLUSTER_SECRET, "--cluster-secret-file"),
];

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
        let mut texts = gather_sources(mode, flags, environment);
        texts.check_values();
        check_key_pairs(&mut texts);
        if mode == Mode::Cluster {
            check_cluster_keys(&mut texts);
        }
        texts.check_mistakes()?;
        build_config(mode, &texts)
    }
}

/// Rejects a key without the other one that gives it a meaning, or with another one that contradicts or repeats it.
pub(super) fn check_key_pairs(texts: &mut SourceTexts) {
    let is_empty = |key: &dyn AnyKey| texts.find(key).is_none_or(|found| found.text().is_empty());
    let lacks_half = is_empty(&keys::CONSUL_CERT_FILE) != is_empty(&keys::CONSUL_KEY_FILE);
    let has_both_keys = !is_empty(&keys::SECRETS_KEY) && !is_empty(&keys::SECRETS_KEY_FILE);
    if has_both_keys {
        texts.reject(
            "secrets.key and secrets.key_file: both say where the keys are; leave one out".to_owned(),
        );
    }
    if lacks_half {
        texts.reject("consul.cert_file and consul.key_file: one without the other proves nothing".to_owned());
    }
    check_public_path(texts);
}

/// Rejects a public URL whose path is another one than the path below which everything is served.
fn check_public_path(texts: &mut SourceTexts) {
    let base_path = texts
        .find(&keys::BASE_PATH)
        .and_then(|found| keys::BASE_PATH.parse(found.text()).ok());
    let public_url = texts
        .find(&keys::PUBLIC_URL)
        .and_then(|found| keys::PUBLIC_URL.parse(found.text()).ok());
    let (Some(base_path), Some(public_url)) = (base_path, public_url) else {
        return;
    };
    if !public_url.path.is_empty() && public_url.path != base_path {
        texts.reject(format!(
            "server.public_url: its path is {}, and server.base_path is {base_path}/; make them the same",
            public_url.path
        ));
    }
}

fn check_cluster_keys(texts: &mut SourceTexts) {
    for (key, flag) in CLUSTER_KEYS {
        if !texts.is_set(key) {
            texts.reject(format!("{}: a node of a cluster needs it ({flag})", key.name()));
        }
    }
}

fn build_config(mode: Mode, from: &SourceTexts) -> Result<Config, ConfigError> {
    Ok(Config {
        mode,
        server: Server {
            data: from.value(&keys::DATA)?,
            listen: from.value(&keys::LISTEN)?,
            roles: from.value(&keys::ROLES)?,
            node_name: from.optional_value(&keys::NODE_NAME)?,
            drain_timeout: from.value(&keys::DRAIN_TIMEOUT)?,
            timezone: from.value(&keys::TIMEZONE)?,
            address: build_address(from)?,
        },
        rpc: Rpc {
            listen: from.value(&keys::RPC_LISTEN)?,
            advertise: from.optional_value(&keys::RPC_ADVERTISE)?,
        },
        database: Database {
            url: from.optional_value(&keys::DATABASE_URL)?,
        },
        consul: build_consul(from)?,
        rates: Rates {
            per_token: from.value(&keys::RATE_LIMIT)?,
            per_address: from.value(&keys::ANONYMOUS_RATE_LIMIT)?,
        },
        auth: build_auth(from)?,
        master: MasterConfig {
            selection: from.value(&keys::WORKER_CHOICE)?,
            rebalance: from.value(&keys::REBALANCE)?,
            schedules: ScheduleSettings {
                missed_after_ms: i64::try_from(from.value(&keys::MISSED_AFTER)?.as_millis())
                    .unwrap_or(i64::MAX),
                timezone: from.value(&keys::TIMEZONE)?,
            },
        },
        worker: build_worker(from)?,
        retention: Retention {
            instances: from.value(&keys::RETENTION_INSTANCES)?,
            audit: from.value(&keys::RETENTION_AUDIT)?,
            batch: from.value(&keys::RETENTION_BATCH)?,
        },
        secrets: build_secrets(from)?,
        cluster: Cluster {
            secret: from.optional_value(&keys::CLUSTER_SECRET)?,
            flapping_deaths: from.value(&keys::FLAPPING_DEATHS)?,
        },
        log: Log {
            level: from.value(&keys::LOG_LEVEL)?,
            format: from.value(&keys::LOG_FORMAT)?,
        },
    })
}

fn build_secrets(from: &SourceTexts) -> Result<Secrets, ConfigError> {
    Ok(Secrets {
        key: from.optional_value(&keys::SECRETS_KEY)?,
        key_file: from.optional_value(&keys::SECRETS_KEY_FILE)?,
    })
}

fn build_worker(from: &SourceTexts) -> Result<Worker, ConfigError> {
    Ok(Worker {
        group: from.value(&keys::WORKER_GROUP)?,
        slots: from
            .optional_value(&keys::WORKER_SLOTS)?
            .unwrap_or_else(default_slots),
        log_limit: from.value(&keys::LOG_LIMIT)?,
        min_free_disk: from.value(&keys::MIN_FREE_DISK)?,
        sqlite_dirs: from.optional_value(&keys::SQLITE_DIRS)?.unwrap_or_default(),
    })
}

fn build_auth(from: &SourceTexts) -> Result<Auth, ConfigError> {
    let password_login = if from.value(&keys::LOCAL_LOGIN)? {
        PasswordLogin::Allowed
    } else {
        PasswordLogin::Refused
    };
    Ok(Auth {
        bootstrap_token: from.optional_value(&keys::BOOTSTRAP_TOKEN)?,
        session_lifetime: from.value(&keys::SESSION_LIFETIME)?,
        password_login,
    })
}

fn build_address(from: &SourceTexts) -> Result<PublicAddress, ConfigError> {
    let public_url = from.optional_value(&keys::PUBLIC_URL)?;
    Ok(PublicAddress::new(
        from.value(&keys::BASE_PATH)?,
        public_url.map(|url| url.origin),
    ))
}

fn build_consul(from: &SourceTexts) -> Result<Consul, ConfigError> {
    let cert_file = from.optional_value(&keys::CONSUL_CERT_FILE)?;
    let key_file = from.optional_value(&keys::CONSUL_KEY_FILE)?;
    Ok(Consul {
        url: from.optional_value(&keys::CONSUL_URL)?,
        token: from.optional_value(&keys::CONSUL_TOKEN)?,
        http_auth: from.optional_value(&keys::CONSUL_HTTP_AUTH)?,
        namespace: from.optional_value(&keys::CONSUL_NAMESPACE)?,
        partition: from.optional_value(&keys::CONSUL_PARTITION)?,
        tls: Tls {
            ca_file: from.optional_value(&keys::CONSUL_CA_FILE)?,
            ca_path: from.optional_value(&keys::CONSUL_CA_PATH)?,
            server_name: from.optional_value(&keys::CONSUL_SERVER_NAME)?,
            identity: cert_file.zip(key_file),
            verify: from.value(&keys::CONSUL_VERIFY_TLS)?,
        },
    })
}

fn default_slots() -> u32 {
    let cpus = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cpus)
        .unwrap_or(1)
        .saturating_mul(SLOTS_PER_CPU)
        .max(MIN_DEFAULT_SLOTS)
}
