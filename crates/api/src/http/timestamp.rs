//! Instants in answers: RFC 3339 in UTC with milliseconds.

use chrono::{DateTime, SecondsFormat};
use engine::ids::Timestamp;

/// Formats an instant.
pub(crate) fn format_time(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats an instant that may be missing.
pub(crate) fn format_optional_time(at: Option<Timestamp>) -> Option<String> {
    at.map(format_time)
}
