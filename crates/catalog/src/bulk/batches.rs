//! The work on operations: which node does it, and how far it is.
//!
//! Every batch is one transaction that names the claim of its node, so that of two nodes only the one with the newest
//! claim acts, and each instance is acted on once.

use engine::ids::{Incarnation, InstanceId, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use store::{LIVE_MEMBER, Transaction};

use crate::bulk::item::{BatchAuthor, ItemOutcome};
use crate::bulk::{BulkOperations, BulkVerb, parse_verb};
use crate::entity::{bulk_item, bulk_operation};
use crate::error::CatalogError;

/// Time for which a claim is valid after each batch.
const CLAIM_MS: i64 = 30_000;

/// Instances of one batch.
const BATCH: u64 = 50;

/// Commands of one operation that wait for their owners at most.
const MAX_POSTED: u64 = 200;

/// The right to carry an operation out, of one node at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkClaim {
    /// The operation's row.
    pub operation: i64,
    /// Who has it.
    pub owner: Incarnation,
    /// Grows with each claim.
    pub epoch: i64,
}

/// What follows after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkStatus {
    /// Another batch.
    Busy,
    /// Owners are to decide the posted commands first.
    Awaiting,
    /// Nothing: every instance is decided, or another node has the claim.
    Released,
}

/// What one batch did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkBatch {
    /// Instances whose owners have a command to decide.
    pub posted: Vec<InstanceId>,
    /// What follows.
    pub status: BulkStatus,
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    id: i64,
    epoch: i64,
}

#[derive(FromQueryResult)]
struct DecidedItem {
    instance: i64,
    outcome: Option<String>,
    detail: Option<String>,
}

/// How many instances a batch decided.
#[derive(Debug, Clone, Copy, Default)]
struct BatchCounts {
    applied: i64,
    refused: i64,
}

impl BulkOperations<'_> {
    /// Claims every operation that is not ended and that no other living node carries out.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn claim_open(self, owner: Incarnation, at: Timestamp) -> Result<Vec<BulkClaim>, CatalogError> {
        let open = bulk_operation::Entity::find()
            .filter(bulk_operation::Column::EndedAt.is_null())
            .count(self.store.reader())
            .await?;
        if open == 0 {
            return Ok(Vec::new());
        }
        let sql = format!(
            "UPDATE bulk_operation SET owner = $1, epoch = epoch + 1, expires_at = $2 WHERE ended_at IS NULL \
             AND EXISTS (SELECT 1 FROM member WHERE incarnation = $1 AND state = 'active') \
             AND (owner IS NULL OR owner = $1 OR expires_at < $3 OR NOT EXISTS \
                 (SELECT 1 FROM member WHERE incarnation = bulk_operation.owner AND {LIVE_MEMBER})) \
             RETURNING id, epoch"
        );
        let values = [owner.0.into(), at.plus(CLAIM_MS).0.into(), at.0.into()];
        let rows = self
            .store
            .writer()
            .query_all_raw(self.store.statement(&sql, values))
            .await?;
        rows.iter()
            .map(|row| {
                let row = ClaimedRow::from_query_result(row, "")?;
                Ok(BulkClaim {
                    operation: row.id,
                    owner,
                    epoch: row.epoch,
                })
            })
            .collect()
    }

    /// Acts on the next instances of an operation, and counts what owners decided since.
    ///
    /// # Errors
    /// `Unavailable`: nothing of this batch is stored; try again.
    pub async fn carry_out_batch(self, claim: BulkClaim, at: Timestamp) -> Result<BulkBatch, CatalogError> {
        let transaction = self.store.begin().await?;
        let Some(operation) = renew_claim(&transaction, claim, at).await? else {
            return Ok(BulkBatch {
                posted: Vec::new(),
                status: BulkStatus::Released,
            });
        };
        let mut counts = self.count_decided(&transaction, claim).await?;
        let waiting = count_items(&transaction, claim, "posted").await?;
        let room = Ord::min(MAX_POSTED.saturating_sub(waiting), BATCH);
        let (posted, acted) = self
            .act_on_next(&transaction, &operation, room, (&mut counts, at))
            .await?;
        let is_undecided = counts.add_to(&transaction, claim).await?;
        let status = match (is_undecided, acted) {
            (false, _) => BulkStatus::Released,
            (true, 0) => BulkStatus::Awaiting,
            (true, _) => BulkStatus::Busy,
        };
        if !is_undecided {
            end_operation(&transaction, claim, at).await?;
        }
        self.store.commit(transaction).await?;
        Ok(BulkBatch { posted, status })
    }

    /// Takes the decisions of owners over. An instance that is gone had decided before it could be deleted.
    async fn count_decided(self, on: &Transaction, claim: BulkClaim) -> Result<BatchCounts, CatalogError> {
        let sql = "SELECT b.instance, x.outcome, x.detail FROM bulk_item b LEFT JOIN inbox x ON x.id = b.command \
                   WHERE b.operation = $1 AND b.state = 'posted' AND (x.id IS NULL OR x.applied_at IS NOT NULL)";
        let rows = on
            .query_all_raw(self.store.statement(sql, [claim.operation.into()]))
            .await?;
        let mut counts = BatchCounts::default();
        for row in &rows {
            let item = DecidedItem::from_query_result(row, "")?;
            let outcome = match item.outcome.as_deref() {
                Some("refused") => ItemOutcome::Refused(item.detail.unwrap_or_default()),
                _ => ItemOutcome::Applied,
            };
            counts.record(on, (claim, item.instance), outcome).await?;
        }
        Ok(counts)
    }

    /// Acts on the next instances; returns those that have a command now, and on how many it acted.
    async fn act_on_next(
        self,
        on: &Transaction,
        operation: &bulk_operation::Model,
        room: u64,
        (counts, at): (&mut BatchCounts, Timestamp),
    ) -> Result<(Vec<InstanceId>, usize), CatalogError> {
        let next = bulk_item::Entity::find()
            .filter(bulk_item::Column::Operation.eq(operation.id))
            .filter(bulk_item::Column::State.eq("pending"))
            .order_by_asc(bulk_item::Column::Instance)
            .limit(room)
            .all(on)
            .await?;
        let verb: BulkVerb = parse_verb(&operation.verb)?;
        let mut author = BatchAuthor::find(self.store, on, operation, at).await?;
        let claim = BulkClaim {
            operation: operation.id,
            owner: Incarnation(operation.owner.unwrap_or_default()),
            epoch: operation.epoch,
        };
        let mut posted = Vec::new();
        for item in &next {
            let outcome = author.act_on(verb, InstanceId(item.instance)).await?;
            if matches!(outcome, ItemOutcome::Posted(_)) {
                posted.push(InstanceId(item.instance));
            }
            counts.record(on, (claim, item.instance), outcome).await?;
        }
        Ok((posted, next.len()))
    }
}

