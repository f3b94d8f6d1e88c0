//! The author of a change.

use engine::ids::Timestamp;
use ports::RequestKey;

/// Who changes something, from where, and the key that makes a repetition harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditContext {
    /// The user's name.
    pub user: String,
    /// The address that the request came from.
    pub source: String,
    /// The id under which it is logged.
    pub request_id: String,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// From `Idempotency-Key`; stored in the transaction of the change.
    pub key: Option<RequestKey>,
}

impl AuditContext {
    /// The author of what a node does by itself.
    pub(crate) fn system(at: Timestamp) -> Self {
        Self {
            user: "system".into(),
            source: String::new(),
            request_id: String::new(),
            at,
            key: None,
        }
    }
}
