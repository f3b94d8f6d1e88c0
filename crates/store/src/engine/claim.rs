//! The claim of instances that need an owner and have none that is alive.

use async_trait::async_trait;
use engine::alert::AlertEvent;
use engine::ids::{Epoch, Incarnation, InstanceId};
use engine::states::Attention;
use engine::states::{Command, InstanceState, OperationStatus, OwnershipReason};
use ports::{Claim, ClaimStore, ClaimedInstance, StoreError};
use sea_orm::{ConnectionTrait, Statement, Value};
use serde::Serialize;

use crate::batch_sql::{Column, id_list, json, row_lock, source};
use crate::batch_statement::run_over_rows;
use crate::engine::alerts::events::{InstanceEventRow, store_instance_events};
use crate::engine::members::lock_active_member;
use crate::error::store_error;
use crate::ownership_predicates::{RUNS_CONDITION, command_applies, has_applicable_command, needs_owner};
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Claims without a commit in between after which an instance gets `attention` instead of one more owner.
const CLAIM_LIMIT: i64 = 5;

/// An instance that is locked for this claim.
struct Candidate {
    id: i64,
    epoch: i64,
    state: InstanceState,
    claims: i64,
    owner: Option<i64>,
    host: Option<String>,
    owner_name: Option<String>,
    verb: Option<Command>,
}

#[derive(Serialize)]
struct ClaimRow {
    c_id: i64,
    c_epoch: i64,
    c_owner: i64,
    c_host: String,
    c_from_host: Option<String>,
    c_at: i64,
    c_why: &'static str,
}

const CLAIM: [Column; 7] = [
    ("c_id", "bigint"),
    ("c_epoch", "bigint"),
    ("c_owner", "bigint"),
    ("c_host", "text"),
    ("c_from_host", "text"),
    ("c_at", "bigint"),
    ("c_why", "text"),
];

#[derive(Serialize)]
struct QuarantineRow {
    c_id: i64,
    c_at: i64,
    c_attention: String,
    c_detail: &'static str,
    c_outcome: &'static str,
}

const QUARANTINE: [Column; 5] = [
    ("c_id", "bigint"),
    ("c_at", "bigint"),
    ("c_attention", "text"),
    ("c_detail", "text"),
    ("c_outcome", "text"),
];

#[async_trait]
impl ClaimStore for Store {
    /// Claims in one transaction; nothing is claimed for a member that is not active.
    async fn claim_instances(&self, claim: &Claim) -> Result<Vec<ClaimedInstance>, StoreError> {
        let transaction = self.engine_pool().begin_write().await?;
        if !lock_active_member(&transaction, claim.claimant.incarnation.0).await? {
            return Ok(Vec::new());
        }
        let ids = find_candidates(&transaction, claim).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (stuck, healthy): (Vec<Candidate>, Vec<Candidate>) = read_candidates(&transaction, &ids)
            .await?
            .into_iter()
            .partition(|candidate| candidate.claims >= CLAIM_LIMIT);
        quarantine(&transaction, claim, &stuck).await?;
        let claimed = store_claims(&transaction, claim, &healthy).await?;
        self.commit_engine(transaction).await?;
        Ok(claimed)
    }
}

