//! The types of one kind of connectors.

use serde_json::{Map, Value, json};

use crate::task_type::field::{Field, object_schema};

/// A type of connectors.
#[derive(Debug, PartialEq, Eq)]
pub struct ConnectorType {
    /// The value of `type`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it reaches, as a sentence.
    pub doc: &'static str,
    /// Its fields, beside those of every type.
    pub fields: &'static [Field],
}

/// The types of connections, or those of channels.
#[derive(Debug)]
pub struct ConnectorFamily {
    /// What one of them is called.
    pub noun: &'static str,
    /// Every type, in the order in which they are listed for users.
    pub types: &'static [&'static ConnectorType],
    /// The fields that every type has.
    pub common: &'static [Field],
}

impl ConnectorFamily {
    /// Returns the type of a name.
    pub fn find_type(&self, name: &str) -> Option<&'static ConnectorType> {
        self.types.iter().copied().find(|known| known.name == name)
    }

    /// Returns the JSON Schema of a connector of a type; secret fields are `writeOnly`.
    pub fn schema(&self, connector_type: &ConnectorType) -> Value {
        let named = json!({ "const": connector_type.name, "description": connector_type.doc });
        let properties = Map::from_iter([("type".to_owned(), named)]);
        let fields = self.fields_of(connector_type);
        object_schema(&fields, properties, &["type"])
    }

    /// Returns the fields of a type with the common ones.
    pub(super) fn fields_of(&self, connector_type: &ConnectorType) -> Vec<Field> {
        let fields = connector_type.fields.iter().chain(self.common);
        fields.copied().collect()
    }
}
