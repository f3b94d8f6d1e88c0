//! One process with every role.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use actors::assembly::{self, Ingredients};
use actors::local::LocalNode;
use actors::node::Node;
use actors::ports::{self, Me};
use actors::worker::Folders;
use engine::ids::Incarnation;
use engine::states::MemberState;
use tokio::sync::watch;

use super::{StartupError, first_start, listen, membership, prepare_folder, stop};
use crate::api::{self, ApiState};
use crate::config::{Config, Mode};
use crate::runner::{self, Limits, Runners};
use crate::store::catalog::Catalog;
use crate::store::{Alone, Role, SchemaStatus, Store};
use crate::telemetry::{self, Metrics};

const HOUR: Duration = Duration::from_secs(3600);

/// The exit code after the death of an actor that the node cannot do without.
const BROKEN: i32 = 70;

/// Runs a standalone node until it is told to stop.
pub(super) async fn run(mut config: Config) -> Result<ExitCode, StartupError> {
    telemetry::init(&config.log);
    config.server.data = prepare_folder(&config.server.data)?;
    let (listener, address) = listen(config.server.listen)?;
    let store = Store::open(config.database_url().reveal(), Role::Node)
        .await
        .map_err(other)?;
    let alone = store.lock_alone(&config.server.data).await.map_err(other)?;
    bring_up_to_date(&store).await?;
    let catalog = Catalog::new(&store);
    let engine_store: Arc<dyn ports::Store> = Arc::new(store.clone());
    let (me, clock) = membership::join_alone(&*engine_store, &config, address.to_string())
        .await
        .map_err(other)?;
    store.name_engine(me.incarnation).await.map_err(other)?;
    actix_rt::spawn(end_when_not_alone(alone));
    first_start::ensure_admin(&config, &catalog, clock.now()).await?;
    engine_store
        .set_member_state(me.incarnation, MemberState::Active)
        .await
        .map_err(other)?;
    actix_rt::spawn(membership::beat(
        Arc::clone(&engine_store),
        me.incarnation,
        clock.clone(),
    ));
    let parts = ingredients(&config, me, clock, Arc::clone(&engine_store))?;
    let node = Arc::new(assembly::standalone(parts).await.map_err(StartupError::Other)?);
    let (close, closing) = watch::channel(false);
    actix_rt::spawn(forget_old(catalog.clone(), node.clock()));
    let state = ApiState {
        node: Arc::clone(&node) as Arc<dyn Node>,
        catalog,
        logs: Arc::new(runner::logs::LogFiles::in_folder(config.log_folder())),
        metrics: Metrics::install(),
        mode: Mode::Standalone,
        session_lifetime: config.auth.session_lifetime,
        version: env!("CARGO_PKG_VERSION"),
        closing,
    };
    let server = api::serve(state, listener).map_err(other)?;
    let handle = server.handle();
    actix_rt::spawn(server);
    say_ready(address, node.me().incarnation);
    serve_until_told(&node, &engine_store, &config).await?;
    close.send(true).ok();
    handle.stop(false).await;
    Ok(ExitCode::SUCCESS)
}

/// Another process has taken the database meanwhile: this life is over, as one that was declared dead.
async fn end_when_not_alone(alone: Alone) {
    let why = alone.until_lost().await;
    tracing::error!(%why, "the lock of the standalone mode was lost; the node ends");
    process::exit(membership::DECLARED_DEAD);
}

/// Every hour, drops request keys and tokens whose time is over.
async fn forget_old(catalog: Catalog, clock: actors::clock::Clock) {
    let mut ticks = tokio::time::interval(HOUR);
    loop {
        ticks.tick().await;
        if let Err(error) = catalog.forget_old(clock.now()).await {
            tracing::warn!(%error, "old request keys and tokens were not dropped");
        }
    }
}

async fn serve_until_told(
    node: &LocalNode,
    store: &Arc<dyn ports::Store>,
    config: &Config,
) -> Result<(), StartupError> {
    stop::told(node).await.map_err(other)?;
    stop::drain(node, store, config.server.drain_timeout).await;
    Ok(())
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

fn ingredients(
    config: &Config,
    me: Me,
    clock: actors::clock::Clock,
    store: Arc<dyn ports::Store>,
) -> Result<Ingredients, StartupError> {
    let limits = Limits {
        log_bytes: config.worker.log_limit,
        ..Limits::default()
    };
    let folders = Folders::in_data(&config.server.data);
    Ok(Ingredients {
        me,
        clock,
        store,
        runner: Arc::new(Runners::with_limits(limits).map_err(StartupError::Other)?),
        journal: Arc::new(runner::journal::JournalFile::in_data(&config.server.data)),
        folders,
        boot_id: runner::boot_id(),
        group: config.worker.group.clone(),
        slots: config.worker.slots,
        end_node: Arc::new(|actor| {
            tracing::error!(
                actor,
                "an actor died that the node cannot do without; the node ends"
            );
            process::exit(BROKEN);
        }),
    })
}

/// Prints the one line that says where the node serves.
fn say_ready(address: SocketAddr, incarnation: Incarnation) {
    let url = format!("http://{address}");
    let roles = "master,worker,api";
    let mut out = std::io::stdout().lock();
    let line = if out.is_terminal() {
        format!("porpoise ready url={url} incarnation={incarnation} roles={roles}")
    } else {
        serde_json::json!({
            "msg": "porpoise ready", "url": url, "rpc": null,
            "incarnation": incarnation.to_string(), "roles": roles,
        })
        .to_string()
    };
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

fn other(error: impl std::fmt::Display) -> StartupError {
    StartupError::Other(error.to_string())
}
