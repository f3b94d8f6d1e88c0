//! Finds parameters that cannot have values before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use super::builtins::{BuiltinContext, builtin_params};
use super::scopes::{
    InputTexts, MAX_TOTAL_BYTES, ParamError, ParamScopes, Sources, input_texts, resolve_names, resolve_params,
};
use super::time::TimeBase;
use crate::ids::{AttemptNumber, DispatchId, Generation, InstanceId, TaskIndex, Timestamp};
use crate::spec::model::{Definition, Param, TaskDefinition};

/// The most mistakes that are listed.
const MAX_MISTAKES: usize = 100;

/// Parameters without values, and who sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParamMistake {
    /// The task; `None` for every task.
    pub(crate) task: Option<TaskIndex>,
    /// What is wrong.
    pub(crate) error: ParamError,
}

/// Resolves the parameters of a definition under these of a project and of a start, as its tasks will. Outputs of
/// earlier tasks are not known yet: what they may cure is no mistake.
pub(crate) fn find_param_mistakes(
    definition: &Definition,
    project: &BTreeMap<String, String>,
    startup: &BTreeMap<String, String>,
) -> Vec<ParamMistake> {
    // Any instant does: times differ by a few bytes.
    let base = TimeBase::utc(Timestamp(0));
    let builtins = builtin_params(&BuiltinContext {
        base,
        project: "",
        workflow: &definition.name,
        task: "",
        uid: DispatchId {
            generation: Generation(1),
            instance: InstanceId(1),
            task_index: TaskIndex(0),
            attempt: AttemptNumber(1),
            dispatch_number: 1,
        },
    });
    let nothing = BTreeMap::new();
    let scopes = ParamScopes {
        builtins: &builtins,
        project,
        workflow: &definition.params,
        upstream: &nothing,
        task: &[],
        startup,
    };
    let workflow_values = match resolve_params(scopes, base) {
        Ok(values) => values,
        Err(error) => return vec![ParamMistake { task: None, error }],
    };
    let check = TaskParamCheck {
        scopes,
        workflow: input_texts(&definition.params),
        workflow_values,
        base,
    };
    (0..)
        .map(TaskIndex)
        .zip(&definition.tasks)
        .filter(|(_, task)| !task.params.is_empty())
        .filter_map(|(task_index, task)| {
            let error = check.find_mistake(definition, task)?;
            Some(ParamMistake {
                task: Some(task_index),
                error,
            })
        })
        .take(MAX_MISTAKES)
        .collect()
}

/// What the parameters of all tasks have in common.
struct TaskParamCheck<'a> {
    scopes: ParamScopes<'a>,
    workflow: InputTexts<'a>,
    workflow_values: BTreeMap<String, String>,
    base: TimeBase,
}

impl TaskParamCheck<'_> {
    /// Resolves only the parameters of the task itself, since a workflow may have thousands of tasks, and all that it
    /// sees where that finds something.
    fn find_mistake(&self, definition: &Definition, task: &TaskDefinition) -> Option<ParamError> {
        let own = input_texts(&task.params);
        let sources = Sources::new(self.scopes, &self.workflow, &own);
        let values = resolve_names(sources, own.keys().copied(), self.base);
        if values.is_ok_and(|values| self.total_bytes(&values) <= MAX_TOTAL_BYTES) {
            return None;
        }
        let upstream = possible_outputs(definition, task);
        resolve_all(self.scopes, &upstream, &task.params, self.base).err()
    }

    /// Returns the bytes of all values where these replace those of the workflow.
    fn total_bytes(&self, values: &BTreeMap<String, String>) -> usize {
        let replaced = values.keys().filter_map(|name| self.workflow_values.get(name));
        let bytes = |values: &BTreeMap<String, String>| values.values().map(String::len).sum::<usize>();
        let total = bytes(&self.workflow_values) + bytes(values);
        total - replaced.map(String::len).sum::<usize>()
    }
}

fn resolve_all(
    scopes: ParamScopes<'_>,
    upstream: &BTreeMap<String, String>,
    task: &[Param],
    base: TimeBase,
) -> Result<BTreeMap<String, String>, ParamError> {
    let scopes = ParamScopes {
        upstream,
        task,
        ..scopes
    };
    resolve_params(scopes, base)
}

/// Returns an empty value for each output that an ancestor of the task may set.
fn possible_outputs(definition: &Definition, task: &TaskDefinition) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut queue: Vec<TaskIndex> = task.needs.iter().map(|need| need.task).collect();
    while let Some(task_index) = queue.pop() {
        if let Some(ancestor) = definition.task(task_index).filter(|_| seen.insert(task_index)) {
            let names = ancestor.outputs.iter().map(|output| output.name.clone());
            outputs.extend(names.map(|name| (name, String::new())));
            queue.extend(ancestor.needs.iter().map(|need| need.task));
        }
    }
    outputs
}
