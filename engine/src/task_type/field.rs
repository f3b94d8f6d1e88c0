//! The table of a task type's fields.

use serde_json::{Map, Value, json};

use super::value_kind::ValueKind;
use crate::spec::validator::{Path, Validator};

/// One key of a task type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The key in documents and in the prepared fields.
    pub key: &'static str,
    /// What its value is.
    pub kind: FieldKind,
    /// Whether it can be left out.
    pub presence: Presence,
    /// What it is for, as a sentence.
    pub doc: &'static str,
}

/// What the value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A value without fields of its own.
    Value(ValueKind),
    /// A map with fields of its own.
    Object(&'static [Field]),
}

/// Whether a field can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must be given; the text completes "it is missing: …".
    Required(&'static str),
    /// It may be left out.
    Optional,
    /// It may be left out, which means this value.
    Default(&'static str),
    /// It may be left out, which means this number.
    DefaultInteger(i64),
}

/// The values of fields by key, in the order of the table; a value that equals its default is left out.
pub(crate) type FieldValues = Vec<(&'static str, Value)>;

/// Parses the values of fields; `None` when something is wrong.
pub(crate) fn parse_fields(
    fields: &'static [Field],
    validator: &mut Validator,
    map: &Map<String, Value>,
    at: &Path<'_>,
) -> Option<FieldValues> {
    let mut values = Vec::new();
    let mut is_valid = true;
    for field in fields {
        match field.parse(validator, map, at) {
            Some(Some(value)) => values.push((field.key, value)),
            Some(None) => {}
            None => is_valid = false,
        }
    }
    is_valid.then_some(values)
}

/// Returns every value of the fields, defaults included.
pub(crate) fn with_defaults(fields: &[Field], values: &[(&'static str, Value)]) -> Map<String, Value> {
    let given = |key: &str| values.iter().find(|(known, _)| *known == key);
    let filled = |field: &Field| match (given(field.key), field.kind, field.presence) {
        (Some((_, Value::Object(map))), FieldKind::Object(fields), _) => {
            let inner: FieldValues = fields
                .iter()
                .filter_map(|field| Some((field.key, map.get(field.key)?.clone())))
                .collect();
            Some(Value::Object(with_defaults(fields, &inner)))
        }
        (Some((_, value)), _, _) => Some(value.clone()),
        (None, _, Presence::Default(default)) => Some(json!(default)),
        (None, _, Presence::DefaultInteger(default)) => Some(json!(default)),
        (None, _, Presence::Required(_) | Presence::Optional) => None,
    };
    fields
        .iter()
        .filter_map(|field| Some((field.key.to_owned(), filled(field)?)))
        .collect()
}

/// Returns the JSON Schema of an object with these fields, beside other properties.
pub(crate) fn object_schema(
    fields: &[Field],
    mut properties: Map<String, Value>,
    required: &[&str],
) -> Value {
    let is_required = |field: &&Field| matches!(field.presence, Presence::Required(_));
    let keys = fields.iter().filter(is_required).map(|field| field.key);
    let required: Vec<&str> = required.iter().copied().chain(keys).collect();
    for field in fields {
        properties.insert(field.key.to_owned(), field.schema());
    }
    json!({
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": properties,
    })
}

impl Field {
    /// Whether the value is a script, which a retry may replace.
    pub(crate) fn is_script(&self) -> bool {
        self.kind == FieldKind::Value(ValueKind::Script)
    }

    /// Parses the value: `None` when it is wrong, `Some(None)` when it is left out or equals the default.
    fn parse(
        &self,
        validator: &mut Validator,
        map: &Map<String, Value>,
        at: &Path<'_>,
    ) -> Option<Option<Value>> {
        let is_null_allowed =
            self.presence == Presence::Optional && self.kind == FieldKind::Value(ValueKind::Text);
        let given = map
            .get(self.key)
            .filter(|value| !(is_null_allowed && value.is_null()));
        let Some(given) = given else {
            return match self.presence {
                Presence::Required(hint) => {
                    validator.missing(at, self.key, hint);
                    None
                }
                Presence::Optional | Presence::Default(_) | Presence::DefaultInteger(_) => Some(None),
            };
        };
        let value = match self.kind {
            FieldKind::Object(fields) => parse_object(fields, validator, given, &at.key(self.key))?,
            FieldKind::Value(kind) => kind.parse(validator, given, &at.key(self.key), self.key)?,
        };
        let is_default = match self.presence {
            Presence::Default(default) => value.as_str() == Some(default),
            Presence::DefaultInteger(default) => value.as_i64() == Some(default),
            Presence::Required(_) => false,
            Presence::Optional => is_empty(&value),
        };
        Some((!is_default).then_some(value))
    }

    /// Returns the JSON Schema of the value.
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            FieldKind::Object(fields) => object_schema(fields, Map::new(), &[]),
            FieldKind::Value(kind) => kind.schema(),
        };
        schema["description"] = json!(self.doc);
        match self.presence {
            Presence::Default(default) => schema["default"] = json!(default),
            Presence::DefaultInteger(default) => schema["default"] = json!(default),
            Presence::Required(_) | Presence::Optional => {}
        }
        schema
    }
}

/// Whether a value says the same as none.
fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn parse_object(
    fields: &'static [Field],
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<Value> {
    let known: Vec<&str> = fields.iter().map(|field| field.key).collect();
    let map = validator.object(value, at, &known)?;
    let values = parse_fields(fields, validator, map, at)?;
    let values = values.into_iter().map(|(key, value)| (key.to_owned(), value));
    Some(Value::Object(values.collect()))
}
