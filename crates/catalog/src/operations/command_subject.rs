//! The instance that a command is for, as it is stored, with its tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::approval::ApprovalTask;
use engine::ids::{InstanceId, OperationId};
use engine::instance::{Instance, Operation as EngineOperation, find_refusal, preview_command};
use engine::overrides::TaskOverrides;
use engine::plan::Plan;
use engine::spec::Diagnostic;
use engine::start;
use engine::task::Task;
use engine::task_type::WatchKind;
use ports::DefinitionStore as _;
use serde_json::Value;
use store::Store;

use crate::error::CatalogError;
use crate::instances::missing_instance;
use crate::operations::post_command::PostCommand;

/// Whether an approval can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalStage {
    /// It waits for a decision.
    Waits,
    /// It does not wait yet, or not any more.
    Closed,
}

/// What the owner of an instance would decide on, read without being its owner.
pub struct CommandSubject {
    plan: Plan,
    instance: Instance,
    project_params: BTreeMap<String, String>,
}

impl CommandSubject {
    /// Reads it.
    pub(crate) async fn read(store: &Store, id: InstanceId) -> Result<Self, CatalogError> {
        let loaded = store.read_instance(id).await?;
        let loaded = loaded.ok_or_else(|| missing_instance(id))?;
        let definition = store.load_definition(loaded.workflow_id, loaded.version).await?;
        let plan = Plan::new(definition, Arc::new(loaded.start));
        let plan = plan.within(loaded.rows.record.planned_range());
        Ok(Self {
            instance: Instance::load(&plan, loaded.rows),
            plan,
            project_params: loaded.project_params,
        })
    }

    /// Returns the instance.
    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Makes the operation that the owner would get, for the run that was read; it has no id yet.
    ///
    /// # Errors
    /// `NotFound`: the instance's version has no such task.
    pub(crate) fn operation(
        &self,
        post: &PostCommand,
        requested_by: &str,
    ) -> Result<EngineOperation, CatalogError> {
        let missing =
            |name: &str| CatalogError::not_found(format!("task `{name}` in instance {}", post.instance));
        let definition = &self.plan.definition;
        let index_of = |name: &String| definition.task_index_of(name).ok_or_else(|| missing(name));
        Ok(EngineOperation {
            id: OperationId(0),
            command: post.command,
            run: self.instance.record().run,
            task: post.task.as_ref().map(index_of).transpose()?,
            requested_by: requested_by.to_owned(),
            arguments: post.arguments.clone(),
        })
    }

    /// Explains why its owner would refuse an operation; none when it would apply it.
    pub(crate) fn refusal(&self, operation: &EngineOperation) -> Option<String> {
        find_refusal(&self.plan, &self.instance, operation)
    }

    /// Names the tasks that an operation would make pending again, or explains why it would be refused.
    pub(crate) fn preview(&self, operation: &EngineOperation) -> Result<Vec<String>, String> {
        let tasks = preview_command(&self.plan, &self.instance, operation)?;
        let definition = &self.plan.definition;
        let named = tasks
            .into_iter()
            .filter_map(|task_index| definition.task(task_index));
        Ok(named.map(|task| task.name.clone()).collect())
    }

    /// Returns what a task asks, and whether it waits for the answer now; none for a task that asks nothing.
    pub fn find_approval(&self, task: &str) -> Option<(ApprovalTask, ApprovalStage)> {
        let task_index = self.plan.definition.task_index_of(task)?;
        let fields = ApprovalTask::of_action(&self.plan.definition.task(task_index)?.action)?;
        let waits_on = self.instance.task(task_index).and_then(Task::waits_on);
        let stage = match waits_on {
            Some(WatchKind::Approval) => ApprovalStage::Waits,
            _ => ApprovalStage::Closed,
        };
        Some((fields, stage))
    }

    /// Parses what a retry changes of a task.
    ///
    /// # Errors
    /// Lists what is wrong; none of it when there is no such task, which the post of the command finds.
    pub fn parse_overrides(&self, task: &str, value: &Value) -> Result<TaskOverrides, Vec<Diagnostic>> {
        let definition = &self.plan.definition;
        let found = definition
            .task_index_of(task)
            .and_then(|task_index| definition.task(task_index));
        found.map_or_else(
            || Ok(TaskOverrides::default()),
            |task| TaskOverrides::parse(value, task),
        )
    }

    /// Parses the parameters that a rerun replaces.
    ///
    /// # Errors
    /// Lists what is wrong with them, and with what they make of the others.
    pub fn parse_params(&self, value: &Value) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
        start::parse_replaced_params(
            value,
            &self.plan.definition,
            &self.plan.start,
            &self.project_params,
        )
    }
}
