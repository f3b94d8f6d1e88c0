//! Liveness, readiness, metrics.

use std::time::Duration;

use actix_web::{HttpResponse, get};
use ports::health::{DISK_FULL, DRAINING, HEARTBEATS_NOT_STORED};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, PublicCaller};
use crate::auth::objects::System;
use crate::http::codes::Code;
use crate::http::problem::Problem;

/// Time after which a database that does not answer counts as unavailable.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz).service(metrics);
}

/// Answers while the process runs.
#[utoipa::path(tag = "health", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/healthz")]
async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// Whether the node can do its work: it serves, can use the database and has room on its disk.
#[utoipa::path(tag = "health", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/readyz")]
async fn readyz(caller: PublicCaller) -> Result<HttpResponse, Problem> {
    if caller.server().is_closing() {
        return Err(Problem::new(Code::NotReady, "The node is stopping."));
    }
    for issue in caller.server().state().node.health_issues() {
        match issue.code {
            DRAINING | DISK_FULL => return Err(Problem::new(Code::NotReady, issue.detail)),
            HEARTBEATS_NOT_STORED => return Err(Problem::new(Code::StoreUnavailable, issue.detail)),
            _ => {}
        }
    }
    match tokio::time::timeout(DATABASE_TIMEOUT, caller.server().catalog().nodes().database()).await {
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

/// Returns the metrics of this node in the text format of Prometheus.
#[utoipa::path(tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
async fn metrics(caller: Caller<AnyUser, System>) -> HttpResponse {
    let slots = caller.server().state().node.slot_usage();
    ::metrics::gauge!("porpoise_worker_slots", "state" => "total").set(slots.total);
    ::metrics::gauge!("porpoise_worker_slots", "state" => "used").set(slots.used);
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(caller.server().state().metrics.render())
}
