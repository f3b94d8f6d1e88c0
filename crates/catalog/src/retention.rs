//! Deletions of ended instances that users request; a node that has the retention lease carries them out.

pub(crate) mod log_removals;

pub use log_removals::LogRemovals;

use engine::ids::Timestamp;
use engine::states::{InstanceState, OperationStatus};
use ports::{ExpirySelection, RetentionRunId, RetentionStore as _};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, TryInsertResult};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::{narrow, parse_name};
use crate::context::AuditContext;
use crate::entity::retention_run;
use crate::error::CatalogError;
use crate::projects::ProjectId;
use store::{ExpiredCount, Store};

/// The most instances that are counted in one query.
const COUNTED_AT_ONCE: u32 = 500;

/// Which ended instances a user wants deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRequest {
    /// The latest end of an instance that is deleted.
    pub ended_before: Timestamp,
    /// Of which project; of every one unless given.
    pub project: Option<ProjectId>,
    /// In which states, all of them final.
    pub states: Vec<InstanceState>,
}

/// A requested deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRun {
    /// Its row.
    pub id: RetentionRunId,
    /// By whom.
    pub requested_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Whether it has ended.
    pub outcome: OperationStatus,
    /// Instances deleted until now.
    pub instances: u64,
    /// Rows of all tables deleted until now.
    pub rows: u64,
}

impl RetentionRun {
    /// Returns its id as an operation.
    pub fn operation_id(&self) -> String {
        operation_id(self.id)
    }
}

/// The operations of this kind begin so; those of instances are numbers.
const OPERATION_PREFIX: &str = "retention-";

fn operation_id(id: RetentionRunId) -> String {
    format!("{OPERATION_PREFIX}{}", id.0)
}

impl TryFrom<retention_run::Model> for RetentionRun {
    type Error = CatalogError;

    fn try_from(row: retention_run::Model) -> Result<Self, CatalogError> {
        Ok(Self {
            id: RetentionRunId(row.id),
            requested_by: row.requested_by,
            created_at: Timestamp(row.created_at),
            outcome: parse_name("outcome", &row.outcome)?,
            instances: narrow("instances", row.instances)?,
            rows: narrow("deleted_rows", row.deleted_rows)?,
        })
    }
}

/// The requested deletions.
#[derive(Debug, Clone, Copy)]
pub struct Retention<'a> {
    store: &'a Store,
}

impl<'a> Retention<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Counts what a request would delete, and deletes nothing.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn count(self, request: &RetentionRequest) -> Result<ExpiredCount, CatalogError> {
        let projects = match request.project {
            Some(project) => vec![project.0],
            None => {
                let all = self.store.list_retained_projects().await?;
                all.into_iter().map(|project| project.id).collect()
            }
        };
        let mut total = ExpiredCount::default();
        for project in projects {
            let selection = ExpirySelection {
                project,
                states: request.states.clone(),
                ended_before: request.ended_before,
            };
            total = total.plus(self.count_selection(&selection).await?);
        }
        Ok(total)
    }

    async fn count_selection(self, selection: &ExpirySelection) -> Result<ExpiredCount, CatalogError> {
        let mut total = ExpiredCount::default();
        let mut after = None;
        loop {
            let page = self.store.list_expired(selection, after, COUNTED_AT_ONCE).await?;
            after = page.last().copied();
            if page.is_empty() {
                return Ok(total);
            }
            let ids: Vec<_> = page.iter().map(|ended| ended.id).collect();
            total = total.plus(self.store.count_expired(&ids).await?);
        }
    }

    /// Stores a request, unless another one is being carried out.
    ///
    /// # Errors
    /// `Conflict` with `INVALID_STATE`: names the one that runs.
    pub async fn request(
        self,
        request: &RetentionRequest,
        context: &AuditContext,
    ) -> Result<RetentionRun, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let row = retention_run::ActiveModel {
            requested_by: Set(context.user.clone()),
            created_at: Set(context.at.0),
            ended_before: Set(request.ended_before.0),
            project_id: Set(request.project.map(|project| project.0)),
            states: Set(serde_json::json!(request.states).to_string()),
            ..retention_run::ActiveModel::default()
        };
        let inserted = retention_run::Entity::insert(row)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .try_insert()
            .exec_without_returning(change.on())
            .await?;
        let pending = retention_run::Entity::find()
            .filter(retention_run::Column::Outcome.eq(OperationStatus::Pending.as_str()))
            .one(change.on())
            .await?
            .map(RetentionRun::try_from)
            .transpose()?;
        let pending = pending.ok_or_else(|| CatalogError::Unavailable("it has just ended".to_owned()))?;
        if !matches!(inserted, TryInsertResult::Inserted(1)) {
            let detail = format!("operation {} is deleting; one at a time", pending.operation_id());
            return Err(CatalogError::conflict("INVALID_STATE", detail));
        }
        let entry = AuditEntry::done("retention.run", "retention", &pending.operation_id())
            .with_detail(format!("ended before {}", request.ended_before.0));
        change.commit_with(&entry).await?;
        Ok(pending)
    }

    /// Finds the deletion of an operation, `retention-ID`; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, operation: &str) -> Result<Option<RetentionRun>, CatalogError> {
        let id: Option<i64> = operation
            .strip_prefix(OPERATION_PREFIX)
            .and_then(|id| id.parse().ok());
        let Some(id) = id.filter(|id| operation_id(RetentionRunId(*id)) == operation) else {
            return Ok(None);
        };
        let row = retention_run::Entity::find_by_id(id)
            .one(self.store.reader())
            .await?;
        row.map(RetentionRun::try_from).transpose()
    }
}
