//! The audit log says who did what; rows are only appended.

use engine::ids::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::context::AuditContext;
use crate::entity::audit;
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use store::Store;

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

    fn from_column(outcome: &str) -> Self {
        if outcome == Self::Denied.as_str() {
            Self::Denied
        } else {
            Self::Done
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

impl From<audit::Model> for AuditRow {
    fn from(row: audit::Model) -> Self {
        Self {
            id: row.id,
            at: Timestamp(row.at),
            user: row.user_name,
            source: row.source,
            request_id: row.request_id,
            entry: AuditEntry {
                action: row.action,
                kind: row.resource_kind,
                resource: row.resource,
                outcome: AuditOutcome::from_column(&row.outcome),
                detail: row.detail,
            },
        }
    }
}

/// The audit log.
#[derive(Debug, Clone, Copy)]
pub struct AuditLog<'a> {
    store: &'a Store,
}

impl<'a> AuditLog<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Appends an entry of its own: what was denied, log-ins. Changes append theirs themselves.
    ///
    /// # Errors
    /// `Unavailable`: it may be missing.
    pub async fn record(self, entry: &AuditEntry, context: &AuditContext) -> Result<(), CatalogError> {
        append(self.store.writer(), entry, context).await
    }

    /// Lists the log, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(self, page: &PageRequest) -> Result<Page<AuditRow>, CatalogError> {
        let before = page.after::<i64>("audit")?.unwrap_or(i64::MAX);
        let rows = audit::Entity::find()
            .filter(audit::Column::Id.lt(before))
            .order_by_desc(audit::Column::Id)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows.into_iter().map(AuditRow::from).collect();
        Ok(Page::cut("audit", page, items, |row: &AuditRow| {
            row.id.to_string()
        }))
    }
}

/// Appends an entry in the caller's transaction.
pub(crate) async fn append<C: ConnectionTrait>(
    on: &C,
    entry: &AuditEntry,
    context: &AuditContext,
) -> Result<(), CatalogError> {
    let row = audit::ActiveModel {
        at: Set(context.at.0),
        user_name: Set(context.user.clone()),
        source: Set(context.source.clone()),
        request_id: Set(context.request_id.clone()),
        action: Set(entry.action.clone()),
        resource_kind: Set(entry.kind.clone()),
        resource: Set(entry.resource.clone()),
        outcome: Set(entry.outcome.as_str().to_owned()),
        detail: Set(entry.detail.clone()),
        ..audit::ActiveModel::default()
    };
    audit::Entity::insert(row).exec_without_returning(on).await?;
    Ok(())
}
