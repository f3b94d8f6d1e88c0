//! Reports parameters of a document that cannot have values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::model::Definition;
use super::validator::{Path, Validator};
use crate::params::check::{ParamMistake, find_param_mistakes};

/// Reports circles of parameters, and values that grow beyond their bounds, where they stand in the document.
pub(super) fn report_param_mistakes(
    validator: &mut Validator,
    document: &Map<String, Value>,
    definition: &Definition,
) {
    let nothing = BTreeMap::new();
    for mistake in find_param_mistakes(definition, &nothing, &nothing) {
        let at = Path::ROOT;
        match mistake.task.and_then(|task_index| definition.task(task_index)) {
            None => report_in(validator, document, &at, &mistake),
            Some(task) => {
                let tasks = at.key("tasks");
                let found = document.get("tasks").and_then(|tasks| tasks.get(&task.name));
                if let Some(Value::Object(members)) = found {
                    report_in(validator, members, &tasks.key(&task.name), &mistake);
                }
            }
        }
    }
}

/// Reports a mistake at one of its parameters, or at all when they belong to another scope.
fn report_in(validator: &mut Validator, holder: &Map<String, Value>, at: &Path<'_>, mistake: &ParamMistake) {
    let (code, message) = (mistake.error.code(), mistake.error.to_string());
    let params = at.key("params");
    let declared = holder.get("params");
    let found = mistake
        .error
        .params()
        .find_map(|name| Some((name, declared?.get(name)?)));
    match found {
        None => validator.invalid(&params, code, message),
        Some((name, Value::Object(_))) => validator.invalid(&params.key(name).key("value"), code, message),
        Some((name, _)) => validator.invalid(&params.key(name), code, message),
    }
}
