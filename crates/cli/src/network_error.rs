//! Why a connection failed, in words for the user.

use primitives::error_chain::root_cause;
use serde_json::Value;

use super::output;
use super::server_url::ServerUrl;

/// What the TLS library says of an answer that is no TLS.
const NO_TLS: &str = "InvalidContentType";

/// What the HTTP library says of an answer that is no HTTP, such as the alert of a TLS server.
const NO_HTTP: &str = "invalid HTTP version";

/// Returns the innermost cause, which names no address, as one line.
pub(super) fn describe(error: &reqwest::Error) -> String {
    let cause = root_cause(error);
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    if cause.contains(NO_TLS) {
        return "it does not speak TLS".to_owned();
    }
    let cause = cause.split(" (os error").next().unwrap_or_default();
    output::plain(Some(&Value::from(cause)))
}

/// Whether the other side speaks another protocol than the address says, which no repetition changes.
pub(super) fn is_other_protocol(error: &reqwest::Error) -> bool {
    let cause = root_cause(error);
    cause.contains(NO_TLS) || cause.contains(NO_HTTP)
}

/// The scheme that the other side speaks, when it is not that of the address.
pub(super) fn other_scheme(error: &reqwest::Error, url: &ServerUrl) -> Option<&'static str> {
    let other = if url.is_plain_http() { "https" } else { "http" };
    is_other_protocol(error).then_some(other)
}
