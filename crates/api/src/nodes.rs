//! The nodes of the cluster, its take-overs, and the cluster itself.

use actix_web::{HttpRequest, HttpResponse, get, post};
use engine::ids::{Incarnation, Millis};
use engine::states::MemberState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Admin, Authorised, Everything, Server, SignedIn, number, path_value};
use super::body::{Body, NoQuery, Query};
use super::codes::Code;
use super::lists::{List, Paging};
use super::node_views::{Failover, NodeView};
use super::problem::Problem;
use super::views::time;
use crate::Mode;
use store::catalog::NodeRow;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_nodes)
        .service(list_failovers)
        .service(drain_node)
        .service(read_cluster);
}

/// Reads the nodes; this node's own slots are known better here than in the rows.
pub(super) async fn read_nodes(server: &Server) -> Result<Vec<NodeView>, Problem> {
    let rows = server.catalog().nodes(server.now()).await?;
    Ok(rows.into_iter().map(NodeView::from).collect())
}

/// Lists the nodes that live, and those that ended within a day.
#[utoipa::path(tag = "nodes", responses((status = 200, body = List<NodeView>)), params(Paging))]
#[get("/api/v1/nodes")]
async fn list_nodes(
    who: Authorised<SignedIn, Everything>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    paging.0.request()?;
    Ok(HttpResponse::Ok().json(List::whole(read_nodes(&who.server).await?)))
}

/// Lists take-overs, newest first.
#[utoipa::path(tag = "nodes", params(Paging), responses((status = 200, body = List<Failover>)))]
#[get("/api/v1/failovers")]
async fn list_failovers(
    who: Authorised<SignedIn, Everything>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = who.catalog().failovers(&paging.0.request()?).await?;
    Ok(HttpResponse::Ok().json(List::<Failover>::of(page)))
}

/// Nothing is to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DrainBody {}

/// Drains a node: it takes nothing new, lets its tasks end and exits.
#[utoipa::path(tag = "nodes", params(("incarnation" = String, Path)), request_body = DrainBody,
    responses((status = 202, body = NodeView), (status = 409)))]
#[post("/api/v1/nodes/{incarnation}/drain")]
async fn drain_node(
    who: Authorised<Admin, Everything>,
    request: HttpRequest,
    _: Query<NoQuery>,
    _body: Body<DrainBody>,
) -> Result<HttpResponse, Problem> {
    let text = path_value(&request, "incarnation")?;
    let id = number(&text).map(Incarnation);
    let rows = who.catalog().nodes(who.server.now()).await?;
    let row = rows.into_iter().find(|row| Some(row.incarnation) == id);
    let row = row.ok_or_else(|| Problem::not_found(format!("node with incarnation {text}")))?;
    if matches!(row.state, MemberState::Left | MemberState::Dead) {
        let detail = format!("The node is {}; only one that lives can be drained.", row.state);
        return Err(Problem::new(Code::InvalidState, detail));
    }
    who.server.state.node.drain_node(row.incarnation).await?;
    let draining = NodeRow {
        state: MemberState::Draining,
        ..row
    };
    Ok(HttpResponse::Accepted().json(NodeView::from(draining)))
}

/// What is behind the store.
#[derive(Debug, Serialize, ToSchema)]
struct DatabaseView {
    /// `sqlite` or `postgres`.
    backend: String,
    /// The newest migration that was applied.
    schema_version: String,
}

/// How members find each other.
#[derive(Debug, Serialize, ToSchema)]
struct RegistryView {
    /// `local` or `consul`.
    kind: String,
}

/// Something that does not work as it should.
#[derive(Debug, Serialize, ToSchema)]
struct Degraded {
    code: String,
    detail: String,
    since: String,
}

impl Degraded {
    fn new(code: &str, detail: &str, since: Millis) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.to_owned(),
            since: time(since),
        }
    }
}

/// The cluster as a whole.
#[derive(Debug, Serialize, ToSchema)]
struct ClusterView {
    /// `standalone` or `cluster`.
    mode: String,
    version: String,
    database: DatabaseView,
    registry: RegistryView,
    /// Empty when all is well.
    degraded: Vec<Degraded>,
}

/// Says how the cluster is built, and what does not work as it should.
#[utoipa::path(tag = "nodes", responses((status = 200, body = ClusterView)))]
#[get("/api/v1/cluster")]
async fn read_cluster(
    who: Authorised<SignedIn, Everything>,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let state = &who.server.state;
    let database = who.catalog().database().await?;
    let nodes = who.catalog().nodes(who.server.now()).await?;
    let works = |role: &str| {
        let has = |node: &&NodeRow| node.state == MemberState::Active && node.roles.iter().any(|r| r == role);
        nodes.iter().any(|node| has(&node))
    };
    let troubles = state.node.health_issues();
    let mut degraded: Vec<Degraded> = troubles
        .iter()
        .map(|trouble| Degraded::new(trouble.code, &trouble.detail, trouble.since))
        .collect();
    for (role, code) in [("master", "NO_MASTER"), ("worker", "NO_WORKER")] {
        if !works(role) {
            let detail = format!("No active node has the role {role}.");
            degraded.push(Degraded::new(code, &detail, who.server.now()));
        }
    }
    let (mode, kind) = match state.mode {
        Mode::Standalone => ("standalone", "local"),
        Mode::Cluster => ("cluster", "consul"),
    };
    Ok(HttpResponse::Ok().json(ClusterView {
        mode: mode.to_owned(),
        version: state.version.to_owned(),
        database: DatabaseView {
            backend: database.backend.to_owned(),
            schema_version: database.schema_version,
        },
        registry: RegistryView {
            kind: kind.to_owned(),
        },
        degraded,
    }))
}
