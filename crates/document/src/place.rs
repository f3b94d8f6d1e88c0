//! Where the parts of a text stand: a tree of the same shape as its value.

use serde_json::Value;

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Where one value stands, and everything in it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Of the key, for a member of a map.
    pub(super) key: Option<Mark>,
    /// Of the value's first character.
    pub(super) value: Mark,
    /// In the order of the value's members or elements.
    pub(super) inside: Vec<Place>,
}

impl Place {
    /// Finds the key or the value that a pointer names; what is missing stands where it belongs.
    pub(super) fn find(&self, value: &Value, pointer: &str, is_key: bool) -> Mark {
        let mut place = self;
        let mut value = value;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let (index, next) = match value {
                Value::Object(map) => match map.keys().position(|key| *key == step) {
                    Some(index) => (index, map.get(&step)),
                    None => return place.key.unwrap_or(place.value),
                },
                Value::Array(list) => match step.parse::<usize>() {
                    Ok(index) => (index, list.get(index)),
                    Err(_) => return place.value,
                },
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return place.value,
            };
            let (Some(inner), Some(next)) = (place.inside.get(index), next) else {
                return place.value;
            };
            (place, value) = (inner, next);
        }
        if is_key {
            place.key.unwrap_or(place.value)
        } else {
            place.value
        }
    }
}
