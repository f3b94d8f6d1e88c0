//! One node of a cluster: some of the roles, PostgreSQL, Consul.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::Addr;
use actors::membership::health::HealthStatus;
use actors::membership::peers::Peers;
use actors::messages::membership::SuspectPeer;
use actors::ownership::failover_actor::FailoverActor;
use actors::ports::LogSource;
use actors::ports::{Join, JoinResult, MembershipStore as _, Registry};
use actors::rpc::client::{PingOutcome, RpcClient};
use actors::rpc::in_process::InProcess;
use actors::rpc::transport::Transport;
use engine::ids::Incarnation;
use tokio::sync::Notify;

use super::node::{self, Equipment, Network};
use super::stop::Signals;
use super::{StartupError, first_start, flapping, listen, membership, other, prepare_folder};
use crate::config::{Config, Role as NodeRole};
use crate::registry::ConsulRegistry;
use crate::telemetry;
use rpc::{ClusterLogs, HttpConfig, HttpTransport, Key, OnBrokenConnection, PauseDetector, Served};
use runner::log_files::LogFiles;
use store::catalog::Catalog;
use store::{Role, SchemaStatus, Store};

/// A beat that is younger than this means that the old life may still run.
const FRESH_BEAT_MS: i64 = 2_000;

/// The wait between two tries to join beside a life whose end is not certain yet.
const JOIN_AGAIN: Duration = Duration::from_millis(500);

/// An address whose old life still beats after this time belongs to somebody else.
const JOIN_WITHIN: u32 = 10;

/// Tells the failover actor of refused connections, once there is one.
type FailoverSlot = Arc<OnceLock<Addr<FailoverActor>>>;

/// Runs a node of a cluster until it is told to stop.
pub(super) async fn run(config: Config) -> Result<ExitCode, StartupError> {
    telemetry::init(&config.log);
    let mut signals = Signals::listen().map_err(other)?;
    let equipment = tokio::select! {
        equipment = equip(config) => equipment?,
        signal = signals.heard() => {
            tracing::info!("{signal} before this node has joined: it ends");
            return Ok(ExitCode::SUCCESS);
        }
    };
    node::run(equipment, signals).await
}

/// Does everything up to the join; whoever stops waiting for it leaves nothing behind.
async fn equip(mut config: Config) -> Result<Equipment, StartupError> {
    config.server.data = prepare_folder(&config.server.data)?;
    let api = config
        .has(NodeRole::Api)
        .then(|| listen("--listen", config.server.listen))
        .transpose()?;
    let (rpc_listener, rpc_address) = listen("--rpc-listen", config.rpc.listen)?;
    let host = advertised(&config, rpc_address);
    let secret = config.cluster.secret.as_ref();
    let secret = secret.ok_or_else(|| StartupError::Other("cluster.secret is not set".to_owned()))?;
    let key = Key::from_secret(secret).map_err(other)?;
    let store = open_store(&config).await?;
    agree_on_secret(&store, &key).await?;
    let catalog = Catalog::new(&store);
    if !config.is_only(NodeRole::Worker) {
        first_start::ensure_admin(&config, &catalog, store.now().await.map_err(other)?).await?;
    }
    let registry: Arc<dyn Registry> =
        Arc::new(ConsulRegistry::new(&config.consul).map_err(StartupError::Other)?);
    let life = join(&store, &config, host, &key).await?;
    store
        .name_engine_sessions(life.me.incarnation)
        .await
        .map_err(other)?;
    let files = Arc::new(LogFiles::in_folder(config.log_folder()));
    let network = network(&life, key, files.clone(), (rpc_listener, rpc_address));
    let logs = ClusterLogs {
        name: life.me.name.clone(),
        files,
        peers: network.peers.clone(),
        rpc: network.rpc.clone(),
    };
    if !config.is_only(NodeRole::Worker) {
        actix_rt::spawn(membership::leave_behind(store.clone(), life.me.generation));
    }
    Ok(Equipment {
        logs: Arc::new(logs),
        store: Arc::new(store.clone()),
        catalog,
        registry,
        condition: HealthStatus::default(),
        network: Some(network),
        api,
        life,
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
    let store = Store::open(url.reveal(), role).await.map_err(other)?;
    store.create_schema().await.map_err(other)?;
    match store.schema_status().await.map_err(other)? {
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

async fn agree_on_secret(store: &Store, key: &Key) -> Result<(), StartupError> {
    if store.agree_on_secret(&key.digest()).await.map_err(other)? {
        return Ok(());
    }
    Err(StartupError::Other(
        "the cluster secret differs from that of the other nodes on this database; give every node the same \
         --cluster-secret-file"
            .to_owned(),
    ))
}

/// Begins a new life, unless an old one of the same name or address still runs.
async fn join(
    store: &Store,
    config: &Config,
    host: String,
    key: &Key,
) -> Result<membership::Life, StartupError> {
    let join = membership::join_of(config, host);
    let limit = config.cluster.flapping_deaths as usize;
    let on_probation = flapping::wait_out(store, &join, limit).await.map_err(other)?;
    for turn in 0..=JOIN_WITHIN {
        match neighbour(store, &join, key).await? {
            None => {
                let joined: JoinResult = store.join_cluster(&join).await.map_err(other)?;
                return Ok(membership::Life {
                    on_probation,
                    ..membership::Life::new(join, joined)
                });
            }
            Some(neighbour) if turn == JOIN_WITHIN => return Err(StartupError::Other(neighbour)),
            Some(_) => tokio::time::sleep(JOIN_AGAIN).await,
        }
    }
    Err(StartupError::Other("the node could not join".to_owned()))
}

/// Says who else runs under this name or address, if anybody does.
async fn neighbour(store: &Store, join: &Join, key: &Key) -> Result<Option<String>, StartupError> {
    for seen in store.list_live_members().await.map_err(other)? {
        let old = &seen.member;
        if (old.host != join.host && old.name != join.name) || seen.heartbeat_age_ms >= FRESH_BEAT_MS {
            continue;
        }
        if rpc::ping(key, &old.host).await == PingOutcome::Alive(old.incarnation) {
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

fn network(
    life: &membership::Life,
    key: Key,
    logs: Arc<dyn LogSource>,
    (listener, address): (TcpListener, SocketAddr),
) -> Network {
    let drain_bell = Arc::new(Notify::new());
    let local = InProcess::new(life.me.clone(), logs, Arc::clone(&drain_bell));
    let peers = Peers::default();
    let failover = FailoverSlot::default();
    let hinted = Arc::clone(&failover);
    let on_broken_connection: OnBrokenConnection = Arc::new(move |peer| {
        if let Some(failover) = hinted.get() {
            failover.do_send(SuspectPeer(peer));
        }
    });
    let pause_detector = PauseDetector::default();
    let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(HttpConfig {
        this_node: life.me.incarnation,
        key: key.clone(),
        peers: peers.clone(),
        local: Arc::new(local.clone()),
        pause_detector: pause_detector.clone(),
        on_broken_connection,
    }));
    Network {
        rpc: RpcClient::new(Arc::clone(&transport)),
        transport,
        local,
        peers,
        pause_detector,
        failover,
        drain_bell,
        key,
        listener,
        address,
    }
}

impl Network {
    /// What this node answers others with.
    pub(super) fn served(&self, this_node: Incarnation) -> Served {
        Served {
            this_node,
            key: self.key.clone(),
            local: Arc::new(self.local.clone()),
            pause_detector: self.pause_detector.clone(),
        }
    }
}
