//! A pass over events and due times: alerts and deliveries of them, in one transaction.

use std::time::Duration;

use async_trait::async_trait;
use engine::alert::{AlertEvent, PlacedRule, RuleMatch, match_rules};
use engine::ids::Timestamp;
use engine::states::InstanceState;
use ports::{
    AlertPass, AlertStore, ClaimedDelivery, DeliveryBacklog, DeliveryClaim, DeliveryRecord, StoreError,
};
use sea_orm::ConnectionTrait;

use super::candidates::{CandidateRule, RuleScope, read_candidates};
use super::deliveries::{claim_deliveries, delivery_backlog, record_delivery};
use super::due::due_occurrences;
use super::new_alerts::{NewAlert, store_alerts};
use super::occurrence::{Occurrence, read_occurrence};
use super::subjects::{Subject, read_subjects};
use crate::batch_sql::{id_list, row_lock, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// The most events of one pass.
const MAX_EVENTS: usize = 500;

/// Time for which the due times of a pass are enough, also for passes of other nodes, in milliseconds.
const DUE_INTERVAL_MS: i64 = 1_000;

/// Time within which a pass is prepared; then it is rolled back.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(12);

#[async_trait]
impl AlertStore for Store {
    async fn make_alerts(&self, at: Timestamp) -> Result<AlertPass, StoreError> {
        if !self.has_alert_work(at).await? {
            return Ok(AlertPass::default());
        }
        let prepared = tokio::time::timeout(PREPARE_TIMEOUT, async {
            let transaction = self.begin().await?;
            let pass = self.prepare_alerts(&transaction, at).await?;
            Ok::<_, StoreError>((transaction, pass))
        });
        let (transaction, pass) = prepared
            .await
            .map_err(|_| StoreError::Unavailable("the database takes too long".to_owned()))??;
        self.commit(transaction).await?;
        Ok(pass)
    }

    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<ClaimedDelivery>, StoreError> {
        claim_deliveries(self, claim).await
    }

    async fn record_delivery(&self, record: &DeliveryRecord) -> Result<bool, StoreError> {
        record_delivery(self, record).await
    }

    async fn delivery_backlog(&self) -> Result<DeliveryBacklog, StoreError> {
        delivery_backlog(self).await
    }
}

impl Store {
    /// Whether an event waits, or there are rules that a time raises and another node has not just looked at them.
    async fn has_alert_work(&self, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM alert_event) \
                   OR (p.checked_until < $1 AND EXISTS (SELECT 1 FROM alert_rule r WHERE r.timed \
                   AND r.valid_until IS NULL)) THEN 1 ELSE 0 END AS BIGINT) FROM alert_progress p WHERE p.id = 1";
        let row = self
            .reader()
            .query_one_raw(self.statement(sql, [at.plus(-DUE_INTERVAL_MS).0.into()]))
            .await
            .map_err(store_error)?;
        match row {
            Some(row) => Ok(RowReader::new(&row).next_value::<i64>()? == 1),
            None => Ok(false),
        }
    }

    async fn prepare_alerts(
        &self,
        transaction: &Transaction,
        at: Timestamp,
    ) -> Result<AlertPass, StoreError> {
        // Passes of all nodes wait for each other here: the gathering of alerts and the due times have one writer.
        let lock = row_lock(self.backend(), "FOR UPDATE");
        let sql = format!("SELECT checked_until FROM alert_progress WHERE id = 1{lock}");
        let row = transaction
            .query_one_raw(self.statement(&sql, []))
            .await
            .map_err(store_error)?;
        let checked_until = match row {
            Some(row) => Timestamp(RowReader::new(&row).next_value()?),
            None => {
                return Err(StoreError::Rejected(
                    "the row of the alerts is missing".to_owned(),
                ));
            }
        };
        let (ids, mut occurrences) = self.read_events(transaction).await?;
        let has_more = ids.len() == MAX_EVENTS;
        if checked_until < at.plus(-DUE_INTERVAL_MS) {
            occurrences.extend(due_occurrences(self, transaction, (checked_until, at)).await?);
            let sql = "UPDATE alert_progress SET checked_until = $1 WHERE id = 1";
            transaction
                .execute_raw(self.statement(sql, [at.0.into()]))
                .await
                .map_err(store_error)?;
        }
        let alerts = self.match_occurrences(transaction, &occurrences).await?;
        let alerts = store_alerts(self, transaction, alerts, at).await?;
        self.delete_events(transaction, ids).await?;
        Ok(AlertPass { alerts, has_more })
    }

    async fn read_events(
        &self,
        transaction: &Transaction,
    ) -> Result<(Vec<i64>, Vec<Occurrence>), StoreError> {
        let sql = format!(
            "SELECT id, event, at, instance, run, task_index, attempt, schedule_id, fire_at, backfill, incarnation, \
             survivor, rule_id, reason FROM alert_event ORDER BY id LIMIT {MAX_EVENTS}"
        );
        let rows = transaction
            .query_all_raw(self.statement(&sql, []))
            .await
            .map_err(store_error)?;
        let mut ids = Vec::with_capacity(rows.len());
        let mut occurrences = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut columns = RowReader::new(row);
            ids.push(columns.next_value()?);
            occurrences.push(read_occurrence(&mut columns)?);
        }
        Ok((ids, occurrences))
    }

    async fn delete_events(&self, transaction: &Transaction, ids: Vec<i64>) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "DELETE FROM alert_event WHERE id IN (SELECT c_id FROM {})",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let deleted = transaction
            .execute_raw(self.statement(&sql, [id_list(ids)?]))
            .await;
        deleted.map(drop).map_err(store_error)
    }

    async fn match_occurrences(
        &self,
        transaction: &Transaction,
        occurrences: &[Occurrence],
    ) -> Result<Vec<NewAlert>, StoreError> {
        let mut rules = read_candidates(self, transaction, occurrences).await?;
        let subjects = read_subjects(self, transaction, occurrences).await?;
        let mut alerts = Vec::new();
        for (place, occurrence) in occurrences.iter().enumerate() {
            let (Some(subject), Some(candidates)) = (subjects.get(&place), rules.remove(&place)) else {
                continue;
            };
            let (scopes, placed): (Vec<RuleScope>, Vec<PlacedRule>) =
                candidates.into_iter().map(CandidateRule::into_parts).unzip();
            for event in self.events_of(transaction, occurrence, subject, &placed).await? {
                let about = (event, occurrence, subject);
                alerts.extend(alerts_of(about, &scopes, &placed));
            }
        }
        Ok(alerts)
    }

    /// Returns the events that an occurrence is: a success may also be a recovery.
    async fn events_of(
        &self,
        transaction: &Transaction,
        occurrence: &Occurrence,
        subject: &Subject,
        rules: &[PlacedRule],
    ) -> Result<Vec<AlertEvent>, StoreError> {
        let mut events = vec![occurrence.event];
        let wants = |event| rules.iter().any(|placed| placed.rule.on.contains(event));
        if occurrence.event != AlertEvent::Succeeded || !wants(AlertEvent::Recovered) {
            return Ok(events);
        }
        let (Some(workflow), Some(instance)) = (subject.workflow_id, subject.instance) else {
            return Ok(events);
        };
        let sql = "SELECT state FROM instance WHERE workflow_id = $1 AND id < $2 AND NOT dry_run \
                   AND state IN ('succeeded', 'failed', 'stopped') AND ended_at <= $3 ORDER BY id DESC LIMIT 1";
        let values = [workflow.into(), instance.0.into(), occurrence.at.0.into()];
        let row = transaction
            .query_one_raw(self.statement(sql, values))
            .await
            .map_err(store_error)?;
        if let Some(row) = row
            && RowReader::new(&row).next_parsed::<InstanceState>()? == InstanceState::Failed
        {
            events.push(AlertEvent::Recovered);
        }
        Ok(events)
    }
}

/// Returns the alerts of one event.
fn alerts_of(
    (event, occurrence, subject): (AlertEvent, &Occurrence, &Subject),
    scopes: &[RuleScope],
    placed: &[PlacedRule],
) -> Vec<NewAlert> {
    let alert = |matched: RuleMatch| {
        let scope = *scopes.get(matched.position)?;
        let rule = &placed.get(matched.position)?.rule;
        Some(NewAlert::new(
            (event, occurrence),
            subject,
            matched,
            (scope, rule),
        ))
    };
    let matches = match_rules(event, &subject.matched, placed).into_iter();
    matches.filter_map(alert).collect()
}
