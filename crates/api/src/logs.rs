//! Logs of attempts: parts by byte offset, and the same as a live stream.

mod live;
mod text;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, get};
use engine::ids::{AttemptNumber, InstanceId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Authorised, OfInstance, Read, Server, path_value};
use super::body::Query;
use super::codes::Code;
use super::problem::Problem;
use store::catalog::AttemptRow;

pub(super) use self::live::{LOOK_AGAIN, LogCursor};

/// Unless the caller says otherwise.
const DEFAULT_LIMIT: u64 = 1 << 20;
/// The largest part.
const LARGEST_LIMIT: u64 = 8 << 20;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(read_log).service(live::stream_log);
}

/// Which part of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// Where it begins, in bytes of the file.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
    /// How many bytes at most.
    #[param(minimum = 1, maximum = 8388608, default = 1048576)]
    limit: Option<u64>,
}

/// Reads a part of an attempt's log.
///
/// Offsets count bytes of the file. A part does not end inside a character when it holds at least a whole one;
/// bytes that are not UTF-8 are replaced.
#[utoipa::path(tag = "instances",
    params(("id" = String, Path), ("task" = String, Path), ("attempt" = String, Path), LogQuery),
    responses((status = 200, body = String, content_type = "text/plain", headers(
        ("Porpoise-Next-Offset" = String, description = "Where the next part begins"),
        ("Porpoise-Log-End" = String, description = "`true` when the attempt has ended and all was read")))))]
#[get("/api/v1/instances/{id}/tasks/{task}/attempts/{attempt}/log")]
async fn read_log(
    who: Authorised<Read, OfInstance>,
    request: HttpRequest,
    query: Query<LogQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = query.0.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        let detail = format!("`limit` is 1 to {LARGEST_LIMIT}.");
        return Err(Problem::new(Code::InvalidQuery, detail).at("/limit"));
    }
    let place = place_in(&request, who.object.0)?;
    let part = read_part(&who.server, &place, query.0.offset.unwrap_or_default(), limit).await?;
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/plain; charset=utf-8");
    answer.insert_header((
        HeaderName::from_static("porpoise-next-offset"),
        HeaderValue::from(part.next_offset),
    ));
    if part.end {
        answer.insert_header((HeaderName::from_static("porpoise-log-end"), "true"));
    }
    Ok(answer.body(part.text))
}

/// Names one attempt of one task of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogPlace {
    pub(super) instance: InstanceId,
    pub(super) task: String,
    pub(super) attempt: AttemptNumber,
}

fn place_in(request: &HttpRequest, instance: InstanceId) -> Result<LogPlace, Problem> {
    let text = path_value(request, "attempt")?;
    let attempt = text
        .parse()
        .map_err(|_| Problem::not_found(format!("attempt {text}")))?;
    Ok(LogPlace {
        instance,
        task: path_value(request, "task")?,
        attempt,
    })
}

/// A part of a log as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TextPart {
    pub(super) text: String,
    pub(super) next_offset: u64,
    /// The attempt has ended and nothing follows.
    pub(super) end: bool,
}

/// Reads a part. The attempt's row is read first: what is final there has written everything.
pub(super) async fn read_part(
    server: &Server,
    place: &LogPlace,
    offset: u64,
    limit: u64,
) -> Result<TextPart, Problem> {
    let attempt = attempt_of(server, place).await?;
    let ended = !attempt.state.is_open();
    let Some(uid) = attempt.uid else {
        return Ok(TextPart {
            text: String::new(),
            next_offset: offset,
            end: ended,
        });
    };
    let worker = attempt.worker.unwrap_or_default();
    let part = server
        .state
        .logs
        .read(&worker, &uid, (offset, limit))
        .await
        .map_err(|error| {
            tracing::warn!(worker = error.worker, cause = error.cause, "a log cannot be read");
            let detail = format!(
                "The worker `{}`, which has this log, cannot be reached.",
                error.worker
            );
            Problem::new(Code::LogUnavailable, detail)
        })?;
    Ok(text::decode(&part, offset, ended))
}

async fn attempt_of(server: &Server, place: &LogPlace) -> Result<AttemptRow, Problem> {
    let detail = server.catalog().task(place.instance, &place.task).await?;
    let found = detail
        .attempts
        .into_iter()
        .find(|row| row.number == place.attempt);
    found.ok_or_else(|| Problem::not_found(format!("attempt {} of task `{}`", place.attempt, place.task)))
}
