//! Requests to encrypt every stored value again under the first key. Any node that has the key carries them out, in
//! batches; what is left to do follows from the values themselves, so that any other continues after a death.

use engine::ids::{Incarnation, Timestamp};
use engine::states::OperationStatus;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use secrets::{KeyId, NoKey, SharedKeyRing};
use store::{LIVE_MEMBER, Store, Transaction};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::context::AuditContext;
use crate::entity::secret_rotation;
use crate::error::CatalogError;
use crate::project_secrets::sealed_values::{SealedPart, SealedPosition, SealedValues};

/// Time for which a claim is valid after each batch.
const CLAIM_MS: i64 = 30_000;

/// The operations of this kind begin so.
const OPERATION_PREFIX: &str = "rotation-";

/// A request to encrypt every value again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRotation {
    /// Its row.
    pub id: i64,
    /// The key under which the values are to be.
    pub key: KeyId,
    /// By whom.
    pub requested_by: String,
    /// When it was requested.
    pub created_at: Timestamp,
    /// `pending` until every value has the key, or one cannot be opened.
    pub outcome: OperationStatus,
    /// How many values were encrypted again.
    pub rotated: i64,
    /// Why it was given up.
    pub refusal: Option<String>,
}

impl SecretRotation {
    /// Returns its id as an operation.
    pub fn operation_id(&self) -> String {
        operation_id(self.id)
    }
}

fn operation_id(id: i64) -> String {
    format!("{OPERATION_PREFIX}{id}")
}

impl From<secret_rotation::Model> for SecretRotation {
    fn from(row: secret_rotation::Model) -> Self {
        Self {
            id: row.id,
            key: KeyId::new(row.key_id),
            requested_by: row.requested_by,
            created_at: Timestamp(row.created_at),
            outcome: match (row.ended_at, &row.refusal) {
                (None, _) => OperationStatus::Pending,
                (Some(_), None) => OperationStatus::Applied,
                (Some(_), Some(_)) => OperationStatus::Refused,
            },
            rotated: row.rotated,
            refusal: row.refusal,
        }
    }
}

/// The right to carry a rotation out, of one node at a time, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationClaim {
    rotation: i64,
    key: KeyId,
    owner: Incarnation,
    epoch: i64,
    position: SealedPosition,
}

#[derive(FromQueryResult)]
struct ClaimedRotation {
    id: i64,
    key_id: String,
    epoch: i64,
}

/// The rotations.
#[derive(Debug, Clone, Copy)]
pub struct SecretRotations<'a> {
    store: &'a Store,
    keys: &'a SharedKeyRing,
}

impl<'a> SecretRotations<'a> {
    pub(crate) fn new(store: &'a Store, keys: &'a SharedKeyRing) -> Self {
        Self { store, keys }
    }

    /// Returns the key that seals on this node, under which a rotation brings all values.
    pub fn first_key(self) -> Option<KeyId> {
        self.keys.current().ids().next().cloned()
    }

    /// Stores a request for the first key of this node.
    ///
    /// # Errors
    /// `Conflict` with `NO_SECRETS_KEY`, or with `INVALID_STATE`: names the one that runs.
    pub async fn request(self, context: &AuditContext) -> Result<SecretRotation, CatalogError> {
        let key = self.first_key().ok_or(NoKey)?;
        let change = AuditedTransaction::begin(self.store, context).await?;
        let open = secret_rotation::Entity::find()
            .filter(secret_rotation::Column::EndedAt.is_null())
            .filter(secret_rotation::Column::KeyId.eq(key.as_str()))
            .one(change.on())
            .await?;
        if let Some(open) = open {
            let detail = format!(
                "operation {} encrypts under this key already",
                operation_id(open.id)
            );
            return Err(CatalogError::conflict("INVALID_STATE", detail));
        }
        let row = secret_rotation::ActiveModel {
            key_id: Set(key.to_string()),
            requested_by: Set(context.user.clone()),
            created_at: Set(context.at.0),
            epoch: Set(0),
            expires_at: Set(0),
            rotated: Set(0),
            ..secret_rotation::ActiveModel::default()
        };
        let row = secret_rotation::Entity::insert(row)
            .exec_with_returning(change.on())
            .await?;
        let rotation = SecretRotation::from(row);
        let entry = AuditEntry::done("secret.rotate", "operation", &rotation.operation_id())
            .with_detail(format!("key {key}"));
        change.commit_with(&entry).await?;
        Ok(rotation)
    }