impl BatchCounts {
    /// Stores what became of an instance. What was applied needs no row any more.
    async fn record(
        &mut self,
        on: &Transaction,
        (claim, instance): (BulkClaim, i64),
        outcome: ItemOutcome,
    ) -> Result<(), CatalogError> {
        let key = (claim.operation, instance);
        let change = bulk_item::Entity::update_many()
            .filter(bulk_item::Column::Operation.eq(claim.operation))
            .filter(bulk_item::Column::Instance.eq(instance));
        match outcome {
            ItemOutcome::Applied => {
                self.applied += 1;
                bulk_item::Entity::delete_by_id(key).exec(on).await?;
            }
            ItemOutcome::Refused(detail) => {
                self.refused += 1;
                change
                    .col_expr(bulk_item::Column::State, Expr::value("refused"))
                    .col_expr(bulk_item::Column::Detail, Expr::value(detail))
                    .exec(on)
                    .await?;
            }
            ItemOutcome::Posted(command) => {
                change
                    .col_expr(bulk_item::Column::State, Expr::value("posted"))
                    .col_expr(bulk_item::Column::Command, Expr::value(command.0))
                    .exec(on)
                    .await?;
            }
        }
        Ok(())
    }

    /// Adds the counts to the operation; returns whether an instance is left that is not decided.
    async fn add_to(self, on: &Transaction, claim: BulkClaim) -> Result<bool, CatalogError> {
        use bulk_operation::Column::{Applied, Id, Refused, Total};
        if self.applied + self.refused > 0 {
            bulk_operation::Entity::update_many()
                .col_expr(Applied, Expr::col(Applied).add(self.applied))
                .col_expr(Refused, Expr::col(Refused).add(self.refused))
                .filter(Id.eq(claim.operation))
                .exec(on)
                .await?;
        }
        let undecided = bulk_operation::Entity::find_by_id(claim.operation)
            .filter(Expr::col(Applied).add(Expr::col(Refused)).lt(Expr::col(Total)))
            .count(on)
            .await?;
        Ok(undecided > 0)
    }
}

/// Renews a claim; none when another node has it, or the operation has ended.
async fn renew_claim(
    on: &Transaction,
    claim: BulkClaim,
    at: Timestamp,
) -> Result<Option<bulk_operation::Model>, CatalogError> {
    let renewed = bulk_operation::Entity::update_many()
        .col_expr(
            bulk_operation::Column::ExpiresAt,
            Expr::value(at.plus(CLAIM_MS).0),
        )
        .filter(bulk_operation::Column::Id.eq(claim.operation))
        .filter(bulk_operation::Column::Owner.eq(claim.owner.0))
        .filter(bulk_operation::Column::Epoch.eq(claim.epoch))
        .filter(bulk_operation::Column::EndedAt.is_null())
        .exec(on)
        .await?;
    if renewed.rows_affected == 0 {
        return Ok(None);
    }
    Ok(bulk_operation::Entity::find_by_id(claim.operation)
        .one(on)
        .await?)
}

async fn count_items(on: &Transaction, claim: BulkClaim, state: &str) -> Result<u64, CatalogError> {
    let items = bulk_item::Entity::find()
        .filter(bulk_item::Column::Operation.eq(claim.operation))
        .filter(bulk_item::Column::State.eq(state));
    Ok(items.count(on).await?)
}

async fn end_operation(on: &Transaction, claim: BulkClaim, at: Timestamp) -> Result<(), CatalogError> {
    bulk_operation::Entity::update_many()
        .col_expr(bulk_operation::Column::EndedAt, Expr::value(at.0))
        .filter(bulk_operation::Column::Id.eq(claim.operation))
        .exec(on)
        .await?;
    Ok(())
}
