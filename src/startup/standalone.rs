//! One process with every role.

use std::process::{self, ExitCode};
use std::sync::Arc;

use actors::membership::health::HealthStatus;
use actors::ports::{MembershipStore as _, Registry};

use super::node::{self, Equipment};
use super::stop::Signals;
use super::{StartupError, first_start, listen, membership, other, prepare_folder};
use crate::config::{Config, Role as NodeRole};
use crate::registry::LocalRegistry;
use crate::telemetry;
use runner::log_files::LogFiles;
use store::catalog::Catalog;
use store::{Role, SchemaStatus, StandaloneLock, Store};

/// Runs a standalone node until it is told to stop.
pub(super) async fn run(config: Config) -> Result<ExitCode, StartupError> {
    telemetry::init(&config.log);
    let mut signals = Signals::listen().map_err(other)?;
    let equipment = tokio::select! {
        equipment = equip(config) => equipment?,
        _ = signals.heard() => return Ok(ExitCode::SUCCESS),
    };
    node::run(equipment, signals).await
}

async fn equip(mut config: Config) -> Result<Equipment, StartupError> {
    config.server.data = prepare_folder(&config.server.data)?;
    config.server.roles = NodeRole::ALL.to_vec();
    let (listener, address) = listen("--listen", config.server.listen)?;
    let store = Store::open(config.database_url().reveal(), Role::Node)
        .await
        .map_err(other)?;
    let alone = store
        .acquire_standalone_lock(&config.server.data)
        .await
        .map_err(other)?;
    bring_up_to_date(&store).await?;
    let catalog = Catalog::new(&store);
    let join = membership::join_of(&config, address.to_string());
    let joined = store.join_standalone(&join).await.map_err(other)?;
    let life = membership::Life::new(join, joined);
    store
        .name_engine_sessions(life.me.incarnation)
        .await
        .map_err(other)?;
    actix_rt::spawn(end_when_not_alone(alone));
    first_start::ensure_admin(&config, &catalog, life.clock.now()).await?;
    let registry: Arc<dyn Registry> = Arc::new(LocalRegistry::default());
    actix_rt::spawn(membership::leave_behind(store.clone(), life.me.generation));
    Ok(Equipment {
        logs: Arc::new(LogFiles::in_folder(config.log_folder())),
        store: Arc::new(store.clone()),
        catalog,
        registry,
        condition: HealthStatus::default(),
        network: None,
        api: Some((listener, address)),
        life,
        config,
    })
}

/// Another process has taken the database meanwhile: this life is over, as one that was declared dead.
async fn end_when_not_alone(alone: StandaloneLock) {
    let why = alone.wait_until_lost().await;
    tracing::error!(%why, "the lock of the standalone mode was lost; the node ends");
    process::exit(membership::DECLARED_DEAD);
}

/// Creates or migrates the schema; a newer one is none of our business.
async fn bring_up_to_date(store: &Store) -> Result<(), StartupError> {
    match store.schema_status().await.map_err(other)? {
        SchemaStatus::UpToDate => Ok(()),
        SchemaStatus::Older { .. } => store.migrate().await.map_err(other),
        SchemaStatus::Newer { found } => Err(StartupError::Schema(format!(
            "the database has the schema of a newer porpoise ({}); start that version, or restore a backup",
            found.join(", ")
        ))),
    }
}
