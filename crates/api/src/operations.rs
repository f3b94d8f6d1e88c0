//! Operations after they were accepted.

pub(crate) mod accepted_operation;
pub(crate) mod views;

use actix_web::{HttpResponse, get};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read};
use crate::http::body::{NoQuery, Query};
use crate::operations::accepted_operation::AcceptedOperation;
use crate::operations::views::OperationView;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(read_operation);
}

/// Reads an operation: whether it was carried out, and how.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = OperationView)))]
#[get("/operations/{id}")]
async fn read_operation(caller: Caller<Read, AcceptedOperation>, _: Query<NoQuery>) -> HttpResponse {
    HttpResponse::Ok().json(match caller.into_object() {
        AcceptedOperation::Command(operation) => OperationView::from(operation),
        AcceptedOperation::Retention(run) => OperationView::from(run),
    })
}
