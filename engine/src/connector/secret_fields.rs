//! The secret fields in the values of a connector.

use serde_json::{Map, Value};

use crate::task_type::field::{Field, FieldKind, FieldVariant, Presence};

/// A secret field that a connector may have.
pub(super) struct SecretField {
    /// Its JSON pointer.
    pub(super) pointer: String,
    /// What the error says when it is missing; none when it may be.
    pub(super) required: Option<&'static str>,
}

/// Lists the secret fields of these values; those of a nested map only when the map is there.
pub(super) fn secret_fields(fields: &[Field], values: &Map<String, Value>) -> Vec<SecretField> {
    let mut found = Vec::new();
    collect_fields(fields, values, "", &mut found);
    found
}

fn collect_fields(fields: &[Field], values: &Map<String, Value>, at: &str, found: &mut Vec<SecretField>) {
    for field in fields {
        let pointer = format!("{at}/{}", field.key);
        let inner = values.get(field.key).and_then(Value::as_object);
        match (field.kind, inner) {
            (FieldKind::Value(_), _) if field.is_secret() => found.push(SecretField {
                pointer,
                required: match field.presence {
                    Presence::Required(hint) => Some(hint),
                    _ => None,
                },
            }),
            (FieldKind::Object(fields), Some(map)) => collect_fields(fields, map, &pointer, found),
            (FieldKind::Variants(variants), Some(map)) => {
                let variant = FieldVariant::of(variants, map);
                collect_fields(
                    variant.map_or(&[], |variant| variant.fields),
                    map,
                    &pointer,
                    found,
                );
            }
            (FieldKind::Value(_) | FieldKind::Object(_) | FieldKind::Variants(_), _) => {}
        }
    }
}

/// Takes a value out of nested maps.
pub(super) fn take_value(values: &mut Map<String, Value>, pointer: &str) -> Option<Value> {
    let (parent, key) = pointer.rsplit_once('/')?;
    parent_map(values, parent)?.remove(key)
}

/// Puts a value into nested maps; nothing happens when the map around it is not there.
pub(super) fn put_value(values: &mut Map<String, Value>, pointer: &str, value: Value) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    if let Some(map) = parent_map(values, parent) {
        map.insert(key.to_owned(), value);
    }
}

fn parent_map<'v>(values: &'v mut Map<String, Value>, pointer: &str) -> Option<&'v mut Map<String, Value>> {
    let mut map = values;
    for key in pointer.split('/').skip(1) {
        map = map.get_mut(key)?.as_object_mut()?;
    }
    Some(map)
}
