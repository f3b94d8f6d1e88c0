//! The other workflows that the tasks of a definition name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::model::{Definition, TaskDefinition};
use super::validator::Path;
use crate::states::{UnknownName, named};

named!(
    /// What a task does with the workflow that it names; named by the type of the task.
    ReferenceKind {
        /// Runs it as a child.
        SubWorkflow = "sub_workflow",
        /// Runs it as many children.
        Dynamic = "dynamic",
        /// Waits for its instances.
        Dependent = "dependent",
    }
);

named!(
    /// What the documents of one project may do with the workflows of another; each includes those before it.
    ProjectAccess {
        /// Nothing.
        Nothing = "nothing",
        /// Wait for their instances.
        Read = "read",
        /// Start them.
        Execute = "execute",
    }
);

/// One place of a definition that names a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowReference<'a> {
    /// The task that names it.
    pub task: &'a str,
    /// What the task does with it.
    pub kind: ReferenceKind,
    /// The project; none for that of the definition.
    pub project: Option<&'a str>,
    /// The workflow.
    pub workflow: &'a str,
    /// The JSON pointer of the object that has the members `project` and `workflow`.
    pub pointer: String,
}

impl ReferenceKind {
    /// Returns what a workflow of another project must be granted for.
    pub fn required_access(self) -> ProjectAccess {
        match self {
            Self::SubWorkflow | Self::Dynamic => ProjectAccess::Execute,
            Self::Dependent => ProjectAccess::Read,
        }
    }
}

impl Definition {
    /// Lists the places that name a workflow, in document order.
    pub fn workflow_references(&self) -> Vec<WorkflowReference<'_>> {
        let mut found = Vec::new();
        for task in &self.tasks {
            collect_from_task(task, &mut found);
        }
        found
    }
}

fn collect_from_task<'a>(task: &'a TaskDefinition, found: &mut Vec<WorkflowReference<'a>>) {
    let Ok(kind) = task.action.type_name().parse::<ReferenceKind>() else {
        return;
    };
    let root = Path::ROOT;
    let tasks = root.key("tasks");
    let at = tasks.key(&task.name);
    match kind {
        ReferenceKind::SubWorkflow | ReferenceKind::Dynamic => {
            let field = |key: &str| {
                let value = task.action.fields().find(|(name, _)| *name == key);
                value.and_then(|(_, value)| value.as_str())
            };
            if let Some(workflow) = field("workflow") {
                found.push(WorkflowReference {
                    task: &task.name,
                    kind,
                    project: field("project"),
                    workflow,
                    pointer: at.to_pointer(),
                });
            }
        }
        ReferenceKind::Dependent => {
            for (key, items) in task.action.fields() {
                collect_from_items(&task.name, items, &at.key(key), found);
            }
        }
    }
}

/// Collects from the items of a dependent task, which may be groups of items.
fn collect_from_items<'a>(
    task: &'a str,
    items: &'a Value,
    at: &Path<'_>,
    found: &mut Vec<WorkflowReference<'a>>,
) {
    for (place, item) in items.as_array().into_iter().flatten().enumerate() {
        let at = at.index(place);
        let Some(item) = item.as_object() else { continue };
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        if let Some(workflow) = text("workflow") {
            found.push(WorkflowReference {
                task,
                kind: ReferenceKind::Dependent,
                project: text("project"),
                workflow,
                pointer: at.to_pointer(),
            });
        }
        for (key, items) in groups_of(item) {
            collect_from_items(task, items, &at.key(key), found);
        }
    }
}

fn groups_of(item: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &Value)> {
    ["all", "any"]
        .into_iter()
        .filter_map(|key| Some((key, item.get(key)?)))
}
