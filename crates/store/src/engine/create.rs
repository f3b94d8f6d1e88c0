//! The new instances of a batch: request keys first, then the rows of those that do not exist yet.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::InstanceId;
use ports::{NewInstance, NodeIdentity, StoreError, WriteOutcome};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use serde::Serialize;

use crate::batch_sql::{ALL, Column, id_list, insert, json, source};
use crate::batch_statement::{BatchStatement, run_over_rows};
use crate::engine::alerts::rules::{insert_rules, start_rules};
use crate::engine::members::lock_active_member;
use crate::engine::new_rows::{discard_events, insert_instances, insert_labels, label_rows, new_row};
use crate::engine::places::request::{RequestedPlaces, request_start_places};
use crate::engine::task_rows::{TaskColumns, upsert_tasks};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

#[derive(Serialize)]
struct KeyRow<'a> {
    key: &'a str,
    body_hash: &'a str,
    resource_kind: &'static str,
    resource: String,
    at: i64,
}

const KEY: [Column; 5] = [
    ("key", "text"),
    ("body_hash", "text"),
    ("resource_kind", "text"),
    ("resource", "text"),
    ("at", "bigint"),
];

/// Prepares new instances: returns the answers, in order, and the statements that make them true.
pub(crate) async fn prepare_new_instances(
    store: &Store,
    transaction: &Transaction,
    news: &[&NewInstance],
) -> Result<(Vec<WriteOutcome>, Vec<BatchStatement>), StoreError> {
    if news.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let NextIds { ids, has_gates } = next_ids(transaction, news).await?;
    let known = store_keys(transaction, news, &ids).await?;
    let active = active_owners(transaction, news).await?;
    let mut answers = Vec::with_capacity(news.len());
    let mut created: Vec<(InstanceId, &NewInstance)> = Vec::with_capacity(news.len());
    for (new, id) in news.iter().copied().zip(ids) {
        let key = new.request_key.as_ref();
        let before = key.and_then(|key| known.get(&key.key).map(|old| (key, old)));
        answers.push(match before {
            Some((key, (body_hash, _))) if *body_hash != key.body_hash => Some(WriteOutcome::KeyReused),
            Some((_, (_, resource))) if *resource != id => Some(WriteOutcome::Known {
                id: InstanceId(*resource),
            }),
            _ => {
                created.push((InstanceId(id), new));
                None
            }
        });
    }
    let places = if has_gates {
        request_start_places(store, transaction, &created).await?
    } else {
        RequestedPlaces::default()
    };
    let (mut rows, mut labels, mut reused, mut rules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut outcomes = Vec::with_capacity(created.len());
    for (id, new) in created {
        rules.extend(start_rules(id, new)?);
        let admission = places.admission(id);
        let owner = active_owner(new, &active).filter(|_| admission.is_running());
        let mut row = new_row(new, id.0, owner)?;
        if places.is_gated(id) {
            row.gated = true;
            row.wait_for_place(&admission);
        }
        rows.push(row);
        labels.extend(label_rows(new, id.0));
        for (task_index, row) in new.continued_from.iter().flat_map(|(_, rows)| rows) {
            reused.push(TaskColumns::new(id, *task_index, row)?);
        }
        let owner = owner.cloned();
        outcomes.push(WriteOutcome::Created { id, owner, admission });
    }
    let mut outcomes = outcomes.into_iter();
    let answers = answers
        .into_iter()
        .filter_map(|answer| answer.or_else(|| outcomes.next()));
    let backend = store.backend();
    let mut statements = insert_instances(backend, &rows)?;
    statements.extend(insert_rules(backend, &rules)?);
    statements.extend(discard_events(backend, &rows)?);
    statements.extend(insert_labels(backend, &labels)?);
    statements.extend(BatchStatement::over_rows(&reused, || upsert_tasks(backend, ALL))?);
    statements.extend(places.statements(transaction)?);
    Ok((answers.collect(), statements))
}

/// Ids for a batch of new instances.
struct NextIds {
    /// Never used before, in ascending order.
    ids: Vec<i64>,
    /// Whether something limits the instances of one of their workflows.
    has_gates: bool,
}

/// Takes ids. In the same statement it finds out whether places have to be requested, so that a batch without gates costs
/// no further one; a change of what is allowed waits for this transaction, as it would for the foreign keys.
async fn next_ids(transaction: &Transaction, news: &[&NewInstance]) -> Result<NextIds, StoreError> {
    let backend = transaction.get_database_backend();
    let count = i64::try_from(news.len()).unwrap_or(i64::MAX);
    let workflows: BTreeSet<i64> = news.iter().map(|new| new.workflow_id).collect();
    if backend == DbBackend::Sqlite {
        // The transaction has the write lock, and the insert of these ids moves the sequence.
        let sql = format!(
            "SELECT (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'instance'), \
             EXISTS (SELECT 1 FROM workflow w JOIN project p ON p.id = w.project_id \
             WHERE w.id IN (SELECT c_id FROM {}) \
             AND (w.concurrency IS NOT NULL OR p.max_instances IS NOT NULL))",
            source(backend, &[("c_id", "bigint")])
        );
        let row = transaction
            .query_one_raw(Statement::from_sql_and_values(
                backend,
                sql,
                [id_list(workflows)?],
            ))
            .await
            .map_err(store_error)?;
        let (last, has_gates) = match row {
            Some(row) => {
                let mut columns = RowReader::new(&row);
                (columns.next_value()?, columns.next_value()?)
            }
            None => (0_i64, false),
        };
        let ids = (last + 1..=last + count).collect();
        return Ok(NextIds { ids, has_gates });
    }
    let sql = "WITH g AS MATERIALIZED (SELECT w.concurrency, p.max_instances FROM workflow w \
               JOIN project p ON p.id = w.project_id WHERE w.id IN \
               (SELECT c_id FROM json_to_recordset($1::json) AS c(c_id bigint)) FOR KEY SHARE OF w, p) \
               SELECT nextval(pg_get_serial_sequence('instance', 'id')), \
               (SELECT count(*) FROM g WHERE concurrency IS NOT NULL OR max_instances IS NOT NULL) > 0 \
               FROM generate_series(1, $2)";
    let values = [id_list(workflows)?, count.into()];
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, values))
        .await
        .map_err(store_error)?;
    let mut next = NextIds {
        ids: Vec::with_capacity(rows.len()),
        has_gates: false,
    };
    for row in &rows {
        let mut columns = RowReader::new(row);
        next.ids.push(columns.next_value()?);
        next.has_gates = columns.next_value()?;
    }
    Ok(next)
}

