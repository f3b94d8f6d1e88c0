//! The children of a task.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, get};
use catalog as stored;
use catalog::ChildState;
use engine::ids::InstanceId;
use engine::states::UnknownName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::access::{Caller, Read};
use crate::http::body::Query;
use crate::http::codes::Code;
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

/// The state of a combination without a child.
const PENDING: &str = "pending";

/// Which children are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChildQuery {
    /// `pending`, or a state of an instance; with commas, any of several.
    state: Option<String>,
    /// The size of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One combination of a task with its child.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Child {
    /// Its number, from 0.
    index: u32,
    /// All that the child was given, or will be.
    params: BTreeMap<String, String>,
    /// The state of the child; `pending` before it exists.
    state: String,
    /// The child; null before it exists.
    instance: Option<String>,
    /// The outputs of the child.
    outputs: BTreeMap<String, String>,
}

impl From<stored::ChildRow> for Child {
    fn from(row: stored::ChildRow) -> Self {
        Self {
            index: row.index,
            params: row.params,
            state: state_name(row.state),
            instance: row.instance.map(|id| id.to_string()),
            outputs: row.outputs,
        }
    }
}

/// Lists the children of a task in the order of its combinations; of a `sub_workflow` its one child.
#[utoipa::path(tag = "instances", params(("id" = String, Path), ("task" = String, Path), ChildQuery),
    responses((status = 200, body = List<Child>)))]
#[get("/api/v1/instances/{id}/tasks/{task}/children")]
pub(crate) async fn list_children(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    query: Query<ChildQuery>,
) -> Result<HttpResponse, Problem> {
    let task = path_parameter(&request, "task")?;
    let ChildQuery { state, limit, cursor } = query.0;
    let states = parse_states(state.as_deref())?;
    let page = Paging { limit, cursor }.page_request()?;
    let children = caller
        .catalog()
        .children()
        .list((*caller.object(), &task), &states, &page)
        .await?;
    Ok(HttpResponse::Ok().json(List::<Child>::from_page(children)))
}

/// Returns the name of a state.
pub(crate) fn state_name(state: ChildState) -> String {
    match state {
        ChildState::Pending => PENDING.to_owned(),
        ChildState::Of(state) => state.to_string(),
    }
}

fn parse_states(text: Option<&str>) -> Result<BTreeSet<ChildState>, Problem> {
    let names = text.into_iter().flat_map(|text| text.split(','));
    let parse = |name: &str| match name {
        PENDING => Ok(ChildState::Pending),
        _ => name.parse().map(ChildState::Of),
    };
    let refused = |error: UnknownName| {
        let detail = format!("`state`: {error}, {PENDING}.");
        Problem::new(Code::InvalidQuery, detail).at("/state")
    };
    names.map(|name| parse(name).map_err(refused)).collect()
}
