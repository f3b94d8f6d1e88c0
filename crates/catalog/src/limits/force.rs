//! A person lets a waiting task start over a limit.

use engine::ids::InstanceId;
use ports::DefinitionStore as _;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use store::Transaction;

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::{instance, limit_request};
use crate::error::CatalogError;
use crate::instances::missing_instance;
use crate::limits::owner::LimitOwner;
use crate::limits::queue::{QueueEntry, QueueEntryState};
use crate::limits::stored::{Limits, StoredLimit, lock_limit, missing_limit, queue_order};
use crate::page::PageRequest;

/// Lists the limits of a task that lack room for it, or have a task before it that lacks it.
const BLOCKING: &str = "SELECT r.limit_id FROM limit_request r JOIN named_limit l ON l.id = r.limit_id \
    WHERE r.instance = $1 AND r.task_index = $2 AND r.state <> 'holding' AND NOT r.forced AND l.enabled \
    AND EXISTS (SELECT 1 FROM limit_request b WHERE b.limit_id = l.id AND b.state <> 'holding' AND NOT b.forced \
    AND b.slots > l.slots - l.used AND ({b}) <= ({r}))";

impl Limits<'_> {
    /// Lets a task start over a limit that it waits for; it counts. Returns its entry in the queue.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `INVALID_STATE` when it does not wait for the limit, or another one lacks room for it.
    pub async fn force(
        self,
        (owner, name): (LimitOwner, &str),
        (id, task): (InstanceId, &str),
        context: &AuditContext,
    ) -> Result<QueueEntry, CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        lock_limit(change.on(), owner, name)
            .await?
            .filter(|limit| !limit.name.is_empty())
            .ok_or_else(|| missing_limit(name))?;
        let limit = self
            .find_on(change.on(), owner, name)
            .await?
            .ok_or_else(|| missing_limit(name))?;
        let task_index = self.find_task(change.on(), id, task).await?;
        let blocking = self.blocking_limits(change.on(), (id, task_index)).await?;
        let row = limit_request::Entity::find_by_id((id.0, task_index, limit.name.clone()))
            .filter(limit_request::Column::LimitId.eq(limit.id))
            .one(change.on())
            .await?;
        let Some(row) = row.filter(|_| blocking.contains(&limit.id)) else {
            let detail = format!("task `{task}` of instance {id} does not wait for the limit `{name}`");
            return Err(CatalogError::conflict("INVALID_STATE", detail));
        };
        if blocking.iter().any(|other| *other != limit.id) {
            let detail = format!("another limit has no room for task `{task}` of instance {id}");
            return Err(CatalogError::conflict("INVALID_STATE", detail));
        }
        let entry = self.find_entry(&limit, (id, task)).await?;
        let forced = limit_request::ActiveModel {
            instance: Unchanged(row.instance),
            task_index: Unchanged(row.task_index),
            name: Unchanged(row.name),
            forced: Set(true),
            ..limit_request::ActiveModel::default()
        };
        limit_request::Entity::update(forced)
            .exec_without_returning(change.on())
            .await?;
        let audit = AuditEntry::done("limit.force", "limit", &limit.id.to_string())
            .with_detail(format!("{name}: task {task} of instance {id}"));
        change.commit_with(&audit).await?;
        Ok(entry)
    }

    async fn find_task(self, on: &Transaction, id: InstanceId, task: &str) -> Result<i64, CatalogError> {
        let row = instance::Entity::find_by_id(id.0)
            .one(on)
            .await?
            .ok_or_else(|| missing_instance(id))?;
        let definition = self.store().load_definition(row.workflow_id, row.version).await?;
        let task_index = definition.task_index_of(task);
        let task_index =
            task_index.ok_or_else(|| CatalogError::not_found(format!("task `{task}` in instance {id}")))?;
        Ok(i64::from(task_index.0))
    }

    async fn blocking_limits(
        self,
        on: &Transaction,
        (id, task_index): (InstanceId, i64),
    ) -> Result<Vec<i64>, CatalogError> {
        let sql = BLOCKING
            .replace("{b}", &queue_order("b"))
            .replace("{r}", &queue_order("r"));
        let statement = self.store().statement(&sql, [id.0.into(), task_index.into()]);
        let rows = on.query_all_raw(statement).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// Reads the entry of a waiting task, page by page: its position is its place in the list.
    async fn find_entry(
        self,
        limit: &StoredLimit,
        (id, task): (InstanceId, &str),
    ) -> Result<QueueEntry, CatalogError> {
        let mut request = PageRequest {
            limit: u32::MAX,
            cursor: None,
        };
        loop {
            let page = self.list_queue(limit, &request).await?;
            let is_wanted = |entry: &QueueEntry| {
                entry.state == QueueEntryState::Waiting && entry.instance == id && entry.task == task
            };
            if let Some(entry) = page.items.into_iter().find(is_wanted) {
                return Ok(entry);
            }
            let Some(cursor) = page.next_cursor else {
                let detail = format!("task `{task}` of instance {id} has just got room");
                return Err(CatalogError::conflict("INVALID_STATE", detail));
            };
            request.cursor = Some(cursor);
        }
    }
}
