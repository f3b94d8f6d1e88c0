//! The combinations of the values of a `dynamic` task.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::spec::values::value_text;
use crate::task_type::dynamic::DynamicFields;

/// Every combination of one value per name, numbered from 0; the last name changes fastest. Without names there is
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Combinations(Vec<(String, Vec<String>)>);

impl Combinations {
    /// Expands the fields of a task, whose placeholders are replaced.
    ///
    /// # Errors
    /// There are more than the task allows, as a readable text.
    pub(super) fn expand(fields: &DynamicFields) -> Result<Self, String> {
        let lists = fields.over.iter().map(|(name, value)| {
            let mut texts = texts_of(value, &fields.separator);
            texts.retain(|text| !fields.filter.contains(text));
            (name.clone(), texts)
        });
        let combinations = Self(lists.collect());
        let product = combinations.product();
        if product > u64::from(fields.max) {
            return Err(format!(
                "there are {product} combinations, at most {} are allowed (`max`)",
                fields.max
            ));
        }
        Ok(combinations)
    }

    fn product(&self) -> u64 {
        let lengths = self.0.iter().map(|(_, texts)| texts.len() as u64);
        lengths.fold(1, u64::saturating_mul)
    }

    /// Returns how many there are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.product()).unwrap_or(u32::MAX)
    }

    /// Returns the names with the values of one; none past the last.
    pub fn values_at(&self, index: u32) -> Option<Map<String, Value>> {
        if index >= self.count() {
            return None;
        }
        let mut left = index as usize;
        let mut values: Vec<(String, Value)> = Vec::with_capacity(self.0.len());
        for (name, texts) in self.0.iter().rev() {
            let text = texts.get(left % texts.len())?;
            values.push((name.clone(), Value::from(text.as_str())));
            left /= texts.len();
        }
        Some(values.into_iter().rev().collect())
    }
}

/// Returns the values of a list, of a text that is a JSON array, or the parts of another text.
fn texts_of(value: &Value, separator: &str) -> Vec<String> {
    if let Value::Array(list) = value {
        return list.iter().map(value_text).collect();
    }
    let text = value_text(value);
    if text.trim().is_empty() {
        return Vec::new();
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Array(list)) => list.iter().map(value_text).collect(),
        _ if separator.is_empty() => vec![text.trim().to_owned()],
        _ => text.split(separator).map(|part| part.trim().to_owned()).collect(),
    }
}
