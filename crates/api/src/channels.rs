//! Channels of projects, and those that all projects share.

mod channel_body;
mod test_message;
mod views;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use catalog::{ChannelChange, ChannelOwner, ChannelPut, Page, Project, StoredChannel};
use engine::channel::CHANNELS;
use ports::{ChannelName, SendOutcome};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Admin, AnyUser, Caller, Read, Write};
use crate::auth::objects::System;
use crate::channels::channel_body::{parse_channel, refuse_channel};
use crate::channels::test_message::test_message;
use crate::channels::views::{ChannelBody, ChannelTestView, ChannelTypeView, ChannelView};
use crate::http::body::{NoQuery, Query, ValueBody, check_name};
use crate::http::paging::{List, Paging};
use crate::http::path::path_parameter;
use crate::http::problem::Problem;

/// The name of the list of types in its cursors.
const TYPES: &str = "channel_types";

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(put_shared_channel)
        .service(list_shared_channels)
        .service(read_shared_channel)
        .service(delete_shared_channel)
        .service(test_shared_channel)
        .service(list_channel_types);
}

pub(crate) fn register_project_routes(config: &mut ServiceConfig) {
    config
        .service(put_channel)
        .service(list_channels)
        .service(read_channel)
        .service(delete_channel)
        .service(test_channel);
}

/// Lists the types of channels with the JSON Schema of each.
#[utoipa::path(tag = "alerts", params(Paging), responses((status = 200, body = List<ChannelTypeView>)))]
#[get("/channel-types")]
async fn list_channel_types(
    _caller: Caller<AnyUser, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let mut items: Vec<ChannelTypeView> = CHANNELS
        .types
        .iter()
        .map(|channel_type| ChannelTypeView {
            name: channel_type.name,
            title: channel_type.title,
            schema: CHANNELS.schema(channel_type),
        })
        .collect();
    if let Some(last) = page.after::<String>(TYPES)? {
        let shown = items.iter().position(|item| item.name == last);
        items.drain(..shown.map_or(0, |position| position + 1));
    }
    let page = Page::cut(TYPES, &page, items, |item| item.name.to_owned());
    Ok(HttpResponse::Ok().json(List::<ChannelTypeView>::from_page(page)))
}

/// Stores a channel of a project. A secret field that is left out, or sent as `{"set": true}`, keeps its value; null removes
/// it.
#[utoipa::path(tag = "alerts", params(("project" = String, Path), ("channel" = String, Path)),
    request_body = ChannelBody,
    responses((status = 200, body = ChannelView), (status = 201, body = ChannelView)))]
#[put("/channels/{channel}")]
async fn put_channel(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    store_channel(&caller, owner_of(&caller), &request, &body).await
}

/// Stores a channel that all projects share.
#[utoipa::path(tag = "alerts", params(("channel" = String, Path)), request_body = ChannelBody,
    responses((status = 200, body = ChannelView), (status = 201, body = ChannelView)))]
#[put("/channels/{channel}")]
async fn put_shared_channel(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
    body: ValueBody,
) -> Result<HttpResponse, Problem> {
    store_channel(&caller, ChannelOwner::Shared, &request, &body).await
}

async fn store_channel<N, O>(
    caller: &Caller<N, O>,
    owner: ChannelOwner,
    request: &HttpRequest,
    body: &ValueBody,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "channel")?;
    check_name("/name", &name)?;
    let draft = parse_channel(&body.value)?;
    let context = caller.audit_context(None);
    let channels = caller.catalog().channels();
    match channels.put(owner, &name, draft, &context).await? {
        ChannelPut::Stored(channel, ChannelChange::Created) => {
            Ok(HttpResponse::Created().json(ChannelView::from(*channel)))
        }
        ChannelPut::Stored(channel, ChannelChange::Replaced) => {
            Ok(HttpResponse::Ok().json(ChannelView::from(*channel)))
        }
        ChannelPut::Refused(faults) => Err(refuse_channel(&faults)),
    }
}

/// Lists the channels that rules of a project may name: its own, then the shared ones by name and type.
#[utoipa::path(tag = "alerts", params(("project" = String, Path), Paging),
    responses((status = 200, body = List<ChannelView>)))]
#[get("/channels")]
async fn list_channels(
    caller: Caller<Read, Project>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let page = caller.catalog().channels().list(owner_of(&caller), &page).await?;
    let items = page.items.into_iter().map(|channel| match channel.owner {
        ChannelOwner::Project(_) => ChannelView::from(channel),
        ChannelOwner::Shared => ChannelView::from(channel).without_fields(),
    });
    Ok(HttpResponse::Ok().json(List::new(items.collect(), page.next_cursor)))
}

