//! The audit log says who did what; it is only appended to.

use engine::ids::Timestamp;
use sea_orm::{ConnectionTrait, QueryResult};

use super::{Catalog, CatalogError, Page, PageRequest, Request, sql};

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was.
    Done,
    /// The user may not, or the log-in was wrong.
    Denied,
}

impl AuditOutcome {
    /// Returns the stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
        }
    }
}

/// One thing done, or denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// What, for example `project.create`.
    pub action: String,
    /// The kind of the thing it was done to, for example `project`.
    pub kind: String,
    /// Its id or name.
    pub resource: String,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// More, in words.
    pub detail: String,
}

impl AuditEntry {
    /// Describes something that was done.
    pub fn done(action: &str, kind: &str, resource: &str) -> Self {
        Self {
            action: action.to_owned(),
            kind: kind.to_owned(),
            resource: resource.to_owned(),
            outcome: AuditOutcome::Done,
            detail: String::new(),
        }
    }

    /// Adds details.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// One stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its row; grows.
    pub id: i64,
    /// When.
    pub at: Timestamp,
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
        append(self.store.writer(), entry, request).await
    }

    /// Lists the log, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn audit_log(&self, page: &PageRequest) -> Result<Page<AuditRow>, CatalogError> {
        let before = page.after::<i64>("audit")?.unwrap_or(i64::MAX);
        let rows = sql::all(
            self.reader(),
            "SELECT id, at, user_name, source, request_id, action, resource_kind, resource, outcome, detail \
             FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2",
            vec![before.into(), page.rows().into()],
        )
        .await?;
        let items = rows.iter().map(audit_row).collect::<Result<_, _>>()?;
        Ok(Page::cut("audit", page, items, |row: &AuditRow| {
            row.id.to_string()
        }))
    }
}

/// Appends an entry in the caller's transaction.
pub(super) async fn append<C: ConnectionTrait>(
    on: &C,
    entry: &AuditEntry,
    request: &Request,
) -> Result<(), CatalogError> {
    sql::run(
        on,
        "INSERT INTO audit (at, user_name, source, request_id, action, resource_kind, resource, outcome, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        vec![
            request.at.0.into(),
            request.user.clone().into(),
            request.source.clone().into(),
            request.request_id.clone().into(),
            entry.action.clone().into(),
            entry.kind.clone().into(),
            entry.resource.clone().into(),
            entry.outcome.as_str().into(),
            entry.detail.clone().into(),
        ],
    )
    .await?;
    Ok(())
}

fn audit_row(row: &QueryResult) -> Result<AuditRow, CatalogError> {
    let outcome: String = sql::get(row, "outcome")?;
    Ok(AuditRow {
        id: sql::get(row, "id")?,
        at: Timestamp(sql::get(row, "at")?),
        user: sql::get(row, "user_name")?,
        source: sql::get(row, "source")?,
        request_id: sql::get(row, "request_id")?,
        entry: AuditEntry {
            action: sql::get(row, "action")?,
            kind: sql::get(row, "resource_kind")?,
            resource: sql::get(row, "resource")?,
            outcome: if outcome == AuditOutcome::Denied.as_str() {
                AuditOutcome::Denied
            } else {
                AuditOutcome::Done
            },
            detail: sql::get(row, "detail")?,
        },
    })
}
