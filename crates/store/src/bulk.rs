//! Bulk statements that travel together: each message to a database costs two changes of thread, which is more
//! than what most statements cost themselves.

use actors::ports::StoreError;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use serde::Serialize;

use super::rows::json;
use super::{Transaction, store_error};

/// A statement with one parameter, which its text calls `$1`: mostly the rows of a whole batch as JSON.
#[derive(Debug, Clone)]
pub(super) struct Bulk {
    sql: String,
    parameter: Value,
}

impl Bulk {
    /// Makes a statement with any parameter.
    pub(super) fn new(sql: String, parameter: impl Into<Value>) -> Self {
        Self {
            sql,
            parameter: parameter.into(),
        }
    }

    /// Makes a statement over rows; none when there are no rows.
    pub(super) fn of<T: Serialize>(
        rows: &[T],
        sql: impl FnOnce() -> String,
    ) -> Result<Option<Self>, StoreError> {
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self::new(sql(), json(&rows)?)))
    }

    /// Returns its text as the statement with this number, counted from 1.
    fn numbered(&self, number: usize) -> String {
        self.sql.replace("$1", &format!("${number}"))
    }
}

/// Runs statements in order and answers what they return; SQLite gets them in one message.
pub(super) async fn run_in_order(
    transaction: &Transaction,
    bulks: Vec<Bulk>,
) -> Result<Vec<QueryResult>, StoreError> {
    let backend = transaction.get_database_backend();
    if bulks.is_empty() {
        return Ok(Vec::new());
    }
    if backend == DbBackend::Sqlite {
        let texts: Vec<String> = (1..)
            .zip(&bulks)
            .map(|(number, bulk)| bulk.numbered(number))
            .collect();
        return query(transaction, statement(backend, texts.join("; "), bulks)).await;
    }
    let mut rows = Vec::new();
    for bulk in bulks {
        let one = Statement::from_sql_and_values(backend, bulk.sql, [bulk.parameter]);
        rows.extend(query(transaction, one).await?);
    }
    Ok(rows)
}

/// Runs a statement over rows, unless there are no rows.
pub(super) async fn run<T: Serialize>(
    transaction: &Transaction,
    rows: &[T],
    sql: impl FnOnce() -> String,
) -> Result<(), StoreError> {
    let bulks: Vec<Bulk> = Bulk::of(rows, sql)?.into_iter().collect();
    run_in_order(transaction, bulks).await.map(drop)
}

/// Runs statements whose order does not matter as one statement of PostgreSQL. The first `named` of them are
/// called `p1`, `p2`, … in the text of the others, and what they return is the answer.
pub(super) async fn run_together(
    transaction: &Transaction,
    bulks: Vec<Bulk>,
    named: usize,
) -> Result<Vec<QueryResult>, StoreError> {
    if bulks.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = (1..)
        .zip(&bulks)
        .map(|(number, bulk)| format!("p{number} AS ({})", bulk.numbered(number)))
        .collect();
    let answer = match named {
        0 => "SELECT 1 WHERE false".to_owned(),
        _ => rows_of(named, "*"),
    };
    let sql = format!("WITH {} {answer}", parts.join(", "));
    query(transaction, statement(DbBackend::Postgres, sql, bulks)).await
}

/// Selects from the first `named` statements of `run_together`.
pub(super) fn rows_of(named: usize, columns: &str) -> String {
    let each = (1..=named).map(|number| format!("SELECT {columns} FROM p{number}"));
    each.collect::<Vec<_>>().join(" UNION ALL ")
}

async fn query(transaction: &Transaction, statement: Statement) -> Result<Vec<QueryResult>, StoreError> {
    transaction.query_all_raw(statement).await.map_err(store_error)
}

fn statement(backend: DbBackend, sql: String, bulks: Vec<Bulk>) -> Statement {
    let parameters = bulks.into_iter().map(|bulk| bulk.parameter);
    Statement::from_sql_and_values(backend, sql, parameters)
}
