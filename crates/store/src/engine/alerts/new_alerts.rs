//! Stores alerts and their deliveries, each event once for each rule.

use std::collections::{BTreeMap, BTreeSet};

use engine::alert::{AlertEvent, AlertRule, RuleMatch};
use engine::ids::Timestamp;
use ports::StoreError;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::Serialize;

use super::facts::AlertFacts;
use super::occurrence::{EventCause, Occurrence};
use super::silences::read_silences;
use super::subjects::Subject;
use super::text::sentence;
use crate::batch_sql::{ALL, Column, insert, json, row_lock, source};
use crate::batch_statement::{BatchStatement, run_in_order, run_over_rows};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// An alert with the channels that it goes to.
pub(super) struct NewAlert {
    event: AlertEvent,
    key: String,
    run: i64,
    rule: String,
    project_id: Option<i64>,
    workflow_id: Option<i64>,
    instance: Option<i64>,
    at: Timestamp,
    facts: AlertFacts,
    text: String,
    channels: Vec<String>,
    /// The project whose channels the rule names; none for shared ones.
    channel_project: Option<i64>,
    /// Where alerts of the rule are gathered, and for how long.
    gathered: Option<(String, i64)>,
}

impl NewAlert {
    /// Makes the alert of an event and a rule that it matches; `scope` are the rows of the project and the workflow of the
    /// rule.
    pub(super) fn new(
        (event, occurrence): (AlertEvent, &Occurrence),
        subject: &Subject,
        matched: RuleMatch,
        (scope, rule): ((i64, i64), &AlertRule),
    ) -> Self {
        let instance = subject.instance.map(|id| id.0);
        let mut text = sentence(event, &subject.facts, instance);
        if let Some(failure) = &matched.when_failure {
            text.push_str(&format!(
                " (the `when` of the rule failed and counts as true: {failure})"
            ));
        }
        let gathered = rule
            .group_ms
            .map(|ms| (format!("{}/{}/{}", scope.0, scope.1, matched.label), ms));
        Self {
            event,
            key: subject.key.clone(),
            run: run_of(event, occurrence),
            rule: matched.label.to_string(),
            project_id: subject.project_id,
            workflow_id: subject.workflow_id,
            instance,
            at: occurrence.at,
            facts: subject.facts.clone(),
            text,
            channels: matched.channels,
            channel_project: Some(scope.0).filter(|project| *project != 0),
            gathered,
        }
    }
}

/// Returns what tells events of one subject apart: the run; of a backfill its end. A time passes once.
fn run_of(event: AlertEvent, occurrence: &Occurrence) -> i64 {
    match occurrence.cause {
        EventCause::Instance { run, .. } if !event.is_timed() => i64::from(run),
        EventCause::Backfill(_) => occurrence.at.0,
        EventCause::Instance { .. } | EventCause::Fire { .. } | EventCause::Node { .. } => 0,
    }
}

#[derive(Serialize)]
struct AlertRow<'a> {
    id: i64,
    event: &'static str,
    subject: &'a str,
    run: i64,
    rule: &'a str,
    project_id: Option<i64>,
    workflow_id: Option<i64>,
    instance: Option<i64>,
    at: i64,
    facts: String,
    text: &'a str,
}

const ALERT: [Column; 11] = [
    ("id", "bigint"),
    ("event", "text"),
    ("subject", "text"),
    ("run", "bigint"),
    ("rule", "text"),
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("instance", "bigint"),
    ("at", "bigint"),
    ("facts", "text"),
    ("text", "text"),
];

#[derive(Serialize)]
struct DeliveryRow {
    id: i64,
    project_id: Option<i64>,
    channel: String,
    state: &'static str,
    next_at: Option<i64>,
    gathering: Option<String>,
    created_at: i64,
}

