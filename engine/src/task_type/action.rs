//! The action of a task: its type, with the values of the type's fields.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::child_workflow::ChildWorkflow;
use super::connection_use::{ConnectionUse, check_connection};
use super::definition::TaskType;
use super::field::{FieldValues, parse_fields, with_defaults};
use super::site::{ExecutionSite, WatchKind};
use super::value_kind::ValueKind;
use super::wait_check::check_waits;
use crate::params::secret_slots::SecretSlot;
use crate::params::time::TimeBase;
use crate::spec::validator::{Path, Validator};

/// What a task of a definition does; placeholders are not replaced yet.
#[derive(Debug, Clone)]
pub struct TaskAction {
    task_type: &'static TaskType,
    /// Without those that equal their default.
    fields: FieldValues,
}

/// An action that is ready to run: every field has its value, every placeholder is replaced. It travels between
/// nodes by the name of its type, so that a worker without that type can refuse it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreparedAction {
    /// The name of the task type.
    #[serde(rename = "type")]
    pub task_type: String,
    /// The values of its fields by key.
    pub fields: Map<String, Value>,
}

/// A prepared action, and what its parameters make beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedTask {
    /// What the runner gets.
    pub action: PreparedAction,
    /// Variables for its processes; empty for types without processes.
    pub env: BTreeMap<String, String>,
    /// The places in the action for values of secrets.
    pub secrets: Vec<SecretSlot>,
    /// What a person should know, as readable texts.
    pub warnings: Vec<String>,
}

/// Fields that are not those of their type; the sender has another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fields of a {task_type} task cannot be read: {detail}")]
pub struct InvalidFields {
    /// The name of the task type.
    pub task_type: String,
    /// What is wrong, as a readable text.
    pub detail: String,
}

impl TaskAction {
    /// Parses the fields of a type; `None` when something is wrong.
    pub(crate) fn parse(
        task_type: &'static TaskType,
        validator: &mut Validator,
        map: &Map<String, Value>,
        at: &Path<'_>,
    ) -> Option<Self> {
        let fields = parse_fields(task_type.fields, validator, map, at);
        check_waits(task_type, validator, map, at)?;
        check_connection(task_type, validator, map, at);
        let fields = fields?;
        Some(Self { task_type, fields })
    }

    /// Returns an action with these fields, unchecked.
    pub(super) fn new(task_type: &'static TaskType, fields: FieldValues) -> Self {
        Self { task_type, fields }
    }

    /// Returns an action without fields.
    #[cfg(test)]
    pub(crate) fn of_type(task_type: &'static TaskType) -> Self {
        Self::new(task_type, Vec::new())
    }

    /// Returns an action with these fields.
    #[cfg(test)]
    pub(crate) fn with_fields(task_type: &'static TaskType, fields: FieldValues) -> Self {
        Self::new(task_type, fields)
    }

    /// Returns the name of the task type.
    pub fn type_name(&self) -> &'static str {
        self.task_type.name
    }

    /// Returns where it runs.
    pub fn site(&self) -> ExecutionSite {
        self.task_type.site
    }

    /// Returns the fields as a document has them: in the order of the type's table, without defaults.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.fields.iter().map(|(key, value)| (*key, value))
    }

    /// Returns the fields in which placeholders of secrets may stand, each by its keys from the outside in.
    pub(crate) fn secret_fields(&self) -> &'static [&'static [&'static str]] {
        self.task_type.secret_fields
    }

    /// Returns the connection that it uses, if it names one.
    pub fn connection(&self) -> Option<ConnectionUse<'_>> {
        ConnectionUse::find(self.task_type, &self.fields)
    }

    /// Returns the workflow whose instances it starts, if it starts any.
    pub fn child_workflow(&self) -> Option<ChildWorkflow> {
        let value = |key: &str| self.fields.iter().find(|(known, _)| *known == key);
        let text = |key: &str| value(key).and_then(|(_, value)| value.as_str());
        if self.site() != ExecutionSite::Owner(WatchKind::Children) {
            return None;
        }
        Some(ChildWorkflow {
            project: text("project").map(str::to_owned),
            name: text("workflow")?.to_owned(),
            version: value("version").and_then(|(_, value)| value.as_i64()),
        })
    }

    /// Returns the fields as the object that a document has of them.
    pub(crate) fn fields_object(&self) -> Map<String, Value> {
        let fields = self.fields.iter();
        fields
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect()
    }

    /// Reads the fields as the struct of their type; placeholders are not replaced.
    pub(crate) fn read_fields<T: DeserializeOwned>(&self) -> Option<T> {
        let fields = with_defaults(self.task_type.fields, &self.fields);
        serde_json::from_value(Value::Object(fields)).ok()
    }

    /// Returns the keys of the type's scripts.
    pub(crate) fn script_keys(&self) -> Vec<&'static str> {
        let scripts = self.task_type.fields.iter().filter(|field| field.is_script());
        scripts.map(|field| field.key).collect()
    }

    /// Parses another script for one of these keys; none when it is wrong.
    pub(crate) fn parse_script(
        &self,
        validator: &mut Validator,
        value: &Value,
        at: &Path<'_>,
        key: &str,
    ) -> Option<String> {
        let script = ValueKind::Script.parse(validator, value, &at.key(key), key)?;
        script.as_str().map(str::to_owned)
    }

    /// Replaces the script of a key.
    pub(crate) fn replace_script(&mut self, key: &str, script: &str) {
        for (_, value) in self.fields.iter_mut().filter(|(known, _)| *known == key) {
            *value = Value::from(script);
        }
    }

    /// Puts parameters into the fields.
    pub fn prepare(&self, values: &BTreeMap<String, String>, base: TimeBase) -> PreparedTask {
        let mut fields = with_defaults(self.task_type.fields, &self.fields);
        let preparation = (self.task_type.prepare)(&mut fields, values, base);
        PreparedTask {
            action: PreparedAction {
                task_type: self.task_type.name.to_owned(),
                fields,
            },
            env: preparation.env,
            secrets: preparation.secrets,
            warnings: preparation.warnings,
        }
    }
}

impl PartialEq for TaskAction {
    fn eq(&self, other: &Self) -> bool {
        self.task_type.name == other.task_type.name && self.fields == other.fields
    }
}

impl PreparedAction {
    /// Reads the fields as the struct of their type, for example [`super::shell::ShellFields`].
    ///
    /// # Errors
    /// The fields are not those of that type: the attempt fails, and a repetition does not help.
    pub fn read_fields<T: DeserializeOwned>(&self) -> Result<T, InvalidFields> {
        serde_json::from_value(Value::Object(self.fields.clone())).map_err(|error| InvalidFields {
            task_type: self.task_type.clone(),
            detail: error.to_string(),
        })
    }
}
