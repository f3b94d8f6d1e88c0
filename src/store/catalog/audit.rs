//! The audit log says who did what; it is only appended to.

use engine::ids::Millis;

use super::{Catalog, CatalogError, Page, PageRequest, Request};

/// One thing done, or denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// What, noun and verb, for example `project.create`.
    pub action: String,
    /// On what, for example `project/retail`.
    pub object: String,
    /// `done` or `denied`.
    pub outcome: String,
    /// More, in words or as a pair of hashes.
    pub detail: Option<String>,
}

/// One stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its row; grows.
    pub id: i64,
    /// When.
    pub at: Millis,
    /// Who.
    pub user: String,
    /// From which address.
    pub source: String,
    /// The id under which the request is logged.
    pub request_id: String,
    /// What.
    pub entry: AuditEntry,
}

impl Catalog {
    /// Appends an entry of its own: what was denied, log-ins. Changes append theirs themselves.
    ///
    /// # Errors
    /// `Unavailable`: it may be missing.
    pub async fn record(&self, entry: &AuditEntry, request: &Request) -> Result<(), CatalogError> {
        self.later()
    }

    /// Lists the log, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn audit_log(&self, page: &PageRequest) -> Result<Page<AuditRow>, CatalogError> {
        self.later()
    }
}
