//! The connection that a path names.

use actix_web::HttpRequest;
use catalog::{ConnectionOwner, Project, StoredConnection};

use crate::auth::access::Caller;
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

/// Finds the connection of an owner that the path names.
pub(super) async fn find_connection<N, O>(
    caller: &Caller<N, O>,
    owner: ConnectionOwner,
    request: &HttpRequest,
) -> Result<StoredConnection, Problem> {
    let name = path_parameter(request, "connection")?;
    let found = caller.catalog().connections().find(owner, &name).await?;
    found.ok_or_else(|| Problem::not_found(format!("connection `{name}`")))
}

/// Returns the project of the path as the owner of connections.
pub(super) fn owner_of<N>(caller: &Caller<N, Project>) -> ConnectionOwner {
    ConnectionOwner::Project(caller.object().id)
}
