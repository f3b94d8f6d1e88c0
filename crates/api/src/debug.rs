//! The state of this node's actors, for diagnosis.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, Caller};
use crate::auth::objects::System;
use crate::http::body::{NoQuery, Query};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(read_actors);
}

/// The actors of one node.
#[derive(Debug, Serialize, ToSchema)]
struct ActorsView {
    /// The name of the node that answers.
    node: String,
    incarnation: String,
    /// The state of each actor by its role, for people: its members change without notice.
    #[schema(value_type = Object)]
    actors: Value,
}

/// Returns the state of the actors of the node that answers.
#[utoipa::path(tag = "nodes", responses((status = 200, body = ActorsView)))]
#[get("/debug/actors")]
async fn read_actors(caller: Caller<Admin, System>, _: Query<NoQuery>) -> HttpResponse {
    let node = &caller.server().state().node;
    let identity = node.this_node();
    HttpResponse::Ok().json(ActorsView {
        node: identity.name,
        incarnation: identity.incarnation.to_string(),
        actors: node.observe().await,
    })
}
