//! A log as server-sent events, from an offset to the end of the attempt.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get};
use actix_web_lab::sse::{Data, Event};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::super::access::{Authorised, OfInstance, Read, Server};
use super::super::body::Query;
use super::super::codes::Code;
use super::super::problem::Problem;
use super::super::stream::{Feed, last_event_id};
use super::{LogPlace, place_in, read_part};

/// The most bytes in one event.
const CHUNK: u64 = 64 << 10;
/// How often a file that is being written is looked at; the worker itself looks every 200 ms.
pub(in super::super) const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What a reader of a live log gets.
#[derive(Debug, Serialize)]
pub(in super::super) struct LogEvent {
    pub(in super::super) topic: String,
    pub(in super::super) text: String,
    pub(in super::super) offset: u64,
    pub(in super::super) next_offset: u64,
    /// The attempt has ended and nothing follows.
    pub(in super::super) end: bool,
}

/// How far a live reader is.
#[derive(Debug)]
pub(in super::super) struct LogCursor {
    pub(in super::super) place: LogPlace,
    pub(in super::super) offset: u64,
    pub(in super::super) done: bool,
}

impl LogCursor {
    /// Reads what came since; none when there is nothing new.
    pub(in super::super) async fn advance(&mut self, server: &Server) -> Result<Option<LogEvent>, Problem> {
        if self.done {
            return Ok(None);
        }
        let offset = self.offset;
        let part = read_part(server, &self.place, offset, CHUNK).await?;
        if part.next_offset == offset && !part.end {
            return Ok(None);
        }
        self.offset = part.next_offset;
        self.done = part.end;
        let LogPlace {
            instance,
            task,
            attempt,
        } = &self.place;
        Ok(Some(LogEvent {
            topic: format!("log:{instance}/{task}/{attempt}"),
            text: part.text,
            offset,
            next_offset: part.next_offset,
            end: part.end,
        }))
    }
}

/// Where a live log begins.
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
#[get("/api/v1/instances/{id}/tasks/{task}/attempts/{attempt}/log/stream")]
pub(super) async fn stream_log(
    who: Authorised<Read, OfInstance>,
    request: HttpRequest,
    query: Query<LiveQuery>,
) -> Result<HttpResponse, Problem> {
    let resumed = last_event_id(&request);
    let offset = match resumed.as_deref().map(str::parse) {
        None => query.0.offset.unwrap_or_default(),
        Some(Ok(offset)) => offset,
        Some(Err(_)) => {
            return Err(Problem::new(
                Code::InvalidHeader,
                "`Last-Event-ID` is an offset in the log.",
            ));
        }
    };
    let mut cursor = LogCursor {
        place: place_in(&request, who.object.0)?,
        offset,
        done: false,
    };
    let first = cursor.advance(&who.server).await?;
    let (feed, answer) = Feed::open(&request);
    actix_web::rt::spawn(follow(who, cursor, first, feed));
    Ok(answer)
}

async fn follow(
    who: Authorised<Read, OfInstance>,
    mut cursor: LogCursor,
    first: Option<LogEvent>,
    feed: Feed,
) {
    let mut closing = who.server.state.closing.clone();
    let mut next = first;
    loop {
        if let Some(event) = next.take()
            && !feed.send(shown(&event)).await
        {
            return;
        }
        if cursor.done || *closing.borrow() {
            return;
        }
        next = match cursor.advance(&who.server).await {
            Ok(Some(event)) => Some(event),
            Ok(None) => None,
            Err(problem) if problem.code() == Code::NotFound => return,
            Err(problem) => {
                tracing::debug!(%problem, "a live log waits");
                None
            }
        };
        if next.is_none() && !feed.pause(LOOK_AGAIN, &mut closing).await {
            return;
        }
    }
}

fn shown(event: &LogEvent) -> Event {
    let text = serde_json::to_string(event).unwrap_or_default();
    Data::new(text)
        .event("log")
        .id(event.next_offset.to_string())
        .into()
}
