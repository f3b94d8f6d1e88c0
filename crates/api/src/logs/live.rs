//! The log of an attempt as server-sent events, from an offset to the end.

use actix_web::{HttpRequest, HttpResponse, get};
use actix_web_lab::sse::{Data, Event};
use engine::ids::InstanceId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::access::{Caller, Read};
use crate::auth::token_watch::TokenWatch;
use crate::http::body::Query;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::http::sse::{SseSender, last_event_id};
use crate::logs::cursor::{LogCursor, LogEvent, LogName, POLL_INTERVAL};

/// The start of a live log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LiveQuery {
    /// In bytes of the file; `Last-Event-ID` wins.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

/// Follows an attempt's log as server-sent events; the id of an event is the offset of the next.
#[utoipa::path(tag = "instances",
    params(("id" = String, Path), ("task" = String, Path), ("attempt" = String, Path), LiveQuery,
        ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
#[get("/attempts/{attempt}/log/stream")]
pub(crate) async fn stream_log(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    query: Query<LiveQuery>,
) -> Result<HttpResponse, Problem> {
    let offset = match last_event_id(&request) {
        None => query.0.offset.unwrap_or_default(),
        Some(id) => id
            .parse()
            .map_err(|_| Problem::new(Code::InvalidHeader, "`Last-Event-ID` is an offset in the log."))?,
    };
    let log = LogName::from_path(&request, *caller.object())?;
    let mut cursor = LogCursor::new(log, offset);
    let first = cursor.read_next(caller.server()).await?;
    let (sender, response) = SseSender::open_stream(&request);
    actix_web::rt::spawn(follow_log(caller, cursor, first, sender));
    Ok(response)
}

async fn follow_log(
    caller: Caller<Read, InstanceId>,
    mut cursor: LogCursor,
    first: Option<LogEvent>,
    sender: SseSender,
) {
    let mut closing = caller.server().state().closing.clone();
    let mut token = TokenWatch::begin();
    let mut next = first;
    loop {
        if let Some(event) = next.take()
            && !sender.send_event(sse_event(&event)).await
        {
            return;
        }
        if cursor.is_at_end() || caller.server().is_closing() || !token.is_valid(&caller).await {
            return;
        }
        next = match cursor.read_next(caller.server()).await {
            Ok(event) => event,
            Err(problem) if problem.code() == Code::NotFound => return,
            Err(problem) => {
                tracing::debug!(%problem, "a live log cannot be read and is tried again");
                None
            }
        };
        if next.is_none() && !sender.sleep_unless_closed(POLL_INTERVAL, &mut closing).await {
            return;
        }
    }
}

fn sse_event(event: &LogEvent) -> Event {
    let text = serde_json::to_string(event).unwrap_or_default();
    Data::new(text)
        .event("log")
        .id(event.next_offset().to_string())
        .into()
}
