//! One process with every role.

use std::process::{self, ExitCode};
use std::sync::Arc;

use ports::health::HealthStatus;
use ports::{MembershipStore as _, Registry};

use super::incarnation::{self, ThisIncarnation};
use super::node;
use super::shutdown::Signals;
use super::start::NodeResources;
use super::{StartupError, bootstrap_admin, listen, prepare_data_folder, secret_keys, startup_error};
use crate::config::{Config, Role as NodeRole};
use crate::registry::LocalRegistry;
use crate::telemetry;
use catalog::Catalog;
use runner::log_files::LogFiles;
use store::{Role, SchemaStatus, StandaloneLock, Store};

/// Runs a standalone node until a signal or a drain ends it.
pub(super) async fn run(config: Config) -> Result<ExitCode, StartupError> {
    telemetry::init(&config.log);
    let mut signals = Signals::listen().map_err(startup_error)?;
    let resources = tokio::select! {
        resources = prepare(config) => resources?,
        _ = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    node::run(resources, signals).await
}

async fn prepare(mut config: Config) -> Result<NodeResources, StartupError> {
    config.server.data = prepare_data_folder(&config.server.data)?;
    config.server.roles = NodeRole::ALL.to_vec();
    let (listener, address) = listen("--listen", config.server.listen)?;
    let store = Store::open(config.database_url().reveal(), Role::Node)
        .await
        .map_err(startup_error)?;
    let alone = store
        .acquire_standalone_lock(&config.server.data)
        .await
        .map_err(startup_error)?;
    bring_up_to_date(&store).await?;
    let keys = secret_keys::load_keys(&config, &store).await?;
    let store = store.with_keys(keys.clone());
    let catalog = Catalog::new(&store).with_keys(keys);
    let join = incarnation::join_request(&config, address.to_string());
    let joined = store.join_standalone(&join).await.map_err(startup_error)?;
    let this = ThisIncarnation::new(join, joined, store.time_source());
    store
        .name_engine_sessions(this.identity.incarnation)
        .await
        .map_err(startup_error)?;
    actix_rt::spawn(exit_when_lock_is_lost(alone));
    bootstrap_admin::ensure_admin(&config, &catalog, this.clock.now()).await?;
    let registry: Arc<dyn Registry> = Arc::new(LocalRegistry::default());
    actix_rt::spawn(incarnation::watch_for_timeline_change(
        store.clone(),
        this.identity.generation,
    ));
    let own_logs = LogFiles::in_folder(config.log_folder());
    Ok(NodeResources {
        logs: Arc::new(own_logs.clone()),
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
        network: None,
        api: Some((listener, address)),
        incarnation: this,
        config,
    })
}

/// Exits like an incarnation that was declared dead when another process has taken the database.
async fn exit_when_lock_is_lost(alone: StandaloneLock) {
    let why = alone.wait_until_lost().await;
    tracing::error!(%why, "the lock of the standalone mode was lost; the node ends");
    process::exit(incarnation::DECLARED_DEAD);
}

/// Creates or migrates the schema; a newer one is refused.
async fn bring_up_to_date(store: &Store) -> Result<(), StartupError> {
    match store.schema_status().await.map_err(startup_error)? {
        SchemaStatus::UpToDate => Ok(()),
        SchemaStatus::Older { .. } => store.migrate().await.map_err(startup_error),
        SchemaStatus::Newer { found } => Err(StartupError::Schema(format!(
            "the database has the schema of a newer porpoise ({}); start that version, or restore a backup",
            found.join(", ")
        ))),
    }
}
