//! What a request proves its caller with: a token in `Authorization`, or the cookie of a browser's session.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::problem::Problem;
use crate::state::PublicAddress;

/// The cookie of a browser's session.
const COOKIE: &str = "porpoise_session";
/// The header of a login that asks for the cookie.
const SESSION_HEADER: &str = "porpoise-session";

/// What a request came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A token in `Authorization`, which a client adds on purpose.
    Bearer(String),
    /// The session of a browser, which the browser adds to every request.
    Cookie(String),
}

impl Credential {
    /// Finds the credential. A request with `Authorization` is judged by that alone, whatever its cookie says.
    pub(crate) fn find(request: &HttpRequest) -> Option<Self> {
        let headers = request.headers();
        if headers.contains_key(AUTHORIZATION) {
            return bearer_token(headers).map(Self::Bearer);
        }
        let cookie = request.cookie(COOKIE)?;
        Some(Self::Cookie(cookie.value().to_owned()))
    }

    pub(crate) fn token(&self) -> &str {
        match self {
            Self::Bearer(token) | Self::Cookie(token) => token,
        }
    }
}

fn bearer_token(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

/// How a login hands over its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionCarrier {
    /// In the answer, for programs.
    Body,
    /// In a cookie that scripts of a page cannot read.
    Cookie,
}

impl SessionCarrier {
    /// Reads which one a login asks for.
    pub(crate) fn of_request(request: &HttpRequest) -> Result<Self, Problem> {
        use crate::http::codes::Code::InvalidHeader;
        match request.headers().get(SESSION_HEADER) {
            None => Ok(Self::Body),
            Some(value) if value == "cookie" => Ok(Self::Cookie),
            Some(_) => {
                let detail = "`Porpoise-Session` is `cookie`, or absent for a token in the answer.";
                Err(Problem::new(InvalidHeader, detail))
            }
        }
    }
}

/// Makes the cookie of a session, for as long as the session lasts.
pub(crate) fn session_cookie(
    request: &HttpRequest,
    address: &PublicAddress,
    token: String,
    lifetime: std::time::Duration,
) -> Cookie<'static> {
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let mut cookie = cookie_with_value(request, address, token);
    cookie.set_max_age(Duration::seconds(seconds));
    cookie
}

/// Removes the cookie of a session from the browser.
pub(crate) fn remove_session_cookie(
    response: &mut HttpResponse,
    request: &HttpRequest,
    address: &PublicAddress,
) -> Result<(), Problem> {
    let cookie = cookie_with_value(request, address, String::new());
    response.add_removal_cookie(&cookie).map_err(Problem::internal)
}

fn cookie_with_value(request: &HttpRequest, address: &PublicAddress, value: String) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path(address.root_path().to_owned())
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(address.is_encrypted(request))
        .finish()
}
