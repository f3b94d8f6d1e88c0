//! Rows as they travel in bulk: one JSON parameter holds the rows of a whole batch.
//!
//! One constant statement per table serves every batch size on both databases, so it is prepared once.

use std::collections::BTreeMap;

use actors::ports::StoreError;
use sea_orm::{DbBackend, QueryResult, TryGetable, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store_error;

/// A column of a bulk parameter and its type on PostgreSQL.
pub(super) type Column = (&'static str, &'static str);

/// Writes the FROM item, named `c`, that turns the JSON array `$1` into rows. `jsonb_each` hands each row over in
/// the form in which the cells are looked up; `json_each` would write it as text and read it again.
pub(super) fn source(backend: DbBackend, columns: &[Column]) -> String {
    let list = |one: &dyn Fn(&Column) -> String| columns.iter().map(one).collect::<Vec<_>>().join(", ");
    if backend == DbBackend::Sqlite {
        let cells = list(&|(name, _)| format!("value ->> '{name}' AS {name}"));
        format!("(SELECT {cells} FROM jsonb_each($1)) AS c")
    } else {
        let cells = list(&|(name, kind)| format!("{name} {kind}"));
        format!("json_to_recordset($1::json) AS c({cells})")
    }
}

/// Writes an INSERT of those rows of the JSON array `$1` for which `filter` holds; every column but the key is
/// replaced where the key exists.
pub(super) fn upsert(
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
pub(super) fn insert(backend: DbBackend, table: &str, columns: &[Column], filter: &str) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    format!(
        "INSERT INTO {table} ({names}) SELECT {names} FROM {} WHERE {filter}",
        source(backend, columns)
    )
}

/// The filter of a statement that writes all its rows. SQLite needs one between FROM and ON CONFLICT.
pub(super) const ALL: &str = "true";

/// Writes the lock of a SELECT's rows; SQLite has one writer, which holds everything.
pub(super) fn row_lock(backend: DbBackend, strength: &str) -> String {
    if backend == DbBackend::Sqlite {
        String::new()
    } else {
        format!(" {strength}")
    }
}

/// Encodes ids for a bulk parameter with the one column `c_id`.
pub(super) fn id_list(ids: impl IntoIterator<Item = i64>) -> Result<Value, StoreError> {
    let rows: Vec<BTreeMap<&str, i64>> = ids.into_iter().map(|id| BTreeMap::from([("c_id", id)])).collect();
    Ok(json(&rows)?.into())
}

/// Encodes rows for a bulk parameter.
pub(super) fn json<T: Serialize>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|e| StoreError::Rejected(e.to_string()))
}

/// Encodes a map of names to values.
pub(super) fn map_json(map: &BTreeMap<String, String>) -> Result<String, StoreError> {
    if map.is_empty() {
        return Ok("{}".to_owned());
    }
    json(map)
}

/// Reads the cells of one row from left to right.
pub(super) struct Cells<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl<'a> Cells<'a> {
    /// Starts at the first cell.
    pub(super) fn of(row: &'a QueryResult) -> Self {
        Self { row, next: 0 }
    }

    /// Takes the next cell.
    pub(super) fn take<T: TryGetable>(&mut self) -> Result<T, StoreError> {
        let index = self.next;
        self.next += 1;
        self.row.try_get_by_index(index).map_err(store_error)
    }

    /// Takes the next cell as a small number.
    pub(super) fn small(&mut self) -> Result<u32, StoreError> {
        let number: i64 = self.take()?;
        u32::try_from(number).map_err(damaged)
    }

    /// Takes the next cell as a stored name.
    pub(super) fn name<T>(&mut self) -> Result<T, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.take::<String>()?.parse().map_err(damaged)
    }

    /// Takes the next cell as a stored name, if there is one.
    pub(super) fn optional_name<T>(&mut self) -> Result<Option<T>, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.take::<Option<String>>()?
            .map(|text| text.parse().map_err(damaged))
            .transpose()
    }

    /// Takes the next cell as JSON text.
    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        serde_json::from_str(&self.take::<String>()?).map_err(damaged)
    }

    /// Takes the next cell as JSON text, if there is one.
    pub(super) fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        self.take::<Option<String>>()?
            .map(|text| serde_json::from_str(&text).map_err(damaged))
            .transpose()
    }
}

/// A stored value that this program cannot have written.
pub(super) fn damaged(why: impl std::fmt::Display) -> StoreError {
    StoreError::Rejected(format!("a stored value cannot be read: {why}"))
}
