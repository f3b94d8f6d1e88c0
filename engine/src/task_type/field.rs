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
    /// A map whose member `type` says which other fields it has.
    Variants(&'static [FieldVariant]),
}

/// One of the forms of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldVariant {
    /// The value of its member `type`.
    pub name: &'static str,
    /// Its other members.
    pub fields: &'static [Field],
    /// What it is for, as a sentence.
    pub doc: &'static str,
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
    /// It may be left out, which means this truth value.
    DefaultBoolean(bool),
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
    let filled = |field: &Field| {
        let value = given(field.key).map(|(_, value)| value.clone());
        value
            .map(|value| field.fill(value))
            .or_else(|| field.presence.default_value())
    };
    fields
        .iter()
        .filter_map(|field| Some((field.key.to_owned(), filled(field)?)))
        .collect()
}

/// Returns the values of a map in the order of the table.
pub(crate) fn values_of(fields: &[Field], map: &Map<String, Value>) -> FieldValues {
    fields
        .iter()
        .filter_map(|field| Some((field.key, map.get(field.key)?.clone())))
        .collect()
}

/// Returns the JSON Schema of an object with these fields, beside other properties.
pub(crate) fn object_schema(
    fields: &[Field],
    mut properties: Map<String, Value>,
    required: &[&str],
) -> Value {
    // A request may leave out a secret that is stored.
    let is_required = |field: &&Field| matches!(field.presence, Presence::Required(_)) && !field.is_secret();
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

impl Presence {
    fn default_value(self) -> Option<Value> {
        match self {
            Self::Default(default) => Some(json!(default)),
            Self::DefaultInteger(default) => Some(json!(default)),
            Self::DefaultBoolean(default) => Some(json!(default)),
            Self::Required(_) | Self::Optional => None,
        }
    }
}

impl FieldVariant {
    /// Returns the variant that the member `type` of a map names.
    pub(crate) fn of(variants: &'static [Self], map: &Map<String, Value>) -> Option<&'static Self> {
        let name = map.get("type")?.as_str()?;
        variants.iter().find(|variant| variant.name == name)
    }
}

impl Field {
    /// Fills in the defaults of a map with fields of its own; any other value stays.
    fn fill(&self, value: Value) -> Value {
        let Value::Object(map) = value else { return value };
        let (fields, variant) = match self.kind {
            FieldKind::Object(fields) => (fields, None),
            FieldKind::Variants(variants) => match FieldVariant::of(variants, &map) {
                Some(variant) => (variant.fields, Some(variant.name)),
                None => return Value::Object(map),
            },
            FieldKind::Value(_) => return Value::Object(map),
        };
        let named = variant.map(|name| ("type".to_owned(), json!(name)));
        let filled = with_defaults(fields, &values_of(fields, &map));
        Value::Object(named.into_iter().chain(filled).collect())
    }

    /// Whether the value is a secret, which is stored apart and never shown.
    pub(crate) fn is_secret(&self) -> bool {
        self.kind == FieldKind::Value(ValueKind::Secret)
    }

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
                // Only who knows what is stored can tell whether a secret is missing.
                _ if self.is_secret() => Some(None),
                Presence::Required(hint) => {
                    validator.missing(at, self.key, hint);
                    None
                }
                Presence::Optional
                | Presence::Default(_)
                | Presence::DefaultInteger(_)
                | Presence::DefaultBoolean(_) => Some(None),
            };
        };
        let value = match self.kind {
            FieldKind::Object(fields) => parse_object(fields, validator, given, &at.key(self.key))?,
            FieldKind::Variants(variants) => parse_variant(variants, validator, given, &at.key(self.key))?,
            FieldKind::Value(kind) => kind.parse(validator, given, &at.key(self.key), self.key)?,
        };
        let is_default = match self.presence {
            Presence::Default(default) => value.as_str() == Some(default),
            Presence::DefaultInteger(default) => value.as_i64() == Some(default),
            Presence::DefaultBoolean(default) => value.as_bool() == Some(default),
            Presence::Required(_) => false,
            Presence::Optional => is_empty(&value),
        };
        Some((!is_default).then_some(value))
    }

    /// Returns the JSON Schema of the value.
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            FieldKind::Object(fields) => object_schema(fields, Map::new(), &[]),
            FieldKind::Variants(variants) => variants_schema(variants),
            FieldKind::Value(kind) => kind.schema(),
        };
        schema["description"] = json!(self.doc);
        if let Some(default) = self.presence.default_value() {
            schema["default"] = default;
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

fn parse_variant(
    variants: &'static [FieldVariant],
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> Option<Value> {
    let map = validator.map(value, at)?;
    let names: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
    if !map.contains_key("type") {
        validator.missing(at, "type", &format!("it is one of {}", names.join(", ")));
        return None;
    }
    let named: Vec<(&str, &FieldVariant)> = variants.iter().map(|variant| (variant.name, variant)).collect();
    let variant = validator.choice(&map["type"], &at.key("type"), &named)?;
    let known: Vec<&str> = variant.fields.iter().map(|field| field.key).collect();
    let known: Vec<&str> = ["type"].into_iter().chain(known).collect();
    validator.check_keys(map.keys(), at, &known);
    let values = parse_fields(variant.fields, validator, map, at)?;
    let values = [("type", json!(variant.name))].into_iter().chain(values);
    Some(Value::Object(
        values.map(|(key, value)| (key.to_owned(), value)).collect(),
    ))
}

fn variants_schema(variants: &[FieldVariant]) -> Value {
    let schemas = variants.iter().map(|variant| {
        let named = json!({ "const": variant.name, "description": variant.doc });
        let properties = Map::from_iter([("type".to_owned(), named)]);
        object_schema(variant.fields, properties, &["type"])
    });
    json!({ "oneOf": schemas.collect::<Vec<_>>() })
}