const DELIVERY: [Column; 7] = [
    ("id", "bigint"),
    ("project_id", "bigint"),
    ("channel", "text"),
    ("state", "text"),
    ("next_at", "bigint"),
    ("gathering", "text"),
    ("created_at", "bigint"),
];

#[derive(Serialize)]
struct ItemRow {
    alert: i64,
    delivery: i64,
}

const ITEM: [Column; 2] = [("alert", "bigint"), ("delivery", "bigint")];

/// Stores those alerts that do not exist yet, with their deliveries; returns how many.
pub(super) async fn store_alerts(
    store: &Store,
    transaction: &Transaction,
    alerts: Vec<NewAlert>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    if alerts.is_empty() {
        return Ok(0);
    }
    let ids = reserve_ids(transaction, "alert", alerts.len()).await?;
    let stored = insert_alerts(transaction, &alerts, &ids).await?;
    let new: Vec<(i64, NewAlert)> = ids
        .into_iter()
        .zip(alerts)
        .filter(|(id, _)| stored.contains(id))
        .collect();
    store_deliveries(store, transaction, &new, at).await?;
    Ok(new.len() as u64)
}

async fn insert_alerts(
    transaction: &Transaction,
    alerts: &[NewAlert],
    ids: &[i64],
) -> Result<BTreeSet<i64>, StoreError> {
    let backend = transaction.get_database_backend();
    let rows = ids.iter().zip(alerts).map(|(id, alert)| {
        Ok(AlertRow {
            id: *id,
            event: alert.event.as_str(),
            subject: &alert.key,
            run: alert.run,
            rule: &alert.rule,
            project_id: alert.project_id,
            workflow_id: alert.workflow_id,
            instance: alert.instance,
            at: alert.at.0,
            facts: json(&alert.facts)?,
            text: &alert.text,
        })
    });
    let rows: Vec<AlertRow<'_>> = rows.collect::<Result<_, StoreError>>()?;
    let statement = BatchStatement::over_rows(&rows, || {
        format!(
            "{} ON CONFLICT (subject, run, event, rule) DO NOTHING RETURNING id",
            insert(backend, "alert", &ALERT, ALL)
        )
    })?;
    let stored = run_in_order(transaction, statement.into_iter().collect()).await?;
    stored
        .iter()
        .map(|row| RowReader::new(row).next_value())
        .collect()
}

async fn store_deliveries(
    store: &Store,
    transaction: &Transaction,
    alerts: &[(i64, NewAlert)],
    at: Timestamp,
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let count = alerts.iter().map(|(_, alert)| alert.channels.len()).sum();
    let silences = read_silences(store, transaction, at).await?;
    let mut batch = DeliveryBatch {
        ids: reserve_ids(transaction, "alert_delivery", count)
            .await?
            .into_iter(),
        gathering: lock_gathering(store, transaction, alerts).await?,
        deliveries: Vec::new(),
        items: Vec::new(),
        at,
    };
    for (id, new) in alerts {
        let is_silenced = silences
            .iter()
            .any(|silence| silence.matches(new.project_id, new.facts.workflow.as_deref(), new.event));
        for channel in &new.channels {
            if is_silenced {
                batch.add_silenced(*id, (new, channel));
            } else {
                batch.add_waiting(*id, (new, channel));
            }
        }
    }
    run_over_rows(transaction, &batch.deliveries, || {
        insert(backend, "alert_delivery", &DELIVERY, ALL)
    })
    .await?;
    run_over_rows(transaction, &batch.items, || {
        insert(backend, "alert_delivery_item", &ITEM, ALL)
    })
    .await
}

/// The deliveries of a pass.
struct DeliveryBatch {
    /// Enough for one delivery of each alert to each of its channels.
    ids: std::vec::IntoIter<i64>,
    /// The deliveries that gather alerts, by rule and channel.
    gathering: BTreeMap<String, i64>,
    deliveries: Vec<DeliveryRow>,
    items: Vec<ItemRow>,
    at: Timestamp,
}

