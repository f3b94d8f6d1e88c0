//! The HTTP server with its layers and every route.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server as HttpServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use actix_web_lab::middleware::CatchPanic;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tokio::sync::watch;
use utoipa_actix_web::AppExt;

use crate::auth::guard;
use crate::auth::server::Server;
use crate::http::openapi::Description;
use crate::http::{base_path, docs_page, respond};
use crate::routes::register_routes;
use crate::state::{ApiState, wait_until_closing};
use crate::threads::Threads;
use crate::ui::pages;

/// Time in which requests under way are answered after a stop, in seconds.
const SHUTDOWN_TIMEOUT_S: u64 = 3;
/// Time in which a client must send the head of its request.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Time between two foldings of raw samples into buckets, which bounds their memory when `/metrics` is not read.
const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Serves the interface on a bound listener until the returned server is stopped.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(state: ApiState, listener: TcpListener) -> io::Result<(HttpServerHandle, Threads)> {
    actix_web::rt::spawn(fold_metrics(state.metrics.clone(), state.closing.clone()));
    let shared = Arc::new(Server::new(state));
    let threads = Threads::for_this_machine();
    let of_workers = threads.clone();
    let server = HttpServer::new(move || {
        actix_web::rt::spawn(of_workers.clone().quiesce_loop());
        let (app, mut openapi) = App::new()
            .into_utoipa_app()
            .configure(register_routes)
            .split_for_parts();
        openapi.servers = servers_of(shared.state());
        app.app_data(Description::new(openapi))
            .app_data(Arc::clone(&shared).into_app_data())
            .configure(docs_page::register_routes)
            .default_service(web::to(pages::serve_ui))
            .wrap(from_fn(guard::require_token))
            .wrap(CatchPanic::default())
            .wrap(from_fn(base_path::mount))
            .wrap(from_fn(respond::complete_response))
    });
    let server = server
        .workers(threads.count())
        .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
        .client_request_timeout(REQUEST_HEAD_TIMEOUT)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok((server, threads))
}

/// Says below which path the endpoints are, unless it is the root.
fn servers_of(state: &ApiState) -> Option<Vec<utoipa::openapi::Server>> {
    let base = state.address.base_path();
    (!base.is_empty()).then(|| vec![utoipa::openapi::Server::new(base)])
}

/// Describes every endpoint.
pub fn openapi() -> Value {
    let (_, description) = App::new()
        .into_utoipa_app()
        .configure(register_routes)
        .split_for_parts();
    Description::new(description).to_json()
}

async fn fold_metrics(metrics: PrometheusHandle, mut closing: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(METRICS_UPKEEP_INTERVAL) => metrics.run_upkeep(),
            () = wait_until_closing(&mut closing) => return,
        }
    }
}
