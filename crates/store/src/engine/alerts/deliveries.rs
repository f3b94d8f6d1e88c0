//! Deliveries: claimed by one node at a time, and what became of them.

use std::collections::BTreeMap;

use engine::ids::{DeliveryId, Timestamp};
use ports::{
    AlertView, ChannelName, ClaimedDelivery, DeliveryBacklog, DeliveryClaim, DeliveryEnd, DeliveryRecord,
    StoreError,
};
use sea_orm::ConnectionTrait;

use super::facts::{AlertColumns, AlertFacts};
use crate::batch_sql::{id_list, row_lock, source};
use crate::error::store_error;
use crate::ownership_predicates::LIVE_MEMBER;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Claims deliveries that are due and that no live node has, with their alerts.
pub(super) async fn claim_deliveries(
    store: &Store,
    claim: &DeliveryClaim,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let sql = format!(
        "UPDATE alert_delivery SET owner = $1, epoch = epoch + 1, leased_until = $3, attempts = attempts + 1, \
         first_try_at = COALESCE(first_try_at, $2), gathering = NULL WHERE id IN (SELECT d.id FROM alert_delivery d \
         WHERE d.state = 'waiting' AND d.next_at <= $2 AND (d.leased_until IS NULL OR d.leased_until <= $2 \
         OR NOT EXISTS (SELECT 1 FROM member WHERE incarnation = d.owner AND {LIVE_MEMBER})) \
         AND d.id NOT IN (SELECT c_id FROM {}) \
         ORDER BY d.next_at, d.id LIMIT $4{}) \
         AND EXISTS (SELECT 1 FROM member WHERE incarnation = $1 AND {LIVE_MEMBER}) \
         RETURNING id, epoch, project_id, channel, first_try_at, failures",
        source(store.backend(), &[("c_id", "bigint")]).replace("$1", "$5"),
        row_lock(store.backend(), "FOR UPDATE SKIP LOCKED")
    );
    let values = [
        claim.owner.0.into(),
        claim.at.0.into(),
        claim.at.plus(claim.lease_ms).0.into(),
        i64::from(claim.limit).into(),
        id_list(claim.held.iter().map(|delivery| delivery.0))?,
    ];
    let transaction = store.begin().await?;
    let rows = transaction
        .query_all_raw(store.statement(&sql, values))
        .await
        .map_err(store_error)?;
    let mut claimed = rows
        .iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok(ClaimedDelivery {
                id: DeliveryId(columns.next_value()?),
                epoch: columns.next_value()?,
                channel: ChannelName {
                    project: columns.next_value()?,
                    name: columns.next_value()?,
                },
                first_try_at: Timestamp(columns.next_value()?),
                failures: columns.next_u32()?,
                alerts: Vec::new(),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let mut alerts = read_alerts(store, &transaction, &claimed).await?;
    for delivery in &mut claimed {
        delivery.alerts = alerts.remove(&delivery.id).unwrap_or_default();
    }
    claimed.sort_by_key(|delivery| delivery.id);
    store.commit(transaction).await?;
    Ok(claimed)
}

async fn read_alerts(
    store: &Store,
    transaction: &Transaction,
    claimed: &[ClaimedDelivery],
) -> Result<BTreeMap<DeliveryId, Vec<AlertView>>, StoreError> {
    let mut alerts: BTreeMap<DeliveryId, Vec<AlertView>> = BTreeMap::new();
    if claimed.is_empty() {
        return Ok(alerts);
    }
    let sql = format!(
        "SELECT d.delivery, a.id, a.event, a.at, a.instance, a.text, a.facts FROM alert_delivery_item d \
         JOIN alert a ON a.id = d.alert WHERE d.delivery IN (SELECT c_id FROM {}) ORDER BY a.id",
        source(store.backend(), &[("c_id", "bigint")])
    );
    let ids = id_list(claimed.iter().map(|delivery| delivery.id.0))?;
    let rows = transaction
        .query_all_raw(store.statement(&sql, [ids]))
        .await
        .map_err(store_error)?;
    for row in &rows {
        let mut columns = RowReader::new(row);
        let delivery = DeliveryId(columns.next_value()?);
        let own = AlertColumns {
            id: columns.next_value()?,
            event: columns.next_value()?,
            at: columns.next_value()?,
            instance: columns.next_value()?,
            text: columns.next_value()?,
        };
        let facts: AlertFacts = columns.next_json()?;
        alerts.entry(delivery).or_default().push(facts.into_view(own));
    }
    Ok(alerts)
}

/// Stores the outcome of a try, unless another node has claimed the delivery since.
pub(super) async fn record_delivery(store: &Store, record: &DeliveryRecord) -> Result<bool, StoreError> {
    let (state, error, next_at) = match &record.end {
        DeliveryEnd::Delivered => ("delivered", None, None),
        DeliveryEnd::Failed { error } => ("failed", Some(error), None),
        DeliveryEnd::Waiting { error, next_at } => ("waiting", Some(error), Some(next_at.0)),
    };
    let sql = "UPDATE alert_delivery SET state = $3, last_error = COALESCE($4, last_error), next_at = $5, \
               failures = failures + $6, owner = NULL, leased_until = NULL \
               WHERE id = $1 AND epoch = $2 AND state = 'waiting'";
    let values = [
        record.id.0.into(),
        record.epoch.into(),
        state.into(),
        error.cloned().into(),
        next_at.into(),
        i64::from(error.is_some()).into(),
    ];
    let done = store
        .writer()
        .execute_raw(store.statement(sql, values))
        .await
        .map_err(store_error)?;
    Ok(done.rows_affected() == 1)
}

/// Reads what waits to be delivered.
pub(super) async fn delivery_backlog(store: &Store) -> Result<DeliveryBacklog, StoreError> {
    let sql = "SELECT count(*), min(created_at), min(next_at) FROM alert_delivery WHERE state = 'waiting'";
    let row = store
        .reader()
        .query_one_raw(store.statement(sql, []))
        .await
        .map_err(store_error)?;
    let Some(row) = row else {
        return Ok(DeliveryBacklog::default());
    };
    let mut columns = RowReader::new(&row);
    let waiting: i64 = columns.next_value()?;
    let oldest: Option<i64> = columns.next_value()?;
    let next_at: Option<i64> = columns.next_value()?;
    Ok(DeliveryBacklog {
        waiting: u64::try_from(waiting).unwrap_or_default(),
        oldest: oldest.map(Timestamp),
        next_at: next_at.map(Timestamp),
    })
}
