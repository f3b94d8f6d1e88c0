//! Tests of connections, from a worker.

use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{ConnectionOwner, Project, StoredConnection};
use engine::connection::{CONNECTIONS, DEFAULT_WORKER_GROUP};
use ports::connections::ConnectionTest;
use serde_json::Value;

use crate::auth::access::{Admin, Caller, Write};
use crate::auth::objects::System;
use crate::connections::lookup::{find_connection, owner_of};
use crate::connections::problems::invalid_connection;
use crate::connections::views::{ConnectionBody, ConnectionTestView};
use crate::http::body::{NoQuery, Query, ValueBody};
use crate::http::problem::Problem;

/// Connects and logs in by a connection of a project, from a worker of its group.
#[utoipa::path(tag = "connections", params(("project" = String, Path), ("connection" = String, Path)),
    responses((status = 200, body = ConnectionTestView), (status = 429)))]
#[post("/connections/{connection}/test")]
pub(super) async fn test_connection(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    caller.server().limits().tests().take(caller.identity().user)?;
    let connection = find_connection(&caller, owner_of(&caller), &request).await?;
    test_stored(&caller, &connection).await
}

/// Connects and logs in by a shared connection, from a worker of its group.
#[utoipa::path(tag = "connections", params(("connection" = String, Path)),
    responses((status = 200, body = ConnectionTestView), (status = 429)))]
#[post("/connections/{connection}/test")]
pub(super) async fn test_shared_connection(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    caller.server().limits().tests().take(caller.identity().user)?;
    let connection = find_connection(&caller, ConnectionOwner::Shared, &request).await?;
    test_stored(&caller, &connection).await
}

/// Connects and logs in by a connection that is not stored, from a worker of its group.
#[utoipa::path(tag = "connections", params(("project" = String, Path)), request_body = ConnectionBody,
    responses((status = 200, body = ConnectionTestView), (status = 429)))]
#[post("/connections/test")]
pub(super) async fn test_unstored_connection(
    caller: Caller<Write, Project>,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    caller.server().limits().tests().take(caller.identity().user)?;
    let draft = CONNECTIONS
        .parse(&body.value)
        .map_err(|faults| invalid_connection(&faults))?;
    let group = worker_group(draft.value("worker_group"));
    let checked = caller
        .catalog()
        .connections()
        .resolve_unstored(owner_of(&caller), draft)
        .await?;
    let connection = checked.map_err(|faults| invalid_connection(&faults))?;
    let test = caller
        .server()
        .state()
        .node
        .test_connection(&group, connection)
        .await;
    Ok(HttpResponse::Ok().json(ConnectionTestView::from(test)))
}

async fn test_stored<N, O>(
    caller: &Caller<N, O>,
    connection: &StoredConnection,
) -> Result<HttpResponse, Problem> {
    let connections = caller.catalog().connections();
    let group = worker_group(connection.connector.fields.get("worker_group"));
    let resolved = match connections.resolve(connection).await? {
        Ok(resolved) => resolved,
        Err(why) => {
            return Ok(
                HttpResponse::Ok().json(ConnectionTestView::from(ConnectionTest::failed(why.to_string())))
            );
        }
    };
    let test = caller
        .server()
        .state()
        .node
        .test_connection(&group, resolved)
        .await;
    if let Some(line) = &test.accepted_key {
        connections.keep_host_key(connection, line).await?;
    }
    Ok(HttpResponse::Ok().json(ConnectionTestView::from(test)))
}

fn worker_group(value: Option<&Value>) -> String {
    value
        .and_then(Value::as_str)
        .unwrap_or(DEFAULT_WORKER_GROUP)
        .to_owned()
}
