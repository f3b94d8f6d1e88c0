//! One node of a cluster: some of the roles, PostgreSQL, Consul.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use engine::ids::Incarnation;
use ports::health::HealthStatus;
use ports::rpc::client::PingOutcome;
use ports::{Join, JoinResult, MembershipStore as _, Registry};

use super::incarnation::{self, ThisIncarnation};
use super::network::Network;
use super::node;
use super::shutdown::Signals;
use super::start::NodeResources;
use super::{
    StartupError, bootstrap_admin, listen, prepare_data_folder, restart_backoff, secret_keys, startup_error,
};
use crate::config::{Config, Role as NodeRole};
use crate::registry::ConsulRegistry;
use crate::telemetry;
use catalog::Catalog;
use rpc::{ClusterLogs, Key};
use runner::log_files::LogFiles;
use store::{Role, SchemaStatus, Store};

/// Age of a heartbeat below which the previous incarnation may still run.
const FRESH_HEARTBEAT_MS: i64 = 2_000;

/// Age of a heartbeat from which an incarnation that cannot be called has ended: a running one stores the next one before.
const SILENT_HEARTBEAT_MS: i64 = 900;

/// Pause between two looks at the heartbeats of an incarnation that cannot be called.
const HEARTBEAT_POLL: Duration = Duration::from_millis(50);

/// Pause between two attempts to join while a previous incarnation may still run.
const JOIN_INTERVAL: Duration = Duration::from_millis(500);

/// Attempts to join after which an address with fresh heartbeats belongs to another node.
const JOIN_ATTEMPTS: u32 = 10;

/// Runs a node of a cluster until a signal or a drain ends it.
pub(super) async fn run(config: Config) -> Result<ExitCode, StartupError> {
    telemetry::init(&config.log);
    let mut signals = Signals::listen().map_err(startup_error)?;
    let resources = tokio::select! {
        resources = prepare(config) => resources?,
        signal = signals.next() => {
            tracing::info!("{signal} before this node has joined: it ends");
            return Ok(ExitCode::SUCCESS);
        }
    };
    node::run(resources, signals).await
}

/// Does everything up to the join; dropping the future leaves nothing behind.
async fn prepare(mut config: Config) -> Result<NodeResources, StartupError> {
    config.server.data = prepare_data_folder(&config.server.data)?;
    let api = config
        .has(NodeRole::Api)
        .then(|| listen("--listen", config.server.listen))
        .transpose()?;
    let (rpc_listener, rpc_address) = listen("--rpc-listen", config.rpc.listen)?;
    let host = advertised(&config, rpc_address);
    let secret = config.cluster.secret.as_ref();
    let secret = secret.ok_or_else(|| StartupError::Other("cluster.secret is not set".to_owned()))?;
    let key = Key::from_secret(secret).map_err(startup_error)?;
    let store = open_store(&config).await?;
    check_cluster_secret(&store, &key).await?;
    let keys = secret_keys::load_keys(&config, &store).await?;
    let store = store.with_keys(keys.clone());
    let catalog = Catalog::new(&store).with_keys(keys);
    if !config.is_only(NodeRole::Worker) {
        bootstrap_admin::ensure_admin(&config, &catalog, store.now().await.map_err(startup_error)?).await?;
    }
    let registry: Arc<dyn Registry> =
        Arc::new(ConsulRegistry::new(&config.consul).map_err(StartupError::Other)?);
    let this = join(&store, &config, host, &key).await?;
    store
        .name_engine_sessions(this.identity.incarnation)
        .await
        .map_err(startup_error)?;
    let own_logs = LogFiles::in_folder(config.log_folder());
    let files = Arc::new(own_logs.clone());
    let network = Network::new(&this.identity, key, files.clone(), (rpc_listener, rpc_address));
    let logs = ClusterLogs {
        name: this.identity.name.clone(),
        files,
        peers: network.peers(),
        rpc: network.rpc(),
    };
    if !config.is_only(NodeRole::Worker) {
        actix_rt::spawn(incarnation::watch_for_timeline_change(
            store.clone(),
            this.identity.generation,
        ));
    }
    Ok(NodeResources {
        logs: Arc::new(logs),
        own_logs,
        store: Arc::new(store.clone()),
        retention: Arc::new(store.clone()),
        alerts: Arc::new(store.clone()),
        retention_requests: Arc::default(),
        bulk_requests: Arc::default(),
        rotation_requests: Arc::default(),
        catalog,
        registry,
        health: HealthStatus::default(),
        network: Some(network),
        api,
        incarnation: this,
        config,
    })
}

