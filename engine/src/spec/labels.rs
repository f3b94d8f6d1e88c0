//! Labels of workflows and instances.

use std::collections::BTreeMap;

use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::validator::{Path, Validator};

/// The most labels of one map.
const MAX_LABELS: usize = 100;

/// The most bytes of the name or the value of a label.
const MAX_LABEL: usize = 1_000;

/// Parses the labels of a body, which are at `/labels`.
///
/// # Errors
/// Lists everything that is wrong with them.
pub fn parse_label_map(value: &Value) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let mut validator = Validator::default();
    let at = Path::ROOT;
    let labels = parse_labels(&mut validator, value, &at.key("labels"));
    validator.finish(Some(labels))
}

/// Parses names and values of labels.
pub(crate) fn parse_labels(
    validator: &mut Validator,
    value: &Value,
    at: &Path<'_>,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Some(map) = validator.map(value, at) else {
        return labels;
    };
    validator.at_most(map.len(), MAX_LABELS, at);
    for (name, value) in map.iter().take(MAX_LABELS) {
        let at = at.key(name);
        if name.is_empty() || name.len() > MAX_LABEL {
            validator.invalid_key(
                &at,
                "BAD_NAME",
                format!("the name of a label has 1 to {MAX_LABEL} bytes"),
            );
        } else if let Some(text) = validator.scalar(value, &at, MAX_LABEL) {
            labels.insert(name.clone(), text);
        }
    }
    labels
}
