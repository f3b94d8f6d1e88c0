//! Instants in answers: RFC 3339 in UTC with milliseconds.

use engine::ids::Timestamp;
use engine::timezone::format_utc;

/// Formats an instant.
pub(crate) fn format_time(at: Timestamp) -> String {
    format_utc(at)
}

/// Formats an instant that may be missing.
pub(crate) fn format_optional_time(at: Option<Timestamp>) -> Option<String> {
    at.map(format_time)
}
