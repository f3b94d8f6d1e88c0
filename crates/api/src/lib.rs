//! The REST interface: everything under `/api`, health and metrics.
//!
//! Handlers read and change through the catalog, start and control through the actors, and wait by listening
//! to the hub. They hold no state of their own.

mod access;
mod auth;
mod body;
mod codes;
mod docs;
mod health;
mod idempotency;
mod instances;
mod limits;
mod lists;
mod logs;
mod node_views;
mod nodes;
mod operations;
mod password;
mod problem;
mod projects;
mod respond;
mod starts;
mod stream;
mod task_types;
mod tasks;
mod threads;
mod tokens;
mod users;
mod verbs;
mod views;
mod waits;
mod workflows;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};
use actix_web_lab::middleware::CatchPanic;
use actors::node::Node;
use actors::ports::LogSource;
use tokio::sync::watch;
use utoipa_actix_web::AppExt;

pub use self::access::token_hash;
pub use self::codes::Code;
pub use self::docs::openapi;
pub use self::problem::{Detail, Problem};
pub use self::threads::Threads;
use metrics_exporter_prometheus::PrometheusHandle;
use store::catalog::Catalog;

/// What kind of process is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One process with every role.
    Standalone,
    /// One node of a cluster.
    Cluster,
}

/// How often a caller of REST may ask: requests a second, twice as many at once; 0 is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// With one valid token.
    pub per_token: u32,
    /// Without a valid token, from one address.
    pub per_address: u32,
}

/// What the interface stands on.
#[derive(Clone)]
pub struct ApiState {
    /// The actors of this node.
    pub node: Arc<dyn Node>,
    /// What is stored.
    pub catalog: Catalog,
    /// Where logs of attempts are read.
    pub logs: Arc<dyn LogSource>,
    /// The registry behind `/metrics`.
    pub metrics: PrometheusHandle,
    /// How this node was started.
    pub mode: Mode,
    /// The program's version.
    pub version: &'static str,
    /// How often one caller may ask.
    pub rates: Rates,
    /// How long a login lasts.
    pub session_lifetime: Duration,
    /// Becomes true when the server is about to stop: streams and waits end.
    pub closing: watch::Receiver<bool>,
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// A request that got in is answered within this time after the server was told to stop, or cut off.
const LAST_ANSWERS: u64 = 3;

/// Serves the interface on a bound listener until the returned server is stopped.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(state: ApiState, listener: TcpListener) -> io::Result<(Server, Threads)> {
    actix_web::rt::spawn(keep_metrics_small(state.metrics.clone(), state.closing.clone()));
    let shared = Arc::new(access::Server::new(state));
    let threads = Threads::of_this_machine();
    let going = threads.clone();
    let server = HttpServer::new(move || {
        actix_web::rt::spawn(going.clone().go_round());
        let (app, description) = App::new().into_utoipa_app().configure(routes).split_for_parts();
        let description = docs::finish(description);
        app.app_data(docs::Description::of(&description))
            .app_data(Arc::clone(&shared).into_app_data())
            .configure(docs::page)
            .default_service(actix_web::web::to(docs::nothing_here))
            .wrap(from_fn(access::guard))
            .wrap(CatchPanic::default())
            .wrap(from_fn(respond::respond))
    });
    let server = server
        .workers(threads.count())
        .shutdown_timeout(LAST_ANSWERS)
        .client_request_timeout(Duration::from_secs(30))
        .disable_signals()
        .listen(listener)?
        .run();
    Ok((server, threads))
}

/// Folds what was measured into its buckets, also when nobody reads the metrics.
async fn keep_metrics_small(metrics: PrometheusHandle, mut closing: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TIDY_EVERY) => metrics.run_upkeep(),
            () = waits::closed(&mut closing) => return,
        }
    }
}

/// Measures between two readings are kept one by one; this bounds them.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// Registers every documented endpoint.
fn routes(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    health::routes(config);
    docs::routes(config);
    auth::routes(config);
    projects::routes(config);
    workflows::routes(config);
    starts::routes(config);
    instances::routes(config);
    tasks::routes(config);
    logs::routes(config);
    verbs::routes(config);
    operations::routes(config);
    users::routes(config);
    tokens::routes(config);
    nodes::routes(config);
    task_types::routes(config);
    stream::routes(config);
}
