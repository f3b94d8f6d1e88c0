//! The nodes of the cluster with its takeovers.

pub(crate) mod views;

use actix_web::{HttpRequest, HttpResponse, get, post};
use catalog::NodeRow;
use engine::ids::Incarnation;
use engine::states::MemberState;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, AnyUser, Caller};
use crate::auth::objects::System;
use crate::auth::server::Server;
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::{parse_id, path_parameter};
use crate::http::problem::Problem;
use crate::nodes::views::{ClusterView, Failover, HealthIssue, NodeView};

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(list_nodes)
        .service(list_failovers)
        .service(drain_node)
        .service(read_cluster);
}

/// Reads the nodes of the cluster.
pub(crate) async fn read_nodes(server: &Server) -> Result<Vec<NodeView>, Problem> {
    let rows = server.catalog().nodes().list(server.now()).await?;
    Ok(rows.into_iter().map(NodeView::from).collect())
}

/// Lists the nodes that are alive, with those that ended within a day.
#[utoipa::path(tag = "nodes", responses((status = 200, body = List<NodeView>)), params(Paging))]
#[get("/nodes")]
async fn list_nodes(caller: Caller<AnyUser, System>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let page = caller
        .catalog()
        .nodes()
        .list_page(caller.server().now(), &paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<NodeView>::from_page(page)))
}

/// Lists takeovers, newest first.
#[utoipa::path(tag = "nodes", params(Paging), responses((status = 200, body = List<Failover>)))]
#[get("/failovers")]
async fn list_failovers(
    caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = caller
        .catalog()
        .nodes()
        .list_failovers(&paging.0.page_request()?)
        .await?;
    Ok(HttpResponse::Ok().json(List::<Failover>::from_page(page)))
}

/// Has no members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DrainBody {}

/// Drains a node: it accepts nothing new, lets its tasks end, then exits.
#[utoipa::path(tag = "nodes", params(("incarnation" = String, Path)), request_body = DrainBody,
    responses((status = 202, body = NodeView), (status = 409)))]
#[post("/nodes/{incarnation}/drain")]
async fn drain_node(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    _body: Body<DrainBody>,
) -> Result<HttpResponse, Problem> {
    let text = path_parameter(&request, "incarnation")?;
    let id = parse_id(&text).map(Incarnation);
    let rows = caller.catalog().nodes().list(caller.server().now()).await?;
    let row = rows.into_iter().find(|row| Some(row.incarnation) == id);
    let row = row.ok_or_else(|| Problem::not_found(format!("node with incarnation {text}")))?;
    if matches!(row.state, MemberState::Left | MemberState::Dead) {
        let detail = format!("The node is {}; only a running one can be drained.", row.state);
        return Err(Problem::new(Code::InvalidState, detail));
    }
    caller.server().state().node.drain_node(row.incarnation).await?;
    let draining = NodeRow {
        state: MemberState::Draining,
        ..row
    };
    Ok(HttpResponse::Accepted().json(NodeView::from(draining)))
}

/// Returns the structure of the cluster with its health issues.
#[utoipa::path(tag = "nodes", responses((status = 200, body = ClusterView)))]
#[get("/cluster")]
async fn read_cluster(caller: Caller<AnyUser, System>, _: Query<NoQuery>) -> Result<HttpResponse, Problem> {
    let server = caller.server();
    let database = caller.catalog().nodes().database().await?;
    let nodes = caller.catalog().nodes().list(server.now()).await?;
    let issues = server.state().node.health_issues();
    let mut degraded: Vec<HealthIssue> = issues
        .iter()
        .map(|issue| HealthIssue::new(issue.code, &issue.detail, issue.since))
        .collect();
    for (role, code) in [("master", "NO_MASTER"), ("worker", "NO_WORKER")] {
        if !nodes.iter().any(|node| is_active_with_role(node, role)) {
            let detail = format!("No active node has the role {role}.");
            degraded.push(HealthIssue::new(code, &detail, server.now()));
        }
    }
    Ok(HttpResponse::Ok().json(ClusterView::new(server.state(), database, degraded)))
}

fn is_active_with_role(node: &NodeRow, role: &str) -> bool {
    node.state == MemberState::Active && node.roles.iter().any(|r| r == role)
}