/// Lists the shared channels by name.
#[utoipa::path(tag = "alerts", params(Paging), responses((status = 200, body = List<ChannelView>)))]
#[get("/channels")]
async fn list_shared_channels(
    caller: Caller<Admin, System>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = paging.0.page_request()?;
    let page = caller
        .catalog()
        .channels()
        .list(ChannelOwner::Shared, &page)
        .await?;
    Ok(HttpResponse::Ok().json(List::<ChannelView>::from_page(page)))
}

/// Reads a channel of a project.
#[utoipa::path(tag = "alerts", params(("project" = String, Path), ("channel" = String, Path)),
    responses((status = 200, body = ChannelView)))]
#[get("/channels/{channel}")]
async fn read_channel(
    caller: Caller<Read, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let channel = find_channel(&caller, owner_of(&caller), &request).await?;
    Ok(HttpResponse::Ok().json(ChannelView::from(channel)))
}

/// Reads a shared channel.
#[utoipa::path(tag = "alerts", params(("channel" = String, Path)), responses((status = 200, body = ChannelView)))]
#[get("/channels/{channel}")]
async fn read_shared_channel(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    let channel = find_channel(&caller, ChannelOwner::Shared, &request).await?;
    Ok(HttpResponse::Ok().json(ChannelView::from(channel)))
}

async fn find_channel<N, O>(
    caller: &Caller<N, O>,
    owner: ChannelOwner,
    request: &HttpRequest,
) -> Result<StoredChannel, Problem> {
    let name = path_parameter(request, "channel")?;
    let found = caller.catalog().channels().find(owner, &name).await?;
    found.ok_or_else(|| Problem::not_found(format!("channel `{name}`")))
}

/// Deletes a channel of a project that no rule and no group names.
#[utoipa::path(tag = "alerts", params(("project" = String, Path), ("channel" = String, Path)),
    responses((status = 204), (status = 409)))]
#[delete("/channels/{channel}")]
async fn delete_channel(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    remove_channel(&caller, owner_of(&caller), &request).await
}

/// Deletes a shared channel that no rule and no group names.
#[utoipa::path(tag = "alerts", params(("channel" = String, Path)), responses((status = 204), (status = 409)))]
#[delete("/channels/{channel}")]
async fn delete_shared_channel(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    remove_channel(&caller, ChannelOwner::Shared, &request).await
}

async fn remove_channel<N, O>(
    caller: &Caller<N, O>,
    owner: ChannelOwner,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let name = path_parameter(request, "channel")?;
    let context = caller.audit_context(None);
    caller.catalog().channels().delete(owner, &name, &context).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends a real message to a channel of a project; what fails is `ok: false`.
#[utoipa::path(tag = "alerts", params(("project" = String, Path), ("channel" = String, Path)),
    responses((status = 200, body = ChannelTestView), (status = 429)))]
#[post("/channels/{channel}/test")]
async fn test_channel(
    caller: Caller<Write, Project>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    send_test(&caller, owner_of(&caller), &request).await
}

/// Sends a real message to a shared channel; what fails is `ok: false`.
#[utoipa::path(tag = "alerts", params(("channel" = String, Path)),
    responses((status = 200, body = ChannelTestView), (status = 429)))]
#[post("/channels/{channel}/test")]
async fn test_shared_channel(
    caller: Caller<Admin, System>,
    request: HttpRequest,
    _: Query<NoQuery>,
) -> Result<HttpResponse, Problem> {
    send_test(&caller, ChannelOwner::Shared, &request).await
}

async fn send_test<N, O>(
    caller: &Caller<N, O>,
    owner: ChannelOwner,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let channel = find_channel(caller, owner, request).await?;
    caller.server().limits().tests().take(caller.identity().user)?;
    let state = caller.server().state();
    let name = ChannelName {
        project: owner.project(),
        name: channel.name,
    };
    let message = test_message(caller.server().now(), &state.address.url_for(request));
    let (ok, detail) = match state.alert_sender.deliver(&name, &message).await {
        SendOutcome::Delivered => (true, "the receiver has taken a test message".to_owned()),
        SendOutcome::Refused { error } | SendOutcome::Failed { error, .. } => (false, error),
    };
    Ok(HttpResponse::Ok().json(ChannelTestView { ok, detail }))
}

fn owner_of<N>(caller: &Caller<N, Project>) -> ChannelOwner {
    ChannelOwner::Project(caller.object().id)
}