/// Stores request keys; returns (body hash, instance) of every key of the batch.
async fn store_keys(
    transaction: &Transaction,
    news: &[&NewInstance],
    ids: &[i64],
) -> Result<BTreeMap<String, (String, i64)>, StoreError> {
    let keys: Vec<KeyRow<'_>> = news
        .iter()
        .zip(ids)
        .filter_map(|(new, id)| {
            new.request_key.as_ref().map(|key| KeyRow {
                key: &key.key,
                body_hash: &key.body_hash,
                resource_kind: "instance",
                resource: id.to_string(),
                at: new.at.0,
            })
        })
        .collect();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let backend = transaction.get_database_backend();
    run_over_rows(transaction, &keys, || {
        format!(
            "{} ON CONFLICT (key) DO NOTHING",
            insert(backend, "request_key", &KEY, ALL)
        )
    })
    .await?;
    let sql = format!(
        "SELECT key, request_key.body_hash, request_key.resource FROM request_key WHERE key IN (SELECT c_key FROM {})",
        source(backend, &[("c_key", "text")])
    );
    let asked: Vec<BTreeMap<&str, &str>> = keys.iter().map(|k| BTreeMap::from([("c_key", k.key)])).collect();
    let parameter: Value = json(&asked)?.into();
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [parameter]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok((
                columns.next_value()?,
                (columns.next_value()?, columns.next_parsed()?),
            ))
        })
        .collect()
}

/// Returns which of the requested owners are active; they stay so until the commit.
async fn active_owners(
    transaction: &Transaction,
    news: &[&NewInstance],
) -> Result<BTreeSet<i64>, StoreError> {
    let requested: BTreeSet<i64> = news
        .iter()
        .filter_map(|new| new.owner.as_ref().map(|me| me.incarnation.0))
        .collect();
    let mut active = BTreeSet::new();
    for incarnation in requested {
        if lock_active_member(transaction, incarnation).await? {
            active.insert(incarnation);
        }
    }
    Ok(active)
}

/// Returns the wished owner if it is active.
fn active_owner<'a>(new: &'a NewInstance, active: &BTreeSet<i64>) -> Option<&'a NodeIdentity> {
    new.owner
        .as_ref()
        .filter(|owner| active.contains(&owner.incarnation.0))
}
