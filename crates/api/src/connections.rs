//! Connections of projects, and those that are shared and granted to projects.

mod granted;
mod lookup;
mod problems;
mod references;
mod trials;
mod views;

use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use catalog::{ConnectionChange, ConnectionOwner, Page, Project, PutConnection};
use engine::connection::CONNECTIONS;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, AnyUser, Caller, Read, Write};
use crate::auth::objects::System;
use crate::connections::lookup::{find_connection, owner_of};
use crate::connections::problems::invalid_connection;
use crate::connections::views::{ConnectionBody, ConnectionTypeView, ConnectionView, ListedConnectionView};
use crate::http::body::{NoQuery, Query, ValueBody, check_name};
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

pub(crate) use self::references::check_connections;

/// The name of the list of types in its cursors.
const TYPES: &str = "connection_types";

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(list_connection_types)
        .service(put_shared_connection)
        .service(list_shared_connections)
        .service(read_shared_connection)
        .service(delete_shared_connection)
        .service(trials::test_shared_connection);
    granted::register_routes(config);
}

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config
        .service(trials::test_unstored_connection)
        .service(trials::test_connection)
        .service(put_connection)
        .service(list_connections)
        .service(read_connection)
        .service(delete_connection);
}

/// Lists the types of connections with the JSON Schema of each.
#[utoipa::path(tag = "connections", params(Paging), responses((status = 200, body = List<ConnectionTypeView>)))]
#[get("/connection-types")]
async fn list_connection_types(
    _caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let mut items: Vec<ConnectionTypeView> = CONNECTIONS
        .types
        .iter()
        .map(|known| ConnectionTypeView::of(known))
        .collect();
    if let Some(last) = page.after::<String>(TYPES)? {
        let shown = items.iter().position(|item| item.name == last);
        items.drain(..shown.map_or(0, |position| position + 1));
    }
    let page = Page::cut(TYPES, &page, items, |item| item.name.to_owned());
    Ok(HttpResponse::Ok().json(List::<ConnectionTypeView>::from_page(page)))
}

/// Stores a connection of a project. A secret field that is left out keeps its value.
#[utoipa::path(tag = "connections", params(("project" = String, Path), ("connection" = String, Path)),
    request_body = ConnectionBody,
    responses((status = 200, body = ConnectionView), (status = 201, body = ConnectionView), (status = 409)))]
#[put("/connections/{connection}")]
async fn put_connection(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    store_connection(&caller, owner_of(&caller), &request, body).await
}

/// Stores a shared connection. A secret field that is left out keeps its value.
#[utoipa::path(tag = "connections", params(("connection" = String, Path)), request_body = ConnectionBody,
    responses((status = 200, body = ConnectionView), (status = 201, body = ConnectionView), (status = 409)))]
#[put("/connections/{connection}")]
async fn put_shared_connection(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    store_connection(&caller, ConnectionOwner::Shared, &request, body).await
}

async fn store_connection<N, O>(
    caller: &Caller<N, O>,
    owner: ConnectionOwner,
    request: &HttpRequest,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "connection")?;
    check_name("/name", &name)?;
    let draft = CONNECTIONS
        .parse(&body.value)
        .map_err(|faults| invalid_connection(&faults))?;
    let context = caller.audit_context(None);
    let put = caller
        .catalog()
        .connections()
        .put(owner, &name, draft, &context)
        .await?;
    match put {
        PutConnection::Refused(faults) => Err(invalid_connection(&faults)),
        PutConnection::Stored(connection, change) => {
            let mut response = match change {
                ConnectionChange::Created => HttpResponse::Created(),
                ConnectionChange::Replaced => HttpResponse::Ok(),
            };
            Ok(response.json(ConnectionView::from(*connection)))
        }
    }
}

/// Lists the connections that a project may use by name: its own, and shared ones by name and type.
#[utoipa::path(tag = "connections", params(("project" = String, Path), Paging),
    responses((status = 200, body = List<ListedConnectionView>)))]
#[get("/connections")]
async fn list_connections(
    caller: Caller<Read, Project>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let connections = caller.catalog().connections();
    let page = connections.list_usable(caller.object().id, &page).await?;
    Ok(HttpResponse::Ok().json(List::<ListedConnectionView>::from_page(page)))
}

/// Lists the shared connections by name.
#[utoipa::path(tag = "connections", params(Paging), responses((status = 200, body = List<ConnectionView>)))]
#[get("/connections")]
async fn list_shared_connections(
    caller: Caller<Admin, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let page = caller.catalog().connections().list_shared(&page).await?;
    Ok(HttpResponse::Ok().json(List::<ConnectionView>::from_page(page)))
}

/// Reads a connection of a project; of secret fields only that they are set.
#[utoipa::path(tag = "connections", params(("project" = String, Path), ("connection" = String, Path)),
    responses((status = 200, body = ConnectionView)))]
#[get("/connections/{connection}")]
async fn read_connection(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let connection = find_connection(&caller, owner_of(&caller), &request).await?;
    Ok(HttpResponse::Ok().json(ConnectionView::from(connection)))
}

/// Reads a shared connection; of secret fields only that they are set.
#[utoipa::path(tag = "connections", params(("connection" = String, Path)),
    responses((status = 200, body = ConnectionView)))]
#[get("/connections/{connection}")]
async fn read_shared_connection(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let connection = find_connection(&caller, ConnectionOwner::Shared, &request).await?;
    Ok(HttpResponse::Ok().json(ConnectionView::from(connection)))
}

/// Deletes a connection of a project that no current document names.
#[utoipa::path(tag = "connections", params(("project" = String, Path), ("connection" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("/connections/{connection}")]
async fn delete_connection(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    remove_connection(&caller, owner_of(&caller), &request).await
}

/// Deletes a shared connection that no current document names.
#[utoipa::path(tag = "connections", params(("connection" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("/connections/{connection}")]
async fn delete_shared_connection(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    remove_connection(&caller, ConnectionOwner::Shared, &request).await
}

async fn remove_connection<N, O>(
    caller: &Caller<N, O>,
    owner: ConnectionOwner,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "connection")?;
    let context = caller.audit_context(None);
    caller
        .catalog()
        .connections()
        .delete(owner, &name, &context)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
