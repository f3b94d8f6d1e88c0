//! What a project says for its workflows: it holds where task and document are silent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::diagnostic::Diagnostic;
use super::duration::HumanDuration;
use super::model::RetryPolicy;
use super::validator::{Path, Validator};
use super::{serialize, tasks};
use crate::states::Priority;

/// The values of a project for what its documents leave open. An instance keeps those of its creation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectDefaults {
    /// The worker group of documents without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_group: Option<String>,
    /// The priority of documents without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// The retries of tasks on workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// The limit of one attempt on a worker, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<i64>,
}

/// Keys of the defaults.
const KEYS: &[&str] = &["worker_group", "priority", "retry", "timeout"];

impl ProjectDefaults {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the notation of documents; `null` leaves a value open.
    ///
    /// # Errors
    /// Lists everything that is wrong, with pointers into a body that has the value as its member `defaults`.
    pub fn parse(value: &Value) -> Result<Self, Vec<Diagnostic>> {
        let mut validator = Validator::default();
        let defaults = parse_defaults(&mut validator, value);
        validator.finish(defaults)
    }

    /// Writes what is set in the notation of documents.
    pub fn to_document(&self) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        };
        put(
            "worker_group",
            self.worker_group.as_ref().map(|group| json!(group)),
        );
        put("priority", self.priority.map(|priority| json!(priority)));
        put("retry", self.retry.as_ref().map(serialize::retry));
        let timeout = self.timeout_ms.map(|ms| json!(HumanDuration(ms).to_string()));
        put("timeout", timeout);
        Value::Object(map)
    }
}

fn parse_defaults(validator: &mut Validator, value: &Value) -> Option<ProjectDefaults> {
    let at = Path::ROOT;
    let at = at.key("defaults");
    let map = validator.object(value, &at, KEYS)?;
    let given = |key: &str| map.get(key).filter(|value| !value.is_null());
    Some(ProjectDefaults {
        worker_group: given("worker_group").and_then(|value| validator.name(value, &at.key("worker_group"))),
        priority: given("priority")
            .and_then(|value| validator.choice(value, &at.key("priority"), &tasks::priorities())),
        retry: given("retry").map(|value| tasks::parse_retry(validator, value, &at.key("retry"))),
        timeout_ms: given("timeout").and_then(|value| validator.limit(value, &at.key("timeout"))),
    })
}

#[cfg(test)]
mod tests;
