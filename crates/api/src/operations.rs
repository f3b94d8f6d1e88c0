//! Operations after they were accepted.

pub(crate) mod accepted_operation;
pub(crate) mod views;

use actix_web::{HttpRequest, HttpResponse, get};
use catalog::Permission;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller, Level};
use crate::http::body::{NoQuery, Query};
use crate::http::problem::Problem;
use crate::operations::accepted_operation::AcceptedOperation;
use crate::operations::views::OperationView;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(read_operation);
}

/// Reads an operation: whether it was carried out, and how.
#[utoipa::path(tag = "instances", params(("id" = String, Path)), responses((status = 200, body = OperationView)))]
#[get("/operations/{id}")]
async fn read_operation(
    caller: Caller<AnyUser, AcceptedOperation>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let (level, project) = match caller.object() {
        AcceptedOperation::Command(operation) => (Level::Grant(Permission::Read), Some(operation.project_id)),
        AcceptedOperation::Retention(_) | AcceptedOperation::Rotation(_) => (Level::Admin, None),
        AcceptedOperation::Bulk(operation) if operation.requested_by == caller.identity().name => {
            (Level::AnyUser, None)
        }
        AcceptedOperation::Bulk(_) => (Level::Admin, None),
    };
    caller.check_permission(level, project, &request).await?;
    Ok(HttpResponse::Ok().json(match caller.into_object() {
        AcceptedOperation::Command(operation) => OperationView::from(operation),
        AcceptedOperation::Retention(run) => OperationView::from(run),
        AcceptedOperation::Rotation(rotation) => OperationView::from(rotation),
        AcceptedOperation::Bulk(operation) => OperationView::from(operation),
    }))
}
