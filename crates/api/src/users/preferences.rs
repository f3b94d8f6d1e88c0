//! What a user prefers: an object of that user's own.

use actix_web::{HttpResponse, get, put};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::{NoQuery, Query, ValueBody};
use crate::http::codes::Code;
use crate::http::problem::Problem;

/// The most bytes of one user's preferences.
const MAX_BYTES: usize = 64 << 10;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(read_preferences).service(replace_preferences);
}

/// Returns the caller's preferences, an empty object unless some were stored.
#[utoipa::path(tag = "users", responses((status = 200, body = serde_json::Value)))]
#[get("/api/v1/users/me/preferences")]
async fn read_preferences(
    caller: Caller<AnyUser, System>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let preferences = caller.catalog().preferences();
    let stored = preferences.find(caller.identity().user).await?;
    Ok(HttpResponse::Ok().json(stored.unwrap_or_else(|| json!({}))))
}

/// Replaces the caller's preferences by a JSON object of at most 64 KiB.
#[utoipa::path(tag = "users", request_body = serde_json::Value, responses((status = 200, body = serde_json::Value), (status = 413)))]
#[put("/api/v1/users/me/preferences")]
async fn replace_preferences(
    caller: Caller<AnyUser, System>,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    if body.bytes.len() > MAX_BYTES {
        let detail = format!("Preferences have at most {} KiB.", MAX_BYTES >> 10);
        return Err(Problem::new(Code::BodyTooLarge, detail));
    }
    let preferences = caller.catalog().preferences();
    let context = caller.audit_context(None);
    preferences
        .put(caller.identity().user, &body.value, &context)
        .await?;
    Ok(HttpResponse::Ok().json(body.value))
}