    /// Finds a rotation by `rotation-ID`; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, operation: &str) -> Result<Option<SecretRotation>, CatalogError> {
        let id: Option<i64> = operation
            .strip_prefix(OPERATION_PREFIX)
            .and_then(|id| id.parse().ok());
        let Some(id) = id.filter(|id| operation_id(*id) == operation) else {
            return Ok(None);
        };
        let row = secret_rotation::Entity::find_by_id(id)
            .one(self.store.reader())
            .await?;
        Ok(row.map(SecretRotation::from))
    }

    /// Claims the oldest rotation that is not ended, whose key this node has, and that no other living node carries out.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn claim_open(
        self,
        owner: Incarnation,
        at: Timestamp,
    ) -> Result<Option<RotationClaim>, CatalogError> {
        let open = secret_rotation::Entity::find()
            .filter(secret_rotation::Column::EndedAt.is_null())
            .order_by_asc(secret_rotation::Column::Id)
            .all(self.store.reader())
            .await?;
        let ring = self.keys.current();
        let Some(next) = open.into_iter().find(|row| ring.has(&KeyId::new(&row.key_id))) else {
            return Ok(None);
        };
        let sql = format!(
            "UPDATE secret_rotation SET owner = $1, epoch = epoch + 1, expires_at = $2 \
             WHERE id = $4 AND ended_at IS NULL \
             AND EXISTS (SELECT 1 FROM member WHERE incarnation = $1 AND state = 'active') \
             AND (owner IS NULL OR owner = $1 OR expires_at < $3 OR NOT EXISTS \
                 (SELECT 1 FROM member WHERE incarnation = secret_rotation.owner AND {LIVE_MEMBER})) \
             RETURNING id, key_id, epoch"
        );
        let values = [
            owner.0.into(),
            at.plus(CLAIM_MS).0.into(),
            at.0.into(),
            next.id.into(),
        ];
        let row = self
            .store
            .writer()
            .query_one_raw(self.store.statement(&sql, values))
            .await?;
        let Some(row) = row else { return Ok(None) };
        let row = ClaimedRotation::from_query_result(&row, "")?;
        Ok(Some(RotationClaim {
            rotation: row.id,
            key: KeyId::new(row.key_id),
            owner,
            epoch: row.epoch,
            position: SealedPosition::default(),
        }))
    }

    /// Encrypts the next values; returns the claim for those after them, none when nothing is left to do with it.
    ///
    /// # Errors
    /// `Unavailable`: nothing of this batch is stored; try again.
    pub async fn carry_out_batch(
        self,
        claim: RotationClaim,
        at: Timestamp,
    ) -> Result<Option<RotationClaim>, CatalogError> {
        let transaction = self.store.begin().await?;
        if !renew_claim(&transaction, &claim, at).await? {
            return Ok(None);
        }
        let ring = self.keys.current();
        let values = SealedValues::new(self.store);
        let part = values
            .change_key(&transaction, (&ring, &claim.key), claim.position)
            .await;
        let SealedPart { changed, next } = match part {
            Ok(part) => part,
            Err(CatalogError::Conflict { detail, .. }) => {
                drop(transaction);
                return self.refuse(claim, &detail, at).await;
            }
            Err(error) => return Err(error),
        };
        count_changed(&transaction, &claim, changed).await?;
        if next.is_none() {
            end_rotation(&transaction, &claim, None, at).await?;
        }
        self.store.commit(transaction).await?;
        metrics::counter!("porpoise_secret_values_rotated_total").increment(changed.unsigned_abs());
        if next.is_none() {
            count_rotation("applied");
        }
        Ok(next.map(|position| RotationClaim { position, ..claim }))
    }

    /// Ends a rotation that meets a value that cannot be opened. What was changed before is readable as it is.
    async fn refuse(
        self,
        claim: RotationClaim,
        why: &str,
        at: Timestamp,
    ) -> Result<Option<RotationClaim>, CatalogError> {
        let transaction = self.store.begin().await?;
        if renew_claim(&transaction, &claim, at).await? {
            end_rotation(&transaction, &claim, Some(why), at).await?;
            self.store.commit(transaction).await?;
            count_rotation("refused");
        }
        Ok(None)
    }
}

fn count_rotation(outcome: &'static str) {
    metrics::counter!("porpoise_secret_rotations_total", "outcome" => outcome).increment(1);
}

/// Renews a claim; false when another node has it, or the rotation has ended.
async fn renew_claim(on: &Transaction, claim: &RotationClaim, at: Timestamp) -> Result<bool, CatalogError> {
    let expires_at = Expr::value(at.plus(CLAIM_MS).0);
    let renewed = secret_rotation::Entity::update_many()
        .col_expr(secret_rotation::Column::ExpiresAt, expires_at)
        .filter(secret_rotation::Column::Id.eq(claim.rotation))
        .filter(secret_rotation::Column::Owner.eq(claim.owner.0))
        .filter(secret_rotation::Column::Epoch.eq(claim.epoch))
        .filter(secret_rotation::Column::EndedAt.is_null())
        .exec(on)
        .await?;
    Ok(renewed.rows_affected > 0)
}

async fn count_changed(on: &Transaction, claim: &RotationClaim, changed: i64) -> Result<(), CatalogError> {
    use secret_rotation::Column::{Id, Rotated};
    if changed > 0 {
        secret_rotation::Entity::update_many()
            .col_expr(Rotated, Expr::col(Rotated).add(changed))
            .filter(Id.eq(claim.rotation))
            .exec(on)
            .await?;
    }
    Ok(())
}

async fn end_rotation(
    on: &Transaction,
    claim: &RotationClaim,
    refusal: Option<&str>,
    at: Timestamp,
) -> Result<(), CatalogError> {
    secret_rotation::Entity::update_many()
        .col_expr(secret_rotation::Column::EndedAt, Expr::value(at.0))
        .col_expr(
            secret_rotation::Column::Refusal,
            Expr::value(refusal.map(str::to_owned)),
        )
        .filter(secret_rotation::Column::Id.eq(claim.rotation))
        .exec(on)
        .await?;
    Ok(())
}
