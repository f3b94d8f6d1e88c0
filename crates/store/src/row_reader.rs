//! Typed columns of a row, read from left to right.

use ports::StoreError;
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;

use crate::error::store_error;

/// Reads the columns of one row from left to right.
pub(crate) struct RowReader<'a> {
    row: &'a QueryResult,
    column: usize,
}

impl<'a> RowReader<'a> {
    /// Starts at the first column.
    pub(crate) fn new(row: &'a QueryResult) -> Self {
        Self { row, column: 0 }
    }

    /// Reads the next column.
    pub(crate) fn next_value<T: TryGetable>(&mut self) -> Result<T, StoreError> {
        let index = self.column;
        self.column += 1;
        self.row.try_get_by_index(index).map_err(store_error)
    }

    /// Reads the next column as a small number.
    pub(crate) fn next_u32(&mut self) -> Result<u32, StoreError> {
        let number: i64 = self.next_value()?;
        u32::try_from(number).map_err(corrupt)
    }

    /// Reads the next column as a count.
    pub(crate) fn next_u64(&mut self) -> Result<u64, StoreError> {
        let number: i64 = self.next_value()?;
        u64::try_from(number).map_err(corrupt)
    }

    /// Reads the next column as a stored name.
    pub(crate) fn next_parsed<T>(&mut self) -> Result<T, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.next_value::<String>()?.parse().map_err(corrupt)
    }

    /// Reads the next column as a stored name or NULL.
    pub(crate) fn next_optional_parsed<T>(&mut self) -> Result<Option<T>, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.next_value::<Option<String>>()?
            .map(|text| text.parse().map_err(corrupt))
            .transpose()
    }

    /// Reads the next column as JSON text.
    pub(crate) fn next_json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        serde_json::from_str(&self.next_value::<String>()?).map_err(corrupt)
    }

    /// Reads the next column as JSON text or NULL.
    pub(crate) fn next_optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        self.next_value::<Option<String>>()?
            .map(|text| serde_json::from_str(&text).map_err(corrupt))
            .transpose()
    }
}

/// Reports a stored value that this program cannot have written.
pub(crate) fn corrupt(cause: impl std::fmt::Display) -> StoreError {
    StoreError::Rejected(format!("a stored value cannot be read: {cause}"))
}
