//! Statements with bound values, and their rows.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TryGetable, Value};
use serde::de::DeserializeOwned;

use super::CatalogError;
use crate::error::store_error;

/// Reads all rows of a statement.
pub(super) async fn all<C: ConnectionTrait>(
    on: &C,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, CatalogError> {
    on.query_all_raw(statement(on, sql, values))
        .await
        .map_err(unavailable)
}

/// Reads at most one row of a statement.
pub(super) async fn first<C: ConnectionTrait>(
    on: &C,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, CatalogError> {
    on.query_one_raw(statement(on, sql, values))
        .await
        .map_err(unavailable)
}

/// Runs a statement; answers how many rows it changed.
pub(super) async fn run<C: ConnectionTrait>(
    on: &C,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<u64, CatalogError> {
    let done = on
        .execute_raw(statement(on, sql, values))
        .await
        .map_err(unavailable)?;
    Ok(done.rows_affected())
}

/// Reads a column.
pub(super) fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T, CatalogError> {
    row.try_get("", column).map_err(unavailable)
}

/// Reads a column that holds JSON text.
pub(super) fn json<T: DeserializeOwned>(row: &QueryResult, column: &str) -> Result<T, CatalogError> {
    let text: String = get(row, column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

/// Reads a column that holds a name of one of our lists.
pub(super) fn named<T>(row: &QueryResult, column: &str) -> Result<T, CatalogError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text: String = get(row, column)?;
    text.parse().map_err(|error| unreadable(column, error))
}

/// Reads a column that holds a count.
pub(super) fn count(row: &QueryResult, column: &str) -> Result<u32, CatalogError> {
    let number: i64 = get(row, column)?;
    u32::try_from(number).map_err(|error| unreadable(column, error))
}

/// Returns the words that lock the rows of a SELECT; SQLite has one writer and needs none.
pub(super) fn lock<C: ConnectionTrait>(on: &C, strength: &'static str) -> &'static str {
    if on.get_database_backend() == DbBackend::Sqlite {
        ""
    } else {
        strength
    }
}

fn unavailable(error: DbErr) -> CatalogError {
    store_error(error).into()
}

/// Says that a stored value is none that this program writes.
pub(super) fn unreadable(column: &str, error: impl std::fmt::Display) -> CatalogError {
    tracing::error!(column, %error, "a stored value cannot be read");
    CatalogError::Unavailable(format!("the stored `{column}` cannot be read by this version"))
}

fn statement<C: ConnectionTrait>(on: &C, sql: impl Into<String>, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(on.get_database_backend(), sql, values)
}

/// Writes names and values as JSON text.
pub(super) fn text(map: &BTreeMap<String, String>) -> String {
    let object = map
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()));
    serde_json::Value::Object(object.collect()).to_string()
}

/// Reads a column that holds a count or NULL.
pub(super) fn count_or_none(row: &QueryResult, column: &str) -> Result<Option<u32>, CatalogError> {
    let number: Option<i64> = get(row, column)?;
    number
        .map(u32::try_from)
        .transpose()
        .map_err(|error| unreadable(column, error))
}
