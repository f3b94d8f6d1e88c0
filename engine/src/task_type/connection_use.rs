//! The connection that a task uses.

use serde_json::{Map, Value};

use super::definition::TaskType;
use super::field::{Field, FieldKind};
use super::value_kind::ValueKind;
use crate::spec::validator::{Path, Validator};

/// The connection that a task names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionUse<'a> {
    /// Its name.
    pub name: &'a str,
    /// The types that it may have.
    pub types: &'static [&'static str],
}

impl<'a> ConnectionUse<'a> {
    /// Finds the connection that the fields of a task name.
    pub(super) fn find(task_type: &'static TaskType, fields: &'a [(&'static str, Value)]) -> Option<Self> {
        let (key, types) = connection_field(task_type)?;
        let (_, name) = fields.iter().find(|(known, _)| *known == key)?;
        Some(Self {
            name: name.as_str()?,
            types,
        })
    }

    /// Finds the connection that the fields of a prepared task name.
    pub(crate) fn of_prepared(task_type: &TaskType, fields: &'a Map<String, Value>) -> Option<Self> {
        let (key, types) = connection_field(task_type)?;
        Some(Self {
            name: fields.get(key)?.as_str()?,
            types,
        })
    }
}

/// Returns the key of the field that names a connection, and the types that the connection may have.
fn connection_field(task_type: &TaskType) -> Option<(&'static str, &'static [&'static str])> {
    task_type.fields.iter().find_map(|field| match field.kind {
        FieldKind::Value(ValueKind::Connection(types)) => Some((field.key, types)),
        FieldKind::Value(_) | FieldKind::Object(_) | FieldKind::Variants(_) => None,
    })
}

/// How the urls of a task are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UrlForm {
    /// In full.
    Absolute,
    /// As a path below the url of the connection.
    BelowConnection,
}

/// Checks that urls are relative exactly where there is a connection: its secrets go to its own address only.
pub(super) fn check_connection(
    task_type: &TaskType,
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
) {
    let is_named = connection_field(task_type).is_some_and(|(key, _)| map.contains_key(key));
    let form = if is_named {
        UrlForm::BelowConnection
    } else {
        UrlForm::Absolute
    };
    check_urls(task_type.fields, validator, (map, at), form);
}

fn check_urls(
    fields: &[Field],
    validator: &mut Validator,
    (map, at): (&Map<String, Value>, &Path<'_>),
    form: UrlForm,
) {
    for field in fields {
        let at = at.key(field.key);
        match (field.kind, map.get(field.key)) {
            (FieldKind::Object(fields), Some(Value::Object(inner))) => {
                check_urls(fields, validator, (inner, &at), form);
            }
            (FieldKind::Value(ValueKind::Url), Some(Value::String(url))) => {
                if let Some(message) = form.fault_of(url) {
                    validator.invalid(&at, "BAD_VALUE", message);
                }
            }
            (FieldKind::Value(_) | FieldKind::Object(_) | FieldKind::Variants(_), _) => {}
        }
    }
}

impl UrlForm {
    /// Returns what is wrong with a url; a placeholder may stand for one of either form.
    fn fault_of(self, url: &str) -> Option<&'static str> {
        match self {
            Self::Absolute if url.starts_with('/') => {
                Some("a relative url needs the `connection` whose url it is put behind")
            }
            Self::BelowConnection if url.starts_with("http") => {
                Some("with a `connection` the url is a path below that of the connection, like `/jobs`")
            }
            Self::Absolute | Self::BelowConnection => None,
        }
    }
}
