//! Where documents name secrets, and where they may.

use std::convert::Infallible;

use serde_json::Value;

use super::model::{Definition, TaskDefinition};
use super::names;
use super::validator::{Path, Validator};
use crate::ids::Timestamp;
use crate::params::interpolate::{Style, interpolate};
use crate::params::secret_slots::SECRET_PREFIX;
use crate::params::time::TimeBase;
use crate::task_type::TASK_TYPES;

/// Fields of a task in which placeholders of secrets may stand, each by its keys from the outside in.
type SecretFields = [&'static [&'static str]];

/// The common field in which they may stand, in tasks that have it.
const ENV: &[&str] = &["env"];

/// One place of a definition that names a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// The name of the secret.
    pub name: String,
    /// The JSON pointer of the text that has its placeholder.
    pub pointer: String,
}

impl Definition {
    /// Returns every place of the tasks that names a secret.
    pub fn secret_references(&self) -> Vec<SecretReference> {
        let (root, mut found) = (Path::ROOT, Vec::new());
        let tasks = root.key("tasks");
        for task in &self.tasks {
            collect_of_task(task, &tasks.key(&task.name), &mut found);
        }
        found
    }
}

fn collect_of_task(task: &TaskDefinition, at: &Path<'_>, found: &mut Vec<SecretReference>) {
    for (name, value) in &task.env {
        collect_of_text(value, &at.key("env").key(name), found);
    }
    let allowed = task.action.secret_fields();
    for (key, value) in task.action.fields() {
        collect(value, &at.key(key), &inside(allowed, key), found);
    }
}

fn collect(value: &Value, at: &Path<'_>, allowed: &SecretFields, found: &mut Vec<SecretReference>) {
    match value {
        Value::String(text) if is_allowed(allowed) => collect_of_text(text, at, found),
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, &at.key(key), &inside(allowed, key), found);
            }
        }
        _ => {}
    }
}

fn collect_of_text(text: &str, at: &Path<'_>, found: &mut Vec<SecretReference>) {
    for placeholder in placeholders(text) {
        if let SecretPlaceholder::SpelledOut(name) = placeholder {
            let pointer = at.to_pointer();
            found.push(SecretReference { name, pointer });
        }
    }
}

/// Reports each placeholder of a secret that stands where none may.
pub(super) fn report_misplaced_secrets<'d>(
    validator: &mut Validator,
    members: impl Iterator<Item = (&'d String, &'d Value)>,
) {
    let root = Path::ROOT;
    for (key, value) in members {
        let at = root.key(key);
        match value {
            Value::Object(tasks) if key == "tasks" => {
                for (name, task) in tasks {
                    check(validator, task, &at.key(name), &allowed_fields(task));
                }
            }
            _ => check(validator, value, &at, &[]),
        }
    }
}

/// Reports each placeholder of a secret in a value that may hold none.
pub(crate) fn check_without_secrets(validator: &mut Validator, value: &Value, at: &Path<'_>) {
    check(validator, value, at, &[]);
}

/// Returns the fields of a task, as a document has it, in which placeholders of secrets may stand.
fn allowed_fields(task: &Value) -> Vec<&'static [&'static str]> {
    let name = task.get("type").and_then(Value::as_str);
    let Some(kind) = TASK_TYPES.iter().find(|kind| Some(kind.name) == name) else {
        return Vec::new();
    };
    let env = kind.has_common_key("env").then_some(ENV);
    kind.secret_fields.iter().copied().chain(env).collect()
}

fn is_allowed(allowed: &SecretFields) -> bool {
    allowed.iter().any(|keys| keys.is_empty())
}

/// Returns what of the allowed fields lies inside of a key.
fn inside(allowed: &SecretFields, key: &str) -> Vec<&'static [&'static str]> {
    let enter = |keys: &&'static [&'static str]| match keys.split_first() {
        Some((first, rest)) => (*first == key).then_some(rest),
        None => Some(*keys),
    };
    allowed.iter().filter_map(enter).collect()
}

fn check(validator: &mut Validator, value: &Value, at: &Path<'_>, allowed: &SecretFields) {
    match value {
        Value::String(text) => check_text(validator, text, at, allowed),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                check(validator, item, &at.index(place), allowed);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                let at = at.key(key);
                check_text(validator, key, &at, &[]);
                check(validator, value, &at, &inside(allowed, key));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check_text(validator: &mut Validator, text: &str, at: &Path<'_>, allowed: &SecretFields) {
    for placeholder in placeholders(text) {
        let message = match placeholder {
            SecretPlaceholder::SpelledOut(_) if is_allowed(allowed) => continue,
            SecretPlaceholder::SpelledOut(name) => format!(
                "`${{{SECRET_PREFIX}{name}}}` may stand in `env`, and in url, headers and body of an http request; \
                 a script reads it from the variable that `env` names"
            ),
            SecretPlaceholder::Computed(name) => {
                format!(
                    "`{name}` names no secret: its name is written out, as in `${{{SECRET_PREFIX}token}}`"
                )
            }
        };
        validator.invalid(at, "SECRET_MISPLACED", message);
    }
}

/// A placeholder whose name begins like that of a secret.
enum SecretPlaceholder {
    /// It names this secret.
    SpelledOut(String),
    /// Its name has placeholders, is no legal name, or stands inside of another placeholder.
    Computed(String),
}

fn placeholders(text: &str) -> Vec<SecretPlaceholder> {
    let mut found = Vec::new();
    if !text.contains(SECRET_PREFIX) {
        return found;
    }
    let base = TimeBase::utc(Timestamp(0));
    let Ok(_) = interpolate::<Infallible>(text, Style::Text, base, &mut |reference| {
        if reference.name.starts_with(SECRET_PREFIX) {
            let secret = reference.secret.filter(|name| names::check_param(name).is_ok());
            found.push(match secret {
                Some(name) => SecretPlaceholder::SpelledOut(name.to_owned()),
                None => SecretPlaceholder::Computed(reference.name.to_owned()),
            });
        }
        Ok(None)
    });
    found
}

#[cfg(test)]
mod tests;