impl DeliveryBatch {
    fn add_silenced(&mut self, alert: i64, (new, channel): (&NewAlert, &str)) {
        self.add_delivery(alert, |id, at| DeliveryRow {
            id,
            project_id: new.channel_project,
            channel: channel.to_owned(),
            state: "silenced",
            next_at: None,
            gathering: None,
            created_at: at.0,
        });
    }

    /// Adds an alert to the delivery that gathers those of its rule, or to one of its own.
    fn add_waiting(&mut self, alert: i64, (new, channel): (&NewAlert, &str)) {
        let gathered = new.gathered.as_ref();
        let key = gathered.map(|(rule, _)| format!("{rule}/{channel}"));
        if let Some(delivery) = key.as_ref().and_then(|key| self.gathering.get(key)) {
            self.items.push(ItemRow {
                alert,
                delivery: *delivery,
            });
            return;
        }
        let delivery = self.add_delivery(alert, |id, at| DeliveryRow {
            id,
            project_id: new.channel_project,
            channel: channel.to_owned(),
            state: "waiting",
            next_at: Some(at.plus(gathered.map_or(0, |(_, ms)| *ms)).0),
            gathering: key.clone(),
            created_at: at.0,
        });
        self.gathering.extend(key.zip(delivery));
    }

    fn add_delivery(&mut self, alert: i64, row: impl FnOnce(i64, Timestamp) -> DeliveryRow) -> Option<i64> {
        let delivery = self.ids.next()?;
        self.deliveries.push(row(delivery, self.at));
        self.items.push(ItemRow { alert, delivery });
        Some(delivery)
    }
}

/// Locks the deliveries that still gather alerts of these rules: a claim of one then finds all its alerts, or was first.
async fn lock_gathering(
    store: &Store,
    transaction: &Transaction,
    alerts: &[(i64, NewAlert)],
) -> Result<BTreeMap<String, i64>, StoreError> {
    let keys: BTreeSet<String> = alerts
        .iter()
        .filter_map(|(_, alert)| Some((alert.gathered.as_ref()?, &alert.channels)))
        .flat_map(|((key, _), channels)| channels.iter().map(move |channel| format!("{key}/{channel}")))
        .collect();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let backend = transaction.get_database_backend();
    let asked: Vec<BTreeMap<&str, &String>> =
        keys.iter().map(|key| BTreeMap::from([("c_key", key)])).collect();
    let sql = format!(
        "SELECT gathering, id FROM alert_delivery WHERE gathering IN (SELECT c_key FROM {}) ORDER BY id{}",
        source(backend, &[("c_key", "text")]),
        row_lock(backend, "FOR UPDATE")
    );
    let rows = transaction
        .query_all_raw(store.statement(&sql, [json(&asked)?.into()]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok((columns.next_value()?, columns.next_value()?))
        })
        .collect()
}

/// Takes ids of a table that were never used before, in ascending order.
async fn reserve_ids(
    transaction: &Transaction,
    table: &'static str,
    count: usize,
) -> Result<Vec<i64>, StoreError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let backend = transaction.get_database_backend();
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if backend == DbBackend::Sqlite {
        // The transaction has the write lock, and the insert of these ids moves the sequence.
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = $1";
        let row = transaction
            .query_one_raw(Statement::from_sql_and_values(backend, sql, [table.into()]))
            .await
            .map_err(store_error)?;
        let last: i64 = match row {
            Some(row) => RowReader::new(&row).next_value()?,
            None => 0,
        };
        return Ok((last + 1..=last + count).collect());
    }
    let sql = "SELECT nextval(pg_get_serial_sequence($1, 'id')) FROM generate_series(1, $2)";
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(
            backend,
            sql,
            [table.into(), count.into()],
        ))
        .await
        .map_err(store_error)?;
    rows.iter().map(|row| RowReader::new(row).next_value()).collect()
}
