//! Named limits of projects, and those that all projects share.

mod views;

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use catalog::{Catalog, LimitChange, LimitOwner, NewLimit, Project, ProjectId, StoredLimit};
use engine::ids::InstanceId;
use engine::spec::{Definition, MAX_LIMIT_SLOTS};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, AnyUser, Caller, Read, Write};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query, check_name, escape_pointer};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::{parse_id, path_parameter};
use crate::http::problem::{Detail, Problem};
use crate::limits::views::{LimitView, PutLimit, QueueEntryView};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(put_limit)
        .service(list_limits)
        .service(read_limit)
        .service(delete_limit)
        .service(list_queue)
        .service(force_task)
        .service(put_shared_limit)
        .service(list_shared_limits)
        .service(read_shared_limit)
        .service(delete_shared_limit)
        .service(list_shared_queue)
        .service(force_shared_task);
}

/// Checks that the limits exist that the tasks of a document name.
pub(crate) async fn check_limits(
    catalog: &Catalog,
    project: ProjectId,
    workflow: &Definition,
    position: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for task in &workflow.tasks {
        for (place, limit) in task.limits.iter().enumerate() {
            let pointer = format!("/tasks/{}/limits/{place}", escape_pointer(&task.name));
            places.entry(&limit.name).or_default().push(pointer);
        }
    }
    let names: Vec<&str> = places.keys().copied().collect();
    let mut errors = Vec::new();
    for name in catalog.limits().find_missing(project, &names).await? {
        for pointer in places.remove(name.as_str()).unwrap_or_default() {
            let (line, column) = position(&pointer).unzip();
            errors.push(Detail {
                pointer,
                code: Code::UnknownLimit.as_str().to_owned(),
                message: format!("there is no limit `{name}` in the project, nor a shared one"),
                line,
                column,
            });
        }
    }
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::InvalidDocument, first.message.clone()).with_errors(errors)),
    }
}

/// Stores a limit of a project.
#[utoipa::path(tag = "limits", params(("project" = String, Path), ("limit" = String, Path)),
    request_body = PutLimit, responses((status = 200, body = LimitView), (status = 201, body = LimitView)))]
#[put("/api/v1/projects/{project}/limits/{limit}")]
async fn put_limit(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutLimit>,
) -> Result<HttpResponse, Problem> {
    store_limit(&caller, owner_of(&caller), &request, body.value).await
}

/// Stores a limit that all projects share.
#[utoipa::path(tag = "limits", params(("limit" = String, Path)), request_body = PutLimit,
    responses((status = 200, body = LimitView), (status = 201, body = LimitView)))]
#[put("/api/v1/limits/{limit}")]
async fn put_shared_limit(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutLimit>,
) -> Result<HttpResponse, Problem> {
    store_limit(&caller, LimitOwner::Shared, &request, body.value).await
}

async fn store_limit<N, O>(
    caller: &Caller<N, O>,
    owner: LimitOwner,
    request: &HttpRequest,
    body: PutLimit,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "limit")?;
    check_name("/name", &name)?;
    let slots = u32::try_from(body.slots)
        .ok()
        .filter(|slots| *slots <= MAX_LIMIT_SLOTS);
    let out_of_range = || {
        let detail = format!("`slots` is 0 to {MAX_LIMIT_SLOTS}.");
        Problem::new(Code::InvalidBody, detail).at("/slots")
    };
    let new = NewLimit {
        slots: slots.ok_or_else(out_of_range)?,
        enabled: body.enabled.unwrap_or(true),
        description: body.description,
    };
    let context = caller.audit_context(None);
    let (limit, change) = caller
        .catalog()
        .limits()
        .put(owner, &name, &new, &context)
        .await?;
    caller.server().state().node.limits_changed();
    let mut response = match change {
        LimitChange::Created => HttpResponse::Created(),
        LimitChange::Replaced => HttpResponse::Ok(),
    };
    Ok(response.json(LimitView::from(limit)))
}

/// Lists the limits of a project by name.
#[utoipa::path(tag = "limits", params(("project" = String, Path), Paging),
    responses((status = 200, body = List<LimitView>)))]
#[get("/api/v1/projects/{project}/limits")]
async fn list_limits(caller: Caller<Read, Project>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    list_of(caller.catalog(), owner_of(&caller), paging.0).await
}

/// Lists the shared limits by name.
#[utoipa::path(tag = "limits", params(Paging), responses((status = 200, body = List<LimitView>)))]
#[get("/api/v1/limits")]
async fn list_shared_limits(
    caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    list_of(caller.catalog(), LimitOwner::Shared, paging.0).await
}

async fn list_of(catalog: &Catalog, owner: LimitOwner, paging: Paging) -> Result<HttpResponse, Problem> {
    let page = catalog.limits().list(owner, &paging.page_request()?).await?;
    Ok(HttpResponse::Ok().json(List::<LimitView>::from_page(page)))
}