/// The address that others use: what the configuration says, or where the node listens.
fn advertised(config: &Config, bound: SocketAddr) -> String {
    match &config.rpc.advertise {
        // Port 0 stands for the port that the node got.
        Some(host) => host
            .strip_suffix(":0")
            .map_or_else(|| host.clone(), |name| format!("{name}:{}", bound.port())),
        None => bound.to_string(),
    }
}

/// Opens the database; creates the schema in an empty one, and refuses any other version.
async fn open_store(config: &Config) -> Result<Store, StartupError> {
    let url = config.database_url();
    if !url.reveal().starts_with("postgres") {
        return Err(StartupError::Other(
            "database.url: a cluster needs PostgreSQL (postgres://…); for SQLite use `porpoise standalone`"
                .to_owned(),
        ));
    }
    let role = if config.is_only(NodeRole::Worker) {
        Role::Worker
    } else {
        Role::Node
    };
    let store = Store::open(url.reveal(), role).await.map_err(startup_error)?;
    store.create_schema().await.map_err(startup_error)?;
    match store.schema_status().await.map_err(startup_error)? {
        SchemaStatus::UpToDate => Ok(store),
        SchemaStatus::Older { pending } => Err(StartupError::Schema(format!(
            "the database lacks the changes {}; stop the cluster, run `porpoise db migrate`, and start it again",
            pending.join(", ")
        ))),
        SchemaStatus::Newer { found } => Err(StartupError::Schema(format!(
            "the database has the schema of a newer porpoise ({}); start that version instead (`porpoise db migrate` \
             brings an older database up to date, and takes nothing back)",
            found.join(", ")
        ))),
    }
}

async fn check_cluster_secret(store: &Store, key: &Key) -> Result<(), StartupError> {
    if store
        .agree_on_secret(&key.digest())
        .await
        .map_err(startup_error)?
    {
        return Ok(());
    }
    Err(StartupError::Other(
        "the cluster secret differs from that of the other nodes on this database; give every node the same \
         --cluster-secret-file"
            .to_owned(),
    ))
}

/// Begins a new incarnation, unless an old one of the same name or address still runs.
async fn join(
    store: &Store,
    config: &Config,
    host: String,
    key: &Key,
) -> Result<ThisIncarnation, StartupError> {
    let join = incarnation::join_request(config, host);
    let limit = config.cluster.flapping_deaths as usize;
    let join_delay = restart_backoff::wait_before_join(store, &join, limit)
        .await
        .map_err(startup_error)?;
    for turn in 0..=JOIN_ATTEMPTS {
        match find_running_neighbour(store, &join, key).await? {
            None => {
                let joined: JoinResult = store.join_cluster(&join).await.map_err(startup_error)?;
                return Ok(ThisIncarnation {
                    join_delay,
                    ..ThisIncarnation::new(join, joined, store.time_source())
                });
            }
            Some(neighbour) if turn == JOIN_ATTEMPTS => return Err(StartupError::Other(neighbour)),
            Some(_) => tokio::time::sleep(JOIN_INTERVAL).await,
        }
    }
    Err(StartupError::Other("the node could not join".to_owned()))
}

/// Describes another node that runs under this name or address, if there is one.
async fn find_running_neighbour(
    store: &Store,
    join: &Join,
    key: &Key,
) -> Result<Option<String>, StartupError> {
    for seen in store.list_live_members().await.map_err(startup_error)? {
        let old = &seen.member;
        if (old.host != join.host && old.name != join.name) || seen.heartbeat_age_ms >= FRESH_HEARTBEAT_MS {
            continue;
        }
        if rpc::ping(key, &old.host).await == PingOutcome::Alive(old.incarnation)
            || stores_heartbeats(store, old.incarnation).await?
        {
            let same = if old.host == join.host {
                format!("the address {} (--advertise)", join.host)
            } else {
                format!("the name {} (--node-name)", join.name)
            };
            return Ok(Some(format!(
                "another node runs with {same}: `{}`, incarnation {}; give this one its own",
                old.name, old.incarnation
            )));
        }
    }
    Ok(None)
}

/// Waits for the next heartbeat of an incarnation that cannot be called; returns whether it comes.
async fn stores_heartbeats(store: &Store, old: Incarnation) -> Result<bool, StartupError> {
    let read = async || store.read_heartbeat(old).await.map_err(startup_error);
    let Some(first) = read().await? else {
        return Ok(false);
    };
    let mut age_ms = first.age_ms;
    while age_ms < SILENT_HEARTBEAT_MS {
        tokio::time::sleep(HEARTBEAT_POLL).await;
        match read().await? {
            Some(now) if now.count == first.count => age_ms = now.age_ms,
            Some(_) => return Ok(true),
            None => return Ok(false),
        }
    }
    Ok(false)
}
