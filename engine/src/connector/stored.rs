//! A connector as it is stored.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::family::{ConnectorFamily, ConnectorType};
use super::secret_fields::{put_value, secret_fields};
use crate::task_type::field::{Field, values_of, with_defaults};

/// A connector as it is stored: the secret fields are apart, and sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConnector {
    /// Its type.
    pub connector_type: &'static ConnectorType,
    /// Its fields in the clear, without those that equal their default.
    pub fields: Map<String, Value>,
    /// The sealed text of each secret field, by JSON pointer.
    pub sealed: BTreeMap<String, String>,
}

impl ConnectorFamily {
    /// Returns the secret texts in revealed fields of a type, to be hidden where others repeat them.
    pub fn secret_texts(&self, type_name: &str, revealed: &Map<String, Value>) -> Vec<String> {
        let fields = self.find_type(type_name).map(|known| self.fields_of(known));
        secret_texts(&fields.unwrap_or_default(), revealed)
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }
}

impl StoredConnector {
    /// Returns its fields as users see them: defaults filled in, of a secret field only that it is set.
    pub fn show(&self, family: &ConnectorFamily) -> Map<String, Value> {
        let set = |pointer: &String| (pointer.clone(), json!({ "set": true }));
        self.with_secrets(family, self.sealed.keys().map(set))
    }

    /// Returns its fields with the secrets that were sealed, by JSON pointer: what its user needs.
    pub fn reveal(&self, family: &ConnectorFamily, opened: BTreeMap<String, String>) -> Map<String, Value> {
        let opened = opened.into_iter();
        self.with_secrets(family, opened.map(|(pointer, text)| (pointer, Value::from(text))))
    }

    /// Returns the pointer and text of the secret fields that are references to secrets of the project.
    pub fn references(&self, family: &ConnectorFamily) -> Vec<(String, String)> {
        secret_texts(&family.fields_of(self.connector_type), &self.fields)
    }

    fn with_secrets(
        &self,
        family: &ConnectorFamily,
        secrets: impl Iterator<Item = (String, Value)>,
    ) -> Map<String, Value> {
        let fields = family.fields_of(self.connector_type);
        let mut values = with_defaults(&fields, &values_of(&fields, &self.fields));
        for (pointer, value) in secrets {
            put_value(&mut values, &pointer, value);
        }
        values
    }
}

/// Returns pointer and text of the secret fields that have a text among these values.
fn secret_texts(fields: &[Field], values: &Map<String, Value>) -> Vec<(String, String)> {
    let all = Value::Object(values.clone());
    let texts = secret_fields(fields, values).into_iter().filter_map(|secret| {
        let text = all.pointer(&secret.pointer)?.as_str()?.to_owned();
        Some((secret.pointer, text))
    });
    texts.collect()
}
