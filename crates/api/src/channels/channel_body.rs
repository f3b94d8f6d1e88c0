//! The body of a request that stores a channel.

use egress::EgressPolicy;
use engine::channel::{CHANNELS, check_channel_url};
use engine::connector::{ConnectorDraft, secret_names};
use engine::spec::{Diagnostic, DiagnosticTarget};
use serde_json::Value;

use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

/// The fields with addresses to which messages go.
const URL_FIELDS: &[&str] = &["url", "api_url"];

/// Reads a body.
pub(super) fn parse_channel(body: &Value) -> Result<ConnectorDraft, Problem> {
    let draft = CHANNELS.parse(body).map_err(|faults| refuse_channel(&faults))?;
    let faults: Vec<Diagnostic> = URL_FIELDS
        .iter()
        .filter_map(|key| check_url(&draft, key))
        .collect();
    if faults.is_empty() {
        Ok(draft)
    } else {
        Err(refuse_channel(&faults))
    }
}

/// Checks an address, which no message repeats: it may be a secret. One that is made of secrets is checked when it is
/// used.
fn check_url(draft: &ConnectorDraft, key: &str) -> Option<Diagnostic> {
    let text = draft.value(key)?.as_str()?;
    if !secret_names(text).is_empty() {
        return None;
    }
    let checked = check_channel_url(text).map_err(str::to_owned);
    let checked = checked.and_then(|url| EgressPolicy::DenyMetadata.check_url(&url));
    checked.err().map(|message| Diagnostic {
        pointer: format!("/{key}"),
        target: DiagnosticTarget::Value,
        code: "BAD_VALUE",
        message,
    })
}

/// Makes the answer to a channel with faults; its code is that of the first one, where it has a page of its own.
pub(super) fn refuse_channel(faults: &[Diagnostic]) -> Problem {
    let first = faults.first();
    let code = first.and_then(|fault| Code::from_text(fault.code));
    let message = first.map_or_else(String::new, |fault| fault.message.clone());
    let details = faults.iter().map(Detail::from).collect();
    Problem::new(
        code.unwrap_or(Code::InvalidBody),
        format!("The channel is not valid: {message}."),
    )
    .with_errors(details)
}
