//! What a person changes of one task in one instance, when it is tried again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spec::diagnostic::Diagnostic;
use crate::spec::model::TaskDefinition;
use crate::spec::params::{ParamOwner, parse as parse_params, parse_env};
use crate::spec::secret_places::check_without_secrets;
use crate::spec::validator::{Path, Validator};
use crate::task_type::ExecutionSite;

/// Keys that every task type has.
const COMMON_KEYS: [&str; 2] = ["params", "timeout"];

/// The key of variables, of tasks that run on a worker.
const ENV_KEY: &str = "env";

/// The changed members of a task; they hold for every later attempt of it in its instance. Stored as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOverrides {
    /// Parameters by name; they win over every other value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Variables by name; they win over those of the document.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The limit of one attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<i64>,
    /// Scripts by the key of their field, for example `run`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<String, String>,
}

impl TaskOverrides {
    /// Parses the members that a body gives for a task.
    ///
    /// # Errors
    /// Lists everything that is wrong, members that the type of the task does not have among it.
    pub fn parse(value: &Value, task: &TaskDefinition) -> Result<Self, Vec<Diagnostic>> {
        let mut validator = Validator::default();
        let overrides = parse_members(&mut validator, value, task);
        validator.finish(overrides)
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds later changes, which win by name.
    pub(crate) fn merge(&mut self, later: Self) {
        self.params.extend(later.params);
        self.env.extend(later.env);
        self.scripts.extend(later.scripts);
        self.timeout_ms = later.timeout_ms.or(self.timeout_ms);
    }

    /// Returns the definition of a task as these change it. Its parameters are those of the document: the changed ones
    /// are laid over those of the start by [`Self::startup_params`].
    pub fn amend<'a>(overrides: Option<&Self>, task: &'a TaskDefinition) -> Cow<'a, TaskDefinition> {
        let Some(overrides) = overrides else {
            return Cow::Borrowed(task);
        };
        let mut amended = task.clone();
        amended.timeout_ms = overrides.timeout_ms.or(task.timeout_ms);
        amended.env.extend(overrides.env.clone());
        for (key, script) in &overrides.scripts {
            amended.action.replace_script(key, script);
        }
        Cow::Owned(amended)
    }

    /// Returns the parameters of the start as a task sees them, with the changed ones over them.
    pub fn startup_params<'a>(
        overrides: Option<&Self>,
        startup: &'a BTreeMap<String, String>,
    ) -> Cow<'a, BTreeMap<String, String>> {
        let Some(overrides) = overrides.filter(|overrides| !overrides.params.is_empty()) else {
            return Cow::Borrowed(startup);
        };
        let mut params = startup.clone();
        params.extend(overrides.params.clone());
        Cow::Owned(params)
    }
}

fn parse_members(validator: &mut Validator, value: &Value, task: &TaskDefinition) -> Option<TaskOverrides> {
    let at = Path::ROOT;
    let scripts = task.action.script_keys();
    let env = (task.action.site() == ExecutionSite::Worker).then_some(ENV_KEY);
    let known: Vec<&str> = COMMON_KEYS
        .into_iter()
        .chain(env)
        .chain(scripts.iter().copied())
        .collect();
    let map = validator.object(value, &at, &known)?;
    // Who may start an instance again chooses no secrets: its document does.
    check_without_secrets(validator, value, &at);
    let given = |key: &str| map.get(key).filter(|value| !value.is_null());
    let mut overrides = TaskOverrides::default();
    if let Some(value) = given("params") {
        let params = parse_params(validator, value, &at.key("params"), ParamOwner::Task);
        let named = params
            .into_iter()
            .filter_map(|param| Some((param.name, param.value?)));
        overrides.params = named.collect();
    }
    if let Some(value) = given(ENV_KEY) {
        overrides.env = parse_env(validator, value, &at.key(ENV_KEY));
    }
    if let Some(value) = given("timeout") {
        overrides.timeout_ms = validator.limit(value, &at.key("timeout"));
    }
    for key in scripts {
        if let Some(value) = given(key) {
            let script = task.action.parse_script(validator, value, &at, key)?;
            overrides.scripts.insert(key.to_owned(), script);
        }
    }
    Some(overrides)
}

#[cfg(test)]
mod tests;
