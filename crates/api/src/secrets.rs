//! Secrets of projects. Their values come in and never go out.

mod views;

use std::collections::BTreeMap;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use catalog::{Catalog, Project, ProjectId, SecretChange};
use engine::spec::{Definition, names};
use primitives::secret::Secret;
use secrets::MIN_VALUE_BYTES;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, Caller, Read, Write};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::idempotency::create_once;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::{Detail, Problem};
use crate::operations::views::OperationView;
use crate::secrets::views::{PutSecret, RotateSecrets, SecretView};

/// The most bytes of a value.
const MAX_VALUE_BYTES: usize = 64 << 10;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(rotate_secrets);
}

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config
        .service(put_secret)
        .service(list_secrets)
        .service(read_secret)
        .service(delete_secret);
}

/// Checks that the secrets exist that the tasks of a document name.
pub(crate) async fn check_secrets(
    catalog: &Catalog,
    project: ProjectId,
    workflow: &Definition,
    position: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for reference in workflow.secret_references() {
        places.entry(reference.name).or_default().push(reference.pointer);
    }
    let names: Vec<&str> = places.keys().map(String::as_str).collect();
    let missing = catalog.secrets().find_missing(project, &names).await?;
    let mut errors = Vec::new();
    for secret in missing {
        for pointer in places.remove(&secret.name).unwrap_or_default() {
            let (line, column) = position(&pointer).unzip();
            errors.push(Detail {
                pointer,
                code: Code::UnknownSecret.as_str().to_owned(),
                message: secret.to_string(),
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

/// Stores the value of a secret. No answer shows it or its length; attempts that are sent from now on get it.
#[utoipa::path(tag = "secrets", params(("project" = String, Path), ("secret" = String, Path)),
    request_body = PutSecret, responses((status = 200, body = SecretView), (status = 201, body = SecretView),
        (status = 409), (status = 422)))]
#[put("/secrets/{secret}")]
async fn put_secret(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<PutSecret>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "secret")?;
    names::check_param(&name).map_err(|why| Problem::new(Code::InvalidName, why).at("/name"))?;
    let value = check_value(&body.value)?;
    let context = caller.audit_context(None);
    let stored = caller.catalog().secrets();
    let (secret, change) = stored.put(caller.object().id, &name, &value, &context).await?;
    let mut response = match change {
        SecretChange::Created => HttpResponse::Created(),
        SecretChange::Replaced => HttpResponse::Ok(),
    };
    Ok(response.json(SecretView::from(secret)))
}

/// Takes the value out of a body; no refusal repeats it.
fn check_value(body: &PutSecret) -> Result<Secret, Problem> {
    let refused = |code, detail: String| Err(Problem::new(code, detail).at("/value"));
    let Some(value) = body.value.as_str() else {
        return refused(Code::InvalidBody, "`value` is a text.".to_owned());
    };
    match value.len() {
        0..MIN_VALUE_BYTES => {
            let detail =
                format!("A secret has at least {MIN_VALUE_BYTES} bytes: a shorter one cannot be masked.");
            refused(Code::SecretTooShort, detail)
        }
        MIN_VALUE_BYTES..=MAX_VALUE_BYTES if value.contains('\0') => {
            let detail = "A secret cannot hold the character NUL, which no variable can carry.";
            refused(Code::InvalidBody, detail.to_owned())
        }
        MIN_VALUE_BYTES..=MAX_VALUE_BYTES => Ok(Secret::new(value)),
        _ => refused(
            Code::ValueTooLarge,
            format!("A secret has at most {MAX_VALUE_BYTES} bytes."),
        ),
    }
}

/// Lists the secrets of a project by name.
#[utoipa::path(tag = "secrets", params(("project" = String, Path), Paging),
    responses((status = 200, body = List<SecretView>)))]
#[get("/secrets")]
async fn list_secrets(caller: Caller<Read, Project>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let secrets = caller.catalog().secrets();
    let page = secrets
        .list(caller.object().id, &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<SecretView>::from_page(page)))
}

/// Reads who set a secret, and when.
#[utoipa::path(tag = "secrets", params(("project" = String, Path), ("secret" = String, Path)),
    responses((status = 200, body = SecretView)))]
#[get("/secrets/{secret}")]
async fn read_secret(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "secret")?;
    let found = caller.catalog().secrets().find(caller.object().id, &name).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("secret `{name}`")))?;
    Ok(HttpResponse::Ok().json(SecretView::from(found)))
}

/// Deletes a secret that no current document names.
#[utoipa::path(tag = "secrets", params(("project" = String, Path), ("secret" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("/secrets/{secret}")]
async fn delete_secret(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(&request, "secret")?;
    let context = caller.audit_context(None);
    let secrets = caller.catalog().secrets();
    secrets.delete(caller.object().id, &name, &context).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Encrypts every stored value again under the first key. Every node has that key before.
#[utoipa::path(tag = "secrets", request_body = RotateSecrets,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = OperationView), (status = 409)))]
#[post("/secrets/rotate")]
async fn rotate_secrets(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<RotateSecrets>,
) -> Result<HttpResponse, Problem> {
    let rotations = caller.catalog().secret_rotations();
    let create = async |key| Ok(rotations.request(&caller.audit_context(key)).await?);
    let find = async |operation: &str| Ok(rotations.find(operation).await?);
    let rotation = create_once(&caller, &request, &body.bytes, create, find).await?;
    caller.server().state().rotation_requests.notify_one();
    let place = format!("/api/v1/operations/{}", rotation.operation_id());
    Ok(HttpResponse::Accepted()
        .insert_header((LOCATION, place))
        .json(OperationView::from(rotation)))
}