/// Reads a limit of a project.
#[utoipa::path(tag = "limits", params(("project" = String, Path), ("limit" = String, Path)),
    responses((status = 200, body = LimitView)))]
#[get("/api/v1/projects/{project}/limits/{limit}")]
async fn read_limit(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = find_limit(caller.catalog(), owner_of(&caller), &request).await?;
    Ok(HttpResponse::Ok().json(LimitView::from(limit)))
}

/// Reads a shared limit.
#[utoipa::path(tag = "limits", params(("limit" = String, Path)), responses((status = 200, body = LimitView)))]
#[get("/api/v1/limits/{limit}")]
async fn read_shared_limit(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = find_limit(caller.catalog(), LimitOwner::Shared, &request).await?;
    Ok(HttpResponse::Ok().json(LimitView::from(limit)))
}

async fn find_limit(
    catalog: &Catalog,
    owner: LimitOwner,
    request: &HttpRequest,
) -> Result<StoredLimit, Problem> {
    let name = path_parameter(request, "limit")?;
    let found = catalog.limits().find(owner, &name).await?;
    found.ok_or_else(|| Problem::not_found(format!("limit `{name}`")))
}

/// Deletes a limit of a project that no current document names.
#[utoipa::path(tag = "limits", params(("project" = String, Path), ("limit" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("/api/v1/projects/{project}/limits/{limit}")]
async fn delete_limit(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    remove_limit(&caller, owner_of(&caller), &request).await
}

/// Deletes a shared limit that no current document names.
#[utoipa::path(tag = "limits", params(("limit" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/api/v1/limits/{limit}")]
async fn delete_shared_limit(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    remove_limit(&caller, LimitOwner::Shared, &request).await
}

async fn remove_limit<N, O>(
    caller: &Caller<N, O>,
    owner: LimitOwner,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "limit")?;
    let context = caller.audit_context(None);
    caller.catalog().limits().delete(owner, &name, &context).await?;
    caller.server().state().node.limits_changed();
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the tasks that hold slots of a limit of a project, then those that wait for it, the next first.
#[utoipa::path(tag = "limits", params(("project" = String, Path), ("limit" = String, Path), Paging),
    responses((status = 200, body = List<QueueEntryView>)))]
#[get("/api/v1/projects/{project}/limits/{limit}/queue")]
async fn list_queue(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    queue_of(caller.catalog(), owner_of(&caller), &request, paging.0).await
}

/// Lists the tasks that hold slots of a shared limit, then those that wait for it, the next first.
#[utoipa::path(tag = "limits", params(("limit" = String, Path), Paging),
    responses((status = 200, body = List<QueueEntryView>)))]
#[get("/api/v1/limits/{limit}/queue")]
async fn list_shared_queue(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    queue_of(caller.catalog(), LimitOwner::Shared, &request, paging.0).await
}

async fn queue_of(
    catalog: &Catalog,
    owner: LimitOwner,
    request: &HttpRequest,
    paging: Paging,
) -> Result<HttpResponse, Problem> {
    let limit = find_limit(catalog, owner, request).await?;
    let page = catalog
        .limits()
        .list_queue(&limit, &paging.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<QueueEntryView>::from_page(page)))
}

/// Lets a waiting task start over a limit of a project; it counts.
#[utoipa::path(tag = "limits",
    params(("project" = String, Path), ("limit" = String, Path), ("id" = String, Path), ("task" = String, Path)),
    responses((status = 200, body = QueueEntryView), (status = 409)))]
#[post("/api/v1/projects/{project}/limits/{limit}/queue/{id}/{task}/force")]
async fn force_task(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    force_over(&caller, owner_of(&caller), &request).await
}

/// Lets a waiting task start over a shared limit; it counts.
#[utoipa::path(tag = "limits", params(("limit" = String, Path), ("id" = String, Path), ("task" = String, Path)),
    responses((status = 200, body = QueueEntryView), (status = 409)))]
#[post("/api/v1/limits/{limit}/queue/{id}/{task}/force")]
async fn force_shared_task(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    force_over(&caller, LimitOwner::Shared, &request).await
}

async fn force_over<N, O>(
    caller: &Caller<N, O>,
    owner: LimitOwner,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "limit")?;
    let (id, task) = (path_parameter(request, "id")?, path_parameter(request, "task")?);
    let instance = parse_id(&id).ok_or_else(|| Problem::not_found(format!("instance {id}")))?;
    let context = caller.audit_context(None);
    let entry = caller
        .catalog()
        .limits()
        .force((owner, &name), (InstanceId(instance), &task), &context)
        .await?;
    caller.server().state().node.limits_changed();
    Ok(HttpResponse::Ok().json(QueueEntryView::from(entry)))
}

fn owner_of<N>(caller: &Caller<N, Project>) -> LimitOwner {
    LimitOwner::Project(caller.object().id)
}
