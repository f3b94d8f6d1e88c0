//! One request for many instances: an operation that any node carries out, in batches.

mod batches;
mod item;

use engine::ids::{InstanceId, Timestamp};
use engine::states::{Command, OperationStatus};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::narrow;
use crate::context::AuditContext;
use crate::entity::{bulk_item, bulk_operation};
use crate::error::CatalogError;
use crate::users::UserId;
use store::Store;

pub use batches::{BulkBatch, BulkClaim, BulkStatus};

/// The most instances of one operation.
pub const MAX_BULK_INSTANCES: usize = 100_000;

/// The most refusals that an operation shows.
const SHOWN_REFUSALS: u64 = 200;

/// Rows that one statement inserts; each has two parameters.
const INSERTED_AT_ONCE: usize = 5_000;

/// The operations of this kind begin so; those of instances are numbers.
const OPERATION_PREFIX: &str = "bulk-";

/// What is done with each instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkVerb {
    /// A command is posted.
    Post(Command),
    /// The instance is deleted.
    Delete,
}

impl BulkVerb {
    /// Every verb.
    pub const ALL: [Self; 6] = [
        Self::Post(Command::Pause),
        Self::Post(Command::Resume),
        Self::Post(Command::Stop),
        Self::Post(Command::Recover),
        Self::Post(Command::Rerun),
        Self::Delete,
    ];

    /// Returns the stored and shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post(command) => command.as_str(),
            Self::Delete => "delete",
        }
    }

    /// Finds a verb by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == name)
    }
}

/// What a user wants done with which instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRequest {
    /// With each of them.
    pub verb: BulkVerb,
    /// At most `MAX_BULK_INSTANCES`, without a repetition.
    pub instances: Vec<InstanceId>,
    /// Why, in the user's words.
    pub reason: Option<String>,
    /// Who wants it; it is checked for each instance what that user may do.
    pub user: UserId,
}

/// An instance with which it could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedInstance {
    /// Which one.
    pub instance: InstanceId,
    /// Why, in words.
    pub detail: String,
}

/// An operation on many instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkOperation {
    /// Its row.
    pub id: i64,
    /// What is done.
    pub verb: BulkVerb,
    /// By whom.
    pub requested_by: String,
    /// When it was requested.
    pub created_at: Timestamp,
    /// `pending` until every instance is decided.
    pub outcome: OperationStatus,
    /// How many instances.
    pub total: u64,
    /// With how many it was done.
    pub applied: u64,
    /// With how many it could not be done.
    pub refused: u64,
    /// The first of those, by instance.
    pub refusals: Vec<RefusedInstance>,
}

impl BulkOperation {
    /// Returns its id as an operation.
    pub fn operation_id(&self) -> String {
        operation_id(self.id)
    }
}

fn operation_id(id: i64) -> String {
    format!("{OPERATION_PREFIX}{id}")
}

/// The operations on many instances.
#[derive(Debug, Clone, Copy)]
pub struct BulkOperations<'a> {
    store: &'a Store,
}

impl<'a> BulkOperations<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Stores an operation with its instances.
    ///
    /// # Errors
    /// `Conflict` with `IDEMPOTENCY_KEY_IN_USE`; `Unavailable`: try again.
    pub async fn create(
        self,
        request: &BulkRequest,
        context: &AuditContext,
    ) -> Result<BulkOperation, CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        let total = request.instances.len();
        let ended_at = (total == 0).then_some(context.at.0);
        let row = bulk_operation::ActiveModel {
            verb: Set(request.verb.as_str().to_owned()),
            reason: Set(request.reason.clone()),
            user_id: Set(request.user.0),
            requested_by: Set(context.user.clone()),
            created_at: Set(context.at.0),
            total: Set(i64::try_from(total).unwrap_or(i64::MAX)),
            ended_at: Set(ended_at),
            ..bulk_operation::ActiveModel::default()
        };
        let inserted = bulk_operation::Entity::insert(row).exec(change.on()).await?;
        let id = inserted.last_insert_id;
        for instances in request.instances.chunks(INSERTED_AT_ONCE) {
            let rows = instances.iter().map(|instance| bulk_item::ActiveModel {
                operation: Set(id),
                instance: Set(instance.0),
                ..bulk_item::ActiveModel::default()
            });
            bulk_item::Entity::insert_many(rows)
                .exec_without_returning(change.on())
                .await?;
        }
        let action = format!("instance.bulk.{}", request.verb.as_str());
        let entry = AuditEntry::done(&action, "operation", &operation_id(id))
            .with_detail(format!("{total} instances"));
        change.commit_with(&entry).await?;
        let created = self.find(&operation_id(id)).await?;
        created.ok_or_else(|| CatalogError::Unavailable("it was just deleted".to_owned()))
    }

    /// Finds an operation by `bulk-ID`; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, operation: &str) -> Result<Option<BulkOperation>, CatalogError> {
        let id: Option<i64> = operation
            .strip_prefix(OPERATION_PREFIX)
            .and_then(|id| id.parse().ok());
        let Some(id) = id.filter(|id| operation_id(*id) == operation) else {
            return Ok(None);
        };
        let reader = self.store.reader();
        let Some(row) = bulk_operation::Entity::find_by_id(id).one(reader).await? else {
            return Ok(None);
        };
        let refused = bulk_item::Entity::find()
            .filter(bulk_item::Column::Operation.eq(id))
            .filter(bulk_item::Column::State.eq("refused"))
            .order_by_asc(bulk_item::Column::Instance)
            .limit(SHOWN_REFUSALS)
            .all(reader)
            .await?;
        let refusals = refused.into_iter().map(|item| RefusedInstance {
            instance: InstanceId(item.instance),
            detail: item.detail.unwrap_or_default(),
        });
        Ok(Some(BulkOperation {
            id,
            verb: parse_verb(&row.verb)?,
            requested_by: row.requested_by,
            created_at: Timestamp(row.created_at),
            outcome: match row.ended_at {
                Some(_) => OperationStatus::Applied,
                None => OperationStatus::Pending,
            },
            total: narrow("total", row.total)?,
            applied: narrow("applied", row.applied)?,
            refused: narrow("refused", row.refused)?,
            refusals: refusals.collect(),
        }))
    }
}

/// Parses the column `verb`.
fn parse_verb(name: &str) -> Result<BulkVerb, CatalogError> {
    let unreadable = || crate::columns::unreadable("verb", name);
    BulkVerb::from_name(name).ok_or_else(unreadable)
}
