//! Statements of a batch, sent in as few messages as the database allows.
//!
//! Each message to a database costs two changes of thread, which is more than what most statements cost themselves.

use ports::StoreError;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use serde::Serialize;

use crate::batch_sql::json;
use crate::error::store_error;
use crate::pool::Transaction;

/// A statement with one parameter, which its text calls `$1`: mostly the rows of a whole batch as JSON.
#[derive(Debug, Clone)]
pub(crate) struct BatchStatement {
    sql: String,
    parameter: Value,
}

impl BatchStatement {
    /// Makes a statement with any parameter.
    pub(crate) fn new(sql: String, parameter: impl Into<Value>) -> Self {
        Self {
            sql,
            parameter: parameter.into(),
        }
    }

    /// Makes a statement over rows; none when there are no rows.
    pub(crate) fn over_rows<T: Serialize>(
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

/// Runs statements in order and returns their rows; SQLite gets them in one message.
pub(crate) async fn run_in_order(
    transaction: &Transaction,
    statements: Vec<BatchStatement>,
) -> Result<Vec<QueryResult>, StoreError> {
    let backend = transaction.get_database_backend();
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    if backend == DbBackend::Sqlite {
        let texts: Vec<String> = (1..)
            .zip(&statements)
            .map(|(number, statement)| statement.numbered(number))
            .collect();
        return query(transaction, bind(backend, texts.join("; "), statements)).await;
    }
    let mut rows = Vec::new();
    for statement in statements {
        let one = Statement::from_sql_and_values(backend, statement.sql, [statement.parameter]);
        rows.extend(query(transaction, one).await?);
    }
    Ok(rows)
}

/// Runs a statement over rows, unless there are no rows.
pub(crate) async fn run_over_rows<T: Serialize>(
    transaction: &Transaction,
    rows: &[T],
    sql: impl FnOnce() -> String,
) -> Result<(), StoreError> {
    let statement = BatchStatement::over_rows(rows, sql)?;
    run_in_order(transaction, statement.into_iter().collect())
        .await
        .map(drop)
}

/// Runs statements whose order does not matter as one statement of PostgreSQL. The first `named` of them are
/// called `p1`, `p2`, … in the text of the others, and their rows are returned.
pub(crate) async fn run_as_one(
    transaction: &Transaction,
    statements: Vec<BatchStatement>,
    named: usize,
) -> Result<Vec<QueryResult>, StoreError> {
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = (1..)
        .zip(&statements)
        .map(|(number, statement)| format!("p{number} AS ({})", statement.numbered(number)))
        .collect();
    let returned = match named {
        0 => "SELECT 1 WHERE false".to_owned(),
        _ => select_named(named, "*"),
    };
    let sql = format!("WITH {} {returned}", parts.join(", "));
    query(transaction, bind(DbBackend::Postgres, sql, statements)).await
}

/// Selects from the first `named` statements of `run_as_one`.
pub(crate) fn select_named(named: usize, columns: &str) -> String {
    let each = (1..=named).map(|number| format!("SELECT {columns} FROM p{number}"));
    each.collect::<Vec<_>>().join(" UNION ALL ")
}

async fn query(transaction: &Transaction, statement: Statement) -> Result<Vec<QueryResult>, StoreError> {
    transaction.query_all_raw(statement).await.map_err(store_error)
}

fn bind(backend: DbBackend, sql: String, statements: Vec<BatchStatement>) -> Statement {
    let parameters = statements.into_iter().map(|statement| statement.parameter);
    Statement::from_sql_and_values(backend, sql, parameters)
}
