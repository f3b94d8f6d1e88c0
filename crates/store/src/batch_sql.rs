//! The SQL of batches: one JSON parameter holds the rows of a whole batch.
//!
//! One constant statement per table serves every batch size on both databases, so it is prepared once.

use std::collections::BTreeMap;

use ports::StoreError;
use sea_orm::{DbBackend, Value};
use serde::Serialize;

/// A column of a bulk parameter and its type on PostgreSQL.
pub(crate) type Column = (&'static str, &'static str);

/// Writes the FROM item, named `c`, that turns the JSON array `$1` into rows. `jsonb_each` hands each row over in
/// the form in which the columns are looked up; `json_each` would write it as text and read it again.
pub(crate) fn source(backend: DbBackend, columns: &[Column]) -> String {
    let list = |one: &dyn Fn(&Column) -> String| columns.iter().map(one).collect::<Vec<_>>().join(", ");
    if backend == DbBackend::Sqlite {
        let columns = list(&|(name, _)| format!("value ->> '{name}' AS {name}"));
        format!("(SELECT {columns} FROM jsonb_each($1)) AS c")
    } else {
        let columns = list(&|(name, kind)| format!("{name} {kind}"));
        format!("json_to_recordset($1::json) AS c({columns})")
    }
}

/// Writes an INSERT of those rows of the JSON array `$1` for which `filter` holds; every column but the key is
/// replaced where the key exists.
pub(crate) fn upsert(
    backend: DbBackend,
    table: &str,
    columns: &[Column],
    key: &[&str],
    filter: &str,
) -> String {
    let sets: Vec<String> = columns
        .iter()
        .filter(|(name, _)| !key.contains(name))
        .map(|(name, _)| format!("{name} = excluded.{name}"))
        .collect();
    format!(
        "{} ON CONFLICT ({}) DO UPDATE SET {}",
        insert(backend, table, columns, filter),
        key.join(", "),
        sets.join(", ")
    )
}

/// Writes an INSERT of those rows of the JSON array `$1` for which `filter` holds.
pub(crate) fn insert(backend: DbBackend, table: &str, columns: &[Column], filter: &str) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    format!(
        "INSERT INTO {table} ({names}) SELECT {names} FROM {} WHERE {filter}",
        source(backend, columns)
    )
}

/// The filter of a statement that writes all its rows. SQLite needs one between FROM and ON CONFLICT.
pub(crate) const ALL: &str = "true";

/// Writes the lock of a SELECT's rows; SQLite has one writer, which holds everything.
pub(crate) fn row_lock(backend: DbBackend, strength: &str) -> String {
    if backend == DbBackend::Sqlite {
        String::new()
    } else {
        format!(" {strength}")
    }
}

/// Encodes ids for a bulk parameter with the one column `c_id`.
pub(crate) fn id_list(ids: impl IntoIterator<Item = i64>) -> Result<Value, StoreError> {
    let rows: Vec<BTreeMap<&str, i64>> = ids.into_iter().map(|id| BTreeMap::from([("c_id", id)])).collect();
    Ok(json(&rows)?.into())
}

/// Encodes rows for a bulk parameter.
pub(crate) fn json<T: Serialize>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|e| StoreError::Rejected(e.to_string()))
}

/// Encodes a map of names to values.
pub(crate) fn map_json(map: &BTreeMap<String, String>) -> Result<String, StoreError> {
    if map.is_empty() {
        return Ok("{}".to_owned());
    }
    json(map)
}
