//! The ETag of a workflow, which is its version, and the `If-Match` that names it.

use actix_web::HttpRequest;
use actix_web::http::header::IF_MATCH;
use catalog::IfMatch;

use crate::http::codes::Code;
use crate::http::problem::Problem;

/// Writes the ETag of a version.
pub(crate) fn format_etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Reads `If-Match`, if it was sent.
pub(crate) fn read_if_match(request: &HttpRequest) -> Result<Option<IfMatch>, Problem> {
    let Some(header) = request.headers().get(IF_MATCH) else {
        return Ok(None);
    };
    let parsed = header.to_str().ok().and_then(parse_if_match);
    parsed.map(Some).ok_or_else(|| {
        Problem::new(
            Code::InvalidHeader,
            "`If-Match` is `*` or one ETag of this workflow, such as `\"3\"`.",
        )
    })
}

/// Parses `*` or an ETag. ETags are compared as texts: another spelling of the number is none.
fn parse_if_match(text: &str) -> Option<IfMatch> {
    let text = text.trim_matches([' ', '\t']);
    if text == "*" {
        return Some(IfMatch::Exists);
    }
    let version = text.strip_prefix('"')?.strip_suffix('"')?.parse().ok()?;
    (format_etag(version) == text).then_some(IfMatch::Version(version))
}

#[cfg(test)]
mod tests;
