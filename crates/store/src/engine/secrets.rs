//! Gives values of secrets to attempts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ports::StoreError;
use ports::secrets::{GivenSecrets, SecretRequest, SecretSource};
use primitives::secret::Secret;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use secrets::{SECRET_VALUE, SealedText};
use serde::Serialize;

use crate::batch_sql::{Column, insert, json, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// A row of the requests: one for each name.
#[derive(Serialize)]
struct RequestedName<'a> {
    request: usize,
    instance: i64,
    owner: i64,
    epoch: i64,
    /// None once for each request: it asks whether the sender owns the instance.
    name: Option<&'a str>,
}

const REQUESTED: &[Column] = &[
    ("request", "bigint"),
    ("instance", "bigint"),
    ("owner", "bigint"),
    ("epoch", "bigint"),
    ("name", "text"),
];

/// A row of `attempt_secret`.
#[derive(Serialize)]
struct GivenValue {
    instance: i64,
    task_index: i64,
    number: i64,
    value_id: i64,
}

impl GivenValue {
    fn new(request: &SecretRequest, value_id: i64) -> Self {
        Self {
            instance: request.uid.instance.0,
            task_index: request.uid.task_index.0.into(),
            number: request.uid.attempt.0.into(),
            value_id,
        }
    }
}

const GIVEN: &[Column] = &[
    ("instance", "bigint"),
    ("task_index", "bigint"),
    ("number", "bigint"),
    ("value_id", "bigint"),
];

/// What is stored under a requested name.
struct FoundName {
    request: usize,
    name: Option<String>,
    project: String,
    value: Option<(i64, SealedText)>,
}

#[async_trait]
impl SecretSource for Store {
    async fn give_secrets(&self, requests: &[SecretRequest]) -> Result<Vec<GivenSecrets>, StoreError> {
        let transaction = self.begin().await?;
        let mut found: BTreeMap<usize, Vec<FoundName>> = BTreeMap::new();
        for name in find_names(&transaction, requests).await? {
            found.entry(name.request).or_default().push(name);
        }
        let (mut given, mut rows) = (Vec::with_capacity(requests.len()), Vec::new());
        for (place, request) in requests.iter().enumerate() {
            let answer = match found.remove(&place) {
                None => GivenSecrets::NotOwned,
                Some(names) => self.open_values(request, names, &mut rows),
            };
            given.push(match answer {
                GivenSecrets::Values(values) => self
                    .note_others(&transaction, request, &mut rows)
                    .await?
                    .map_or(GivenSecrets::Values(values), GivenSecrets::Gap),
                refused => refused,
            });
        }
        store_given(&transaction, &rows).await?;
        self.commit(transaction).await?;
        Ok(given)
    }
}

impl Store {
    /// Opens the values of one attempt, and adds the rows that say which it was given.
    fn open_values(
        &self,
        request: &SecretRequest,
        names: Vec<FoundName>,
        rows: &mut Vec<GivenValue>,
    ) -> GivenSecrets {
        let mut values = Vec::new();
        for found in names {
            let Some(name) = found.name else { continue };
            let (project, value) = (found.project, found.value);
            match self.open_value(value) {
                Ok((id, value)) => values.push((id, name, value)),
                Err(why) => {
                    return GivenSecrets::Gap(format!(
                        "the secret `{name}` of the project `{project}` {why}"
                    ));
                }
            }
        }
        rows.extend(values.iter().map(|(id, _, _)| GivenValue::new(request, *id)));
        GivenSecrets::Values(values.into_iter().map(|(_, name, value)| (name, value)).collect())
    }

    /// Stores the values of a connection, sealed, as those of no secret; returns why that is not possible.
    async fn note_others(
        &self,
        transaction: &Transaction,
        request: &SecretRequest,
        rows: &mut Vec<GivenValue>,
    ) -> Result<Option<String>, StoreError> {
        let (ring, now) = (self.keys().current(), self.now_on(transaction).await?);
        for value in &request.others {
            let inserted = "INSERT INTO secret_value (sealed, replaced_at) VALUES ('', $1) RETURNING id";
            let statement = self.statement(inserted, [now.0.into()]);
            let row = transaction.query_one_raw(statement).await.map_err(store_error)?;
            let row = row.ok_or_else(|| StoreError::Rejected("a value has no row".to_owned()))?;
            let id: i64 = RowReader::new(&row).next_value()?;
            let Ok(sealed) = ring.seal(&SECRET_VALUE.place(id), value.reveal()) else {
                return Ok(Some(
                    "a secret of the connection cannot be masked: this node has no key".to_owned(),
                ));
            };
            let update = "UPDATE secret_value SET sealed = $1 WHERE id = $2";
            let statement = self.statement(update, [sealed.to_string().into(), id.into()]);
            transaction.execute_raw(statement).await.map_err(store_error)?;
            rows.push(GivenValue::new(request, id));
        }
        Ok(None)
    }

    fn open_value(&self, value: Option<(i64, SealedText)>) -> Result<(i64, Secret), String> {
        let (id, sealed) = value.ok_or("does not exist; set it, then recover the instance")?;
        let opened = self.keys().current().open(&SECRET_VALUE.place(id), &sealed);
        opened
            .map(|value| (id, value))
            .map_err(|why| format!("cannot be read: {why}"))
    }
}

/// Finds what the requests name; nothing of a request whose sender does not own the instance.
async fn find_names(
    transaction: &Transaction,
    requests: &[SecretRequest],
) -> Result<Vec<FoundName>, StoreError> {
    let mut names = Vec::new();
    for (request, wanted) in requests.iter().enumerate() {
        let asked = wanted.names.iter().map(|name| Some(name.as_str())).chain([None]);
        names.extend(asked.map(|name| RequestedName {
            request,
            instance: wanted.uid.instance.0,
            owner: wanted.owner.0,
            epoch: wanted.epoch.0,
            name,
        }));
    }
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT c.request, c.name, p.name, v.id, v.sealed FROM {} \
         JOIN instance i ON i.id = c.instance AND i.owner = c.owner AND i.epoch = c.epoch \
         JOIN project p ON p.id = i.project_id \
         LEFT JOIN secret s ON s.project_id = i.project_id AND s.name = c.name \
         LEFT JOIN secret_value v ON v.id = s.value_id",
        source(backend, REQUESTED)
    );
    let rows = query(transaction, backend, sql, json(&names)?).await?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            let request: i64 = columns.next_value()?;
            Ok(FoundName {
                request: usize::try_from(request).unwrap_or(usize::MAX),
                name: columns.next_value()?,
                project: columns.next_value()?,
                value: Option::zip(columns.next_value()?, columns.next_value()?)
                    .map(|(id, sealed): (i64, String)| (id, SealedText::from_stored(sealed))),
            })
        })
        .collect()
}

/// Stores which values were given, before any of them leaves this node.
async fn store_given(transaction: &Transaction, rows: &[GivenValue]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let backend = transaction.get_database_backend();
    let insertion = insert(backend, "attempt_secret", GIVEN, "true");
    let sql = format!("{insertion} ON CONFLICT DO NOTHING");
    query(transaction, backend, sql, json(&rows)?).await.map(drop)
}

async fn query(
    transaction: &Transaction,
    backend: DbBackend,
    sql: String,
    parameter: String,
) -> Result<Vec<sea_orm::QueryResult>, StoreError> {
    let statement = Statement::from_sql_and_values(backend, sql, [parameter.into()]);
    transaction.query_all_raw(statement).await.map_err(store_error)
}
