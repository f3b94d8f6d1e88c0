//! Bodies of requests, from what the command line gives.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// A JSON object that holds only what was given.
#[derive(Debug, Default)]
pub(super) struct Body(Map<String, Value>);

impl Body {
    /// Adds a member, when it is given.
    pub(super) fn add_some(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Adds the name of a choice, as the command line and the API spell it.
    pub(super) fn add_choice(self, name: &str, choice: Option<impl ValueEnum>) -> Self {
        let choice = choice.and_then(|choice| choice.to_possible_value());
        self.add_some(name, choice.map(|choice| choice.get_name().replace('-', "_")))
    }

    /// Adds a list, unless it is empty.
    pub(super) fn add_list(self, name: &str, list: &[String]) -> Self {
        self.add_some(name, (!list.is_empty()).then(|| json!(list)))
    }

    /// Adds a map of names to values, unless it is empty.
    pub(super) fn add_pairs(self, name: &str, pairs: &[(String, String)]) -> Self {
        let map: Map<String, Value> = pairs
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        self.add_some(name, (!map.is_empty()).then_some(map))
    }

    /// Returns the object.
    pub(super) fn into_value(self) -> Value {
        self.0.into()
    }
}
