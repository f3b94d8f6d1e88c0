//! Control operations after they were accepted.

pub(crate) mod views;

use actix_web::{HttpResponse, get};
use catalog::Operation;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read};
use crate::http::body::{NoQuery, Query};
use crate::operations::views::OperationView;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(read_operation);
}

/// Reads an operation: whether its owner has decided it, and how.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = OperationView)))]
#[get("/api/v1/operations/{id}")]
async fn read_operation(caller: Caller<Read, Operation>, _: Query<NoQuery>) -> HttpResponse {
    HttpResponse::Ok().json(OperationView::from(caller.into_object()))
}
