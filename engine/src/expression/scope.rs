//! What an expression can name.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Value;

use super::value::typed_value;
use crate::spec::values::ParamType;

/// The name of all parameters.
const PARAMS: &str = "params";

/// The name of the ancestors of the task.
const TASKS: &str = "tasks";

/// The name of the instance.
const INSTANCE: &str = "instance";

/// A parameter that an expression can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypedText<'a> {
    /// Its type.
    pub(crate) declared: ParamType,
    /// Its text.
    pub(crate) text: &'a str,
}

/// A task that an expression can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskScope<'a> {
    /// Its state, as readers see it.
    pub(crate) state: &'static str,
    /// Its outputs.
    pub(crate) outputs: BTreeMap<&'a str, TypedText<'a>>,
}

/// What an expression can name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ExpressionScope<'a> {
    /// The parameters that the task sees.
    pub(crate) params: BTreeMap<&'a str, TypedText<'a>>,
    /// The tasks that the expression names.
    pub(crate) tasks: BTreeMap<&'a str, TaskScope<'a>>,
    /// The members of `instance`; none is `none`.
    pub(crate) instance: BTreeMap<&'static str, Value>,
    /// Further names, which parameters hide.
    pub(crate) objects: BTreeMap<&'static str, Value>,
}

impl TypedText<'_> {
    fn value(self) -> Value {
        typed_value(self.declared, self.text)
    }
}

impl ExpressionScope<'_> {
    /// Returns the values of these names. `params`, `tasks` and `instance` are always the objects.
    pub(super) fn values_of(&self, names: &BTreeSet<String>) -> Value {
        let values = names.iter().filter_map(|name| {
            let value = match name.as_str() {
                PARAMS => self.all_params(),
                TASKS => self.all_tasks(),
                INSTANCE => Value::from_pairs(self.instance.iter().map(|(key, value)| (*key, value.clone()))),
                _ => self.param(name)?,
            };
            Some((name.as_str(), value))
        });
        Value::from_pairs(values)
    }

    /// Whether a name is that of an object, whatever parameters there are.
    pub(super) fn is_object(name: &str) -> bool {
        [PARAMS, TASKS, INSTANCE].contains(&name)
    }

    /// Returns the value of a parameter.
    pub(super) fn param(&self, name: &str) -> Option<Value> {
        let param = self.params.get(name).map(|param| param.value());
        param.or_else(|| self.objects.get(name).cloned())
    }

    /// Returns the state of a task.
    pub(super) fn state_of(&self, task: &str) -> Option<Value> {
        self.tasks.get(task).map(|task| Value::from(task.state))
    }

    fn all_params(&self) -> Value {
        let params = self.params.iter();
        Value::from_pairs(params.map(|(name, param)| (*name, param.value())))
    }

    fn all_tasks(&self) -> Value {
        let value_of = |task: &TaskScope<'_>| {
            let outputs = task.outputs.iter().map(|(name, text)| (*name, text.value()));
            let outputs = Value::from_pairs(outputs);
            Value::from_pairs([("state", Value::from(task.state)), ("outputs", outputs)])
        };
        Value::from_pairs(self.tasks.iter().map(|(name, task)| (*name, value_of(task))))
    }
}