/// Finds and locks what may be claimed: of dead owners, unowned and open, idle with a command that applies.
async fn find_candidates(transaction: &Transaction, claim: &Claim) -> Result<Vec<i64>, StoreError> {
    let lock = row_lock(
        transaction.get_database_backend(),
        "FOR NO KEY UPDATE OF i SKIP LOCKED",
    );
    let only = claim
        .only
        .map_or_else(String::new, |id| format!(" AND i.id = {id}"));
    let mut ids: Vec<i64> = Vec::new();
    for owner in dead_owners(transaction).await? {
        let sql =
            format!("SELECT i.id FROM instance i WHERE i.owner = $2{only} ORDER BY i.id LIMIT $1{lock}");
        add_candidates(transaction, claim, &mut ids, (sql, vec![owner.into()])).await?;
    }
    let unowned = format!(
        "SELECT i.id FROM instance i WHERE i.owner IS NULL AND {RUNS_CONDITION}{only} ORDER BY i.id LIMIT $1{lock}"
    );
    add_candidates(transaction, claim, &mut ids, (unowned, Vec::new())).await?;
    let commanded = format!(
        "SELECT i.id FROM instance i WHERE i.owner IS NULL{only} AND i.id IN \
         (SELECT instance FROM inbox WHERE applied_at IS NULL AND kind = 'command') AND {} \
         ORDER BY i.id LIMIT $1{lock}",
        has_applicable_command()
    );
    add_candidates(transaction, claim, &mut ids, (commanded, Vec::new())).await?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Adds the rows of one query, up to the limit of the claim.
async fn add_candidates(
    transaction: &Transaction,
    claim: &Claim,
    ids: &mut Vec<i64>,
    (sql, rest): (String, Vec<Value>),
) -> Result<(), StoreError> {
    let remaining = i64::from(claim.limit) - i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if remaining <= 0 {
        return Ok(());
    }
    let values: Vec<Value> = std::iter::once(remaining.into()).chain(rest).collect();
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let rows = transaction.query_all_raw(statement).await.map_err(store_error)?;
    for row in &rows {
        ids.push(RowReader::new(row).next_value()?);
    }
    Ok(())
}

/// Lists owners that are dead or left. It skips from owner to owner in the index: joining all owned rows with the
/// members would read them all.
async fn dead_owners(transaction: &Transaction) -> Result<Vec<i64>, StoreError> {
    let sql = "WITH RECURSIVE o(owner) AS ( \
               SELECT (SELECT min(owner) FROM instance WHERE owner IS NOT NULL) \
               UNION ALL \
               SELECT (SELECT min(w.owner) FROM instance w WHERE w.owner IS NOT NULL AND w.owner > o.owner) \
               FROM o WHERE o.owner IS NOT NULL) \
               SELECT o.owner FROM o LEFT JOIN member m ON m.incarnation = o.owner \
               WHERE o.owner IS NOT NULL AND (m.state IS NULL OR m.state IN ('dead', 'left')) ORDER BY o.owner";
    let rows = transaction
        .query_all_raw(Statement::from_string(transaction.get_database_backend(), sql))
        .await
        .map_err(store_error)?;
    rows.iter().map(|row| RowReader::new(row).next_value()).collect()
}

/// Reads what decides why and whether each of them is claimed. Their rows are locked now; one that another owner
/// claimed and finished while it was being found needs none any more and is left out.
async fn read_candidates(transaction: &Transaction, ids: &[i64]) -> Result<Vec<Candidate>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT i.id, i.epoch, i.state, i.claims_without_progress, i.owner, i.host, m.name, \
         (SELECT x.command FROM inbox x WHERE x.instance = i.id AND {} ORDER BY x.id LIMIT 1) \
         FROM instance i LEFT JOIN member m ON m.incarnation = i.owner \
         WHERE i.id IN (SELECT c_id FROM {}) AND (i.owner IS NOT NULL OR {}) ORDER BY i.id",
        command_applies(),
        source(backend, &[("c_id", "bigint")]),
        needs_owner()
    );
    let list = id_list(ids.iter().copied())?;
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [list]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok(Candidate {
                id: columns.next_value()?,
                epoch: columns.next_value()?,
                state: columns.next_parsed()?,
                claims: columns.next_value()?,
                owner: columns.next_value()?,
                host: columns.next_value()?,
                owner_name: columns.next_value()?,
                verb: columns.next_optional_parsed()?,
            })
        })
        .collect()
}

/// Returns why the claimant becomes the owner.
fn ownership_reason(candidate: &Candidate, claim: &Claim) -> OwnershipReason {
    if candidate.epoch == 0 && !candidate.state.is_idle() {
        return OwnershipReason::Start;
    }
    if candidate.owner.is_none() {
        return candidate
            .verb
            .map_or(OwnershipReason::Failover, OwnershipReason::from);
    }
    if candidate.owner_name.as_deref() == Some(&claim.claimant.name) {
        OwnershipReason::Restart
    } else {
        OwnershipReason::Failover
    }
}

