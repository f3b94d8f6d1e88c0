//! Parameters of a request's path.

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;

use crate::http::problem::Problem;

/// Returns a decoded part of the path.
pub(crate) fn path_parameter(request: &HttpRequest, name: &str) -> Result<String, Problem> {
    let part = request.match_info().get(name);
    let part = part.ok_or_else(|| Problem::internal(format!("the route has no `{name}`")))?;
    let text = percent_decode_str(part)
        .decode_utf8()
        .map_err(|_| Problem::not_found("such path"))?;
    Ok(text.into_owned())
}

/// Finds the thing whose id is the part `id` of the path; what is no id names nothing.
pub(crate) async fn find_by_id<T>(
    request: &HttpRequest,
    kind: &str,
    find: impl AsyncFnOnce(i64) -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    let text = path_parameter(request, "id")?;
    let found = match parse_id(&text) {
        Some(id) => find(id).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found(format!("{kind} {text}")))
}

/// Parses an id as it is written in answers, without sign or leading zeros.
pub(crate) fn parse_id(text: &str) -> Option<i64> {
    let id: i64 = text.parse().ok()?;
    (id.to_string() == text).then_some(id)
}

#[cfg(test)]
mod tests;
