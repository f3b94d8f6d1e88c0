//! Logs of attempts: parts by byte offset, or a live stream.

pub(crate) mod cursor;
mod decode;
mod live;
mod masked_part;
mod search;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, get};
use engine::ids::InstanceId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access::{Caller, Read};
use crate::auth::server::Server;
use crate::http::body::Query;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::logs::cursor::LogName;
use crate::logs::decode::LogText;

/// The size of a part unless the caller gives one, in bytes.
const DEFAULT_LIMIT: u64 = 1 << 20;
/// The largest size of a part, in bytes.
const MAX_LIMIT: u64 = 8 << 20;

pub(crate) fn register_routes(config: &mut ServiceConfig) {
    config
        .service(read_log)
        .service(live::stream_log)
        .service(search::search_log);
}

/// The requested part of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// The start of the part, in bytes of the file.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
    /// The size of the part at most, in bytes.
    #[param(minimum = 1, maximum = 8388608, default = 1048576)]
    limit: Option<u64>,
    /// The last bytes, instead of `offset` and `limit`.
    #[param(minimum = 1, maximum = 8388608)]
    tail: Option<u64>,
}

impl LogQuery {
    /// Reads the part.
    async fn read(self, log: &LogName, server: &Server) -> Result<LogText, Problem> {
        if let Some(tail) = self.tail {
            check_size("tail", tail)?;
            if self.offset.is_some() || self.limit.is_some() {
                let detail = "`tail` stands alone, without `offset` and `limit`.";
                return Err(Problem::new(Code::InvalidQuery, detail).at("/tail"));
            }
            return log.read_tail(server, tail).await;
        }
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        check_size("limit", limit)?;
        log.read_text(server, self.offset.unwrap_or_default(), limit)
            .await
    }
}

fn check_size(name: &str, bytes: u64) -> Result<(), Problem> {
    if (1..=MAX_LIMIT).contains(&bytes) {
        return Ok(());
    }
    let detail = format!("`{name}` is 1 to {MAX_LIMIT}.");
    Err(Problem::new(Code::InvalidQuery, detail).at(format!("/{name}")))
}

/// Reads a part of an attempt's log.
///
/// Offsets count bytes of the file. A part does not end inside a character when it holds at least a whole one;
/// bytes that are not UTF-8 are replaced.
#[utoipa::path(tag = "instances",
    params(("id" = String, Path), ("task" = String, Path), ("attempt" = String, Path), LogQuery),
    responses((status = 200, body = String, content_type = "text/plain", headers(
        ("Porpoise-Next-Offset" = String, description = "The offset of the next part"),
        ("Porpoise-Log-Size" = String, description = "The size of the whole log in bytes"),
        ("Porpoise-Log-End" = String, description = "`true` when the attempt has ended and all was read")))))]
#[get("/attempts/{attempt}/log")]
async fn read_log(
    caller: Caller<Read, InstanceId>,
    request: HttpRequest,
    query: Query<LogQuery>,
) -> Result<HttpResponse, Problem> {
    let log = LogName::from_path(&request, *caller.object())?;
    let part = query.0.read(&log, caller.server()).await?;
    let mut response = HttpResponse::Ok();
    response.content_type("text/plain; charset=utf-8");
    response.insert_header((
        HeaderName::from_static("porpoise-next-offset"),
        HeaderValue::from(part.next_offset),
    ));
    response.insert_header((
        HeaderName::from_static("porpoise-log-size"),
        HeaderValue::from(part.size),
    ));
    if part.end {
        response.insert_header((HeaderName::from_static("porpoise-log-end"), "true"));
    }
    Ok(response.body(part.text))
}