async fn store_claims(
    transaction: &Transaction,
    claim: &Claim,
    candidates: &[Candidate],
) -> Result<Vec<ClaimedInstance>, StoreError> {
    let claimed: Vec<ClaimedInstance> = candidates
        .iter()
        .map(|candidate| ClaimedInstance {
            id: InstanceId(candidate.id),
            epoch: Epoch(candidate.epoch + 1),
            reason: ownership_reason(candidate, claim),
            from_owner: candidate.owner.map(Incarnation),
            from_host: candidate.host.clone(),
        })
        .collect();
    let rows: Vec<ClaimRow> = claimed
        .iter()
        .map(|claimed| ClaimRow {
            c_id: claimed.id.0,
            c_epoch: claimed.epoch.0,
            c_owner: claim.claimant.incarnation.0,
            c_host: claim.claimant.host.clone(),
            c_from_host: claimed.from_host.clone(),
            c_at: claim.at.0,
            c_why: claimed.reason.as_str(),
        })
        .collect();
    let backend = transaction.get_database_backend();
    // The rows are locked. A new instance waited for its first owner.
    run_over_rows(transaction, &rows, || {
        format!(
            "UPDATE instance SET owner = c_owner, host = c_host, epoch = c_epoch, revision = revision + 1, \
             claims_without_progress = claims_without_progress + 1, \
             reason = CASE WHEN epoch = 0 AND state = 'running' THEN NULL ELSE reason END FROM {} WHERE id = c_id",
            source(backend, &CLAIM)
        )
    })
    .await?;
    run_over_rows(transaction, &rows, || {
        format!(
            "INSERT INTO owner_log (instance, epoch, owner, host, from_host, at, why) \
             SELECT c_id, c_epoch, c_owner, c_host, c_from_host, c_at, c_why FROM {}",
            source(backend, &CLAIM)
        )
    })
    .await?;
    Ok(claimed)
}

/// Leaves instances that several owners claimed without progress to a person. The commands in their inboxes are
/// refused with the reason, else they would be claimed again.
async fn quarantine(
    transaction: &Transaction,
    claim: &Claim,
    candidates: &[Candidate],
) -> Result<(), StoreError> {
    let detail = format!(
        "{CLAIM_LIMIT} owners in a row claimed it and stored nothing; read the log of the masters, then resume it"
    );
    let attention = Attention {
        code: "CLAIMS_WITHOUT_PROGRESS".to_owned(),
        detail: detail.clone(),
    };
    let attention = json(&attention)?;
    let rows: Vec<QuarantineRow> = candidates
        .iter()
        .map(|candidate| QuarantineRow {
            c_id: candidate.id,
            c_at: claim.at.0,
            c_attention: attention.clone(),
            c_detail: "several owners made no progress with the instance; resume it to continue",
            c_outcome: OperationStatus::Refused.as_str(),
        })
        .collect();
    let backend = transaction.get_database_backend();
    run_over_rows(transaction, &rows, || {
        format!(
            "UPDATE instance SET owner = NULL, host = NULL, revision = revision + 1, claims_without_progress = 0, \
             attention = c_attention FROM {} WHERE id = c_id",
            source(backend, &QUARANTINE)
        )
    })
    .await?;
    run_over_rows(transaction, &rows, || {
        format!(
            "UPDATE inbox SET applied_at = c_at, outcome = c_outcome, detail = c_detail FROM {} \
             WHERE instance = c_id AND applied_at IS NULL AND kind = 'command'",
            source(backend, &QUARANTINE)
        )
    })
    .await?;
    let events: Vec<InstanceEventRow<'_>> = rows
        .iter()
        .map(|row| InstanceEventRow::unowned(InstanceId(row.c_id), claim.at, AlertEvent::Attention, &detail))
        .collect();
    store_instance_events(transaction, &events).await
}
