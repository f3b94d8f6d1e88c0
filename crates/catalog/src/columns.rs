//! Values of columns that the database stores as text or as wide numbers.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::error::CatalogError;

/// Parses a column that holds JSON text.
pub(crate) fn parse_json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, CatalogError> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

/// Parses a column that holds one of the names of an enum.
pub(crate) fn parse_name<T>(column: &str, text: &str) -> Result<T, CatalogError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| unreadable(column, error))
}

/// Narrows a column that holds a small number.
pub(crate) fn narrow<T>(column: &str, number: i64) -> Result<T, CatalogError>
where
    T: TryFrom<i64>,
    T::Error: std::fmt::Display,
{
    T::try_from(number).map_err(|error| unreadable(column, error))
}

/// Reads a column that other columns of its row promise to be there.
pub(crate) fn present<T>(column: &str, value: Option<T>) -> Result<T, CatalogError> {
    value.ok_or_else(|| unreadable(column, "it is NULL"))
}

/// Writes names and values as JSON text.
pub(crate) fn map_to_json(map: &BTreeMap<String, String>) -> String {
    let object = map
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()));
    serde_json::Value::Object(object.collect()).to_string()
}

/// Reports a stored value that this program does not write.
pub(crate) fn unreadable(column: &str, error: impl std::fmt::Display) -> CatalogError {
    tracing::error!(column, %error, "a stored value cannot be read");
    CatalogError::Unavailable(format!("the stored `{column}` cannot be read by this version"))
}
