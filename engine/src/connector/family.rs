//! The types of one kind of connectors.

use serde_json::{Map, Value, json};

use super::draft::ConnectorDraft;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::validator::{Path, Validator};
use crate::task_type::field::{Field, object_schema, parse_fields};

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

    /// Parses a body.
    ///
    /// # Errors
    /// Lists everything that is wrong with it.
    pub fn parse(&'static self, body: &Value) -> Result<ConnectorDraft, Vec<Diagnostic>> {
        let mut validator = Validator::default();
        let draft = self.parse_draft(&mut validator, body);
        validator.finish(draft)
    }

    fn parse_draft(&'static self, validator: &mut Validator, body: &Value) -> Option<ConnectorDraft> {
        let at = Path::ROOT;
        let map = validator.map(body, &at)?;
        let connector_type = self.parse_type(validator, map)?;
        let known = self.fields_of(connector_type);
        let known: Vec<&str> = ["type"]
            .into_iter()
            .chain(known.iter().map(|field| field.key))
            .collect();
        validator.check_keys(map.keys(), &at, &known);
        let own = parse_fields(connector_type.fields, validator, map, &at);
        let common = parse_fields(self.common, validator, map, &at);
        let values = own?.into_iter().chain(common?);
        let values = values.map(|(key, value)| (key.to_owned(), value)).collect();
        Some(ConnectorDraft::new(self, connector_type, values))
    }

    fn parse_type(
        &self,
        validator: &mut Validator,
        map: &Map<String, Value>,
    ) -> Option<&'static ConnectorType> {
        let names: Vec<&str> = self.types.iter().map(|known| known.name).collect();
        let Some(given) = map.get("type") else {
            let hint = format!("it is one of {}", names.join(", "));
            validator.missing(&Path::ROOT, "type", &hint);
            return None;
        };
        let at = Path::ROOT.key("type");
        let name = validator.text(given, &at)?;
        let found = self.find_type(name);
        if found.is_none() {
            let hint = match validator.nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", names.join(", ")),
            };
            let message = format!("there is no type `{name}` of a {}; {hint}", self.noun);
            validator.invalid(&at, "UNKNOWN_TYPE", message);
        }
        found
    }

    /// Returns the fields of a type with the common ones.
    pub(super) fn fields_of(&self, connector_type: &ConnectorType) -> Vec<Field> {
        let fields = connector_type.fields.iter().chain(self.common);
        fields.copied().collect()
    }
}
