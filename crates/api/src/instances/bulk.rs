//! One request for many instances.

use std::collections::BTreeSet;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, post};
use catalog::{BulkRequest, BulkVerb, MAX_BULK_INSTANCES};
use engine::ids::InstanceId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{AnyUser, Caller};
use crate::auth::objects::System;
use crate::http::body::{Body, NoQuery, Query};
use crate::http::codes::Code;
use crate::http::idempotency::create_once;
use crate::http::problem::Problem;
use crate::instances::filter::InstanceQuery;
use crate::operations::views::OperationView;

/// The most ids that are read; one more shows that there are too many.
const READ_LIMIT: u64 = MAX_BULK_INSTANCES as u64 + 1;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config.service(act_on_many);
}

/// What is done with which instances.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkBody {
    /// `pause`, `resume`, `stop`, `recover`, `rerun` or `delete`.
    verb: String,
    /// The instances; instead of `filter`.
    #[schema(max_items = 100_000)]
    ids: Option<Vec<String>>,
    /// Which instances, as in `GET /instances`, read once; instead of `ids`.
    filter: Option<InstanceQuery>,
    /// For the audit log.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Does the same with many instances: an operation that checks each by itself, counts, and shows the first refused ones.
#[utoipa::path(tag = "instances", request_body = BulkBody,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = OperationView)))]
#[post("/api/v1/instances/bulk")]
async fn act_on_many(
    caller: Caller<AnyUser, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: Body<BulkBody>,
) -> Result<HttpResponse, Problem> {
    let Body { value, bytes } = body;
    let wanted = read_request(&caller, value).await?;
    let operations = caller.catalog().bulk_operations();
    let create = async |key| Ok(operations.create(&wanted, &caller.audit_context(key)).await?);
    let find = async |operation: &str| Ok(operations.find(operation).await?);
    let operation = create_once(&caller, &request, &bytes, create, find).await?;
    caller.server().state().bulk_requests.notify_one();
    Ok(HttpResponse::Accepted()
        .insert_header((
            LOCATION,
            format!("/api/v1/operations/{}", operation.operation_id()),
        ))
        .json(OperationView::from(operation)))
}

async fn read_request(caller: &Caller<AnyUser, System>, body: BulkBody) -> Result<BulkRequest, Problem> {
    let Some(verb) = BulkVerb::from_name(&body.verb) else {
        let names: Vec<String> = BulkVerb::ALL
            .iter()
            .map(|verb| format!("`{}`", verb.as_str()))
            .collect();
        let detail = format!(
            "`{}` is no verb for many instances: these are {}.",
            body.verb,
            names.join(", ")
        );
        return Err(Problem::new(Code::InvalidBody, detail).at("/verb"));
    };
    let instances = match (body.ids, body.filter) {
        (Some(ids), None) => parse_ids(&ids)?,
        (None, Some(filter)) => find_instances(caller, filter).await?,
        (Some(_), Some(_)) => {
            let detail = "Give either `ids` or `filter`, not both.";
            return Err(Problem::new(Code::InvalidBody, detail).at("/filter"));
        }
        (None, None) => {
            let detail = "Give `ids`, or a `filter` with the members of `GET /instances`.";
            return Err(Problem::new(Code::InvalidBody, detail).at("/ids"));
        }
    };
    Ok(BulkRequest {
        verb,
        instances,
        reason: body.reason,
        user: caller.identity().user,
    })
}

fn parse_ids(ids: &[String]) -> Result<Vec<InstanceId>, Problem> {
    let parse = |(place, text): (usize, &String)| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|_| is_number);
        id.map(InstanceId).ok_or_else(|| {
            let detail = format!("`{text}` is no id of an instance.");
            Problem::new(Code::InvalidBody, detail).at(format!("/ids/{place}"))
        })
    };
    let unique: BTreeSet<InstanceId> = ids.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    check_number(unique.len(), "/ids")?;
    Ok(unique.into_iter().collect())
}

async fn find_instances(
    caller: &Caller<AnyUser, System>,
    filter: InstanceQuery,
) -> Result<Vec<InstanceId>, Problem> {
    let (filter, paging) = filter
        .into_filter(caller.visible_projects())
        .map_err(|problem| problem.within_body("/filter"))?;
    if paging.limit.is_some() || paging.cursor.is_some() {
        let detail = "`limit` and `cursor` belong to a page; a filter means every instance that it matches.";
        return Err(Problem::new(Code::InvalidBody, detail).at("/filter"));
    }
    let found = caller.catalog().instances().list_ids(&filter, READ_LIMIT).await?;
    check_number(found.len(), "/filter")?;
    Ok(found)
}

fn check_number(instances: usize, pointer: &str) -> Result<(), Problem> {
    if instances <= MAX_BULK_INSTANCES {
        return Ok(());
    }
    let detail = format!("These are more than {MAX_BULK_INSTANCES} instances; do it in several requests.");
    Err(Problem::new(Code::InvalidBody, detail).at(pointer))
}
