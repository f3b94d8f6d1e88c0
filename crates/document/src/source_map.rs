//! The positions of the parts of a text: a tree of the same shape as its value.

use engine::spec::DiagnosticTarget;
use serde_json::Value;

use crate::pointer;

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: u32,
    /// The column in characters.
    pub(crate) column: u32,
}

/// The position of one value, and of everything inside it.
#[derive(Debug, Clone)]
pub(crate) struct SourceMap {
    /// The position of the key, for a member of a map.
    pub(crate) key: Option<Position>,
    /// The position of the value's first character.
    pub(crate) value: Position,
    /// In the order of the value's members or elements.
    pub(crate) children: Vec<SourceMap>,
}

impl SourceMap {
    /// Makes the map of a value without anything inside.
    pub(crate) fn leaf(value: Position) -> Self {
        Self {
            key: None,
            value,
            children: Vec::new(),
        }
    }

    /// Finds the key or the value that a pointer names; the position of a missing part is where it belongs.
    pub(crate) fn find_position(&self, value: &Value, pointer: &str, target: DiagnosticTarget) -> Position {
        let mut map = self;
        let mut value = value;
        for step in pointer::steps(pointer) {
            let (index, next) = match value {
                Value::Object(members) => match members.keys().position(|key| *key == step) {
                    Some(index) => (index, members.get(&step)),
                    None => return map.key_or_value(),
                },
                Value::Array(list) => match step.parse::<usize>() {
                    Ok(index) => (index, list.get(index)),
                    Err(_) => return map.value,
                },
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return map.value,
            };
            let (Some(child), Some(next)) = (map.children.get(index), next) else {
                return map.value;
            };
            (map, value) = (child, next);
        }
        match target {
            DiagnosticTarget::Key => map.key_or_value(),
            DiagnosticTarget::Value => map.value,
        }
    }

    fn key_or_value(&self) -> Position {
        self.key.unwrap_or(self.value)
    }
}
