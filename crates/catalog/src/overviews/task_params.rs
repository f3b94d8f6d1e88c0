//! The parameters that a task sees, with the scope that gave each.

use engine::ids::InstanceId;
use engine::instance::{ParamLayer, seen_params};

use crate::error::CatalogError;
use crate::overviews::stored_instance::read_stored_instance;
use crate::page::{Page, PageRequest};
use crate::tasks::Tasks;

/// One parameter of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskParam {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Which scope gave it.
    pub layer: ParamLayer,
    /// The earlier task that gave it, if one did.
    pub given_by: Option<String>,
}

impl Tasks<'_> {
    /// Lists the parameters of the last attempt of a task by name; before one, those that are known.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist. `Rejected`: the cursor is none of ours.
    pub async fn params(
        self,
        id: InstanceId,
        task: &str,
        page: &PageRequest,
    ) -> Result<Page<TaskParam>, CatalogError> {
        let after = page.after::<String>("task_params")?.unwrap_or_default();
        let stored = read_stored_instance(self.store(), id).await?;
        let missing = || CatalogError::not_found(format!("task `{task}` in instance {id}"));
        let definition = &stored.plan.definition;
        let task_index = definition.task_index_of(task).ok_or_else(missing)?;
        let seen = seen_params(&stored.plan, &stored.instance, task_index);
        let params = seen.into_iter().filter(|(name, _)| *name > after);
        let items = params.map(|(name, param)| TaskParam {
            name,
            value: param.value,
            layer: param.layer,
            given_by: match param.layer {
                ParamLayer::Upstream(giver) => definition.task(giver).map(|task| task.name.clone()),
                _ => None,
            },
        });
        Ok(Page::cut(
            "task_params",
            page,
            items.collect(),
            |param: &TaskParam| param.name.clone(),
        ))
    }
}
