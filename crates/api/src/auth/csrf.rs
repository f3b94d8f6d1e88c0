//! Requests that another site makes in the name of a browser's user.
//!
//! A browser adds the cookie to requests of every site. It sends a header of ours across sites only after it asked this
//! server, which never allows it, and it says in `Origin` which site a request is from.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HOST, ORIGIN};

use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::state::PublicAddress;

/// The header that only pages of this server can send.
const CSRF_HEADER: &str = "porpoise-csrf";

/// Refuses a write that rests on a cookie unless a page of this server made it.
pub(crate) fn check_origin(request: &HttpRequest, address: &PublicAddress) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    if header(CSRF_HEADER) != Some("1") {
        let detail = "A change with a cookie needs the header `Porpoise-Csrf: 1`.";
        return Err(Problem::new(Code::Csrf, detail));
    }
    let Some(origin) = header(ORIGIN.as_str()) else {
        let detail = "A change with a cookie needs the header `Origin`, which browsers send.";
        return Err(Problem::new(Code::Csrf, detail));
    };
    if is_own_origin(origin, header(HOST.as_str()), address) {
        return Ok(());
    }
    let detail = format!(
        "The request comes from a page of {origin}, which is not this server; behind a proxy set `server.public_url`."
    );
    Err(Problem::new(Code::Csrf, detail))
}

/// Whether an origin is this server: as the request addressed it, or as the configuration says.
fn is_own_origin(origin: &str, host: Option<&str>, address: &PublicAddress) -> bool {
    let is_public = address
        .origin()
        .is_some_and(|own| own.eq_ignore_ascii_case(origin));
    let authority = origin
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .map(|(_, authority)| authority);
    let is_addressed = match (authority, host) {
        (Some(authority), Some(host)) => authority.eq_ignore_ascii_case(host),
        _ => false,
    };
    is_public || is_addressed
}

#[cfg(test)]
mod tests;
