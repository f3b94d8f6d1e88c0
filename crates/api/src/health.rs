//! Whether the process lives, whether it is ready, and its metrics.

use std::time::Duration;

use actix_web::{HttpResponse, get};
use actors::membership::health::{DISK_FULL, DRAINING, HEARTBEATS_NOT_STORED};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, Everything, Open, SignedIn};
use super::codes::Code;
use super::problem::Problem;

/// A database that does not answer in this time counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz).service(metrics);
}

/// Says that the process lives.
#[utoipa::path(tag = "health", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/healthz")]
async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// Says whether the node can do its work: it serves, can use the database and has room on its disk.
#[utoipa::path(tag = "health", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/readyz")]
async fn readyz(open: Open) -> Result<HttpResponse, Problem> {
    if *open.server.state.closing.borrow() {
        return Err(Problem::new(Code::NotReady, "The node is stopping."));
    }
    for trouble in open.server.state.node.health_issues() {
        match trouble.code {
            DRAINING | DISK_FULL => return Err(Problem::new(Code::NotReady, trouble.detail)),
            HEARTBEATS_NOT_STORED => return Err(Problem::new(Code::StoreUnavailable, trouble.detail)),
            _ => {}
        }
    }
    match tokio::time::timeout(PATIENCE, open.server.catalog().database()).await {
        Ok(Ok(_)) => Ok(HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("ready\n")),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Problem::new(
            Code::StoreUnavailable,
            "The database does not answer.",
        )),
    }
}

/// Gives the metrics of this node in the text format of Prometheus.
#[utoipa::path(tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
async fn metrics(who: Authorised<SignedIn, Everything>) -> HttpResponse {
    let slots = who.server.state.node.slot_usage();
    ::metrics::gauge!("porpoise_worker_slots", "state" => "total").set(slots.total);
    ::metrics::gauge!("porpoise_worker_slots", "state" => "used").set(slots.used);
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(who.server.state.metrics.render())
}
