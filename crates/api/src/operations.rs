//! Control operations after they were accepted.

use actix_web::{HttpResponse, get};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, OfOperation, Read};
use super::body::{NoQuery, Query};
use super::views::Operation;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(read_operation);
}

/// Reads an operation: whether its owner has decided it, and how.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = Operation)))]
#[get("/api/v1/operations/{id}")]
async fn read_operation(who: Authorised<Read, OfOperation>, _: Query<NoQuery>) -> HttpResponse {
    HttpResponse::Ok().json(Operation::from(who.object.0))
}
