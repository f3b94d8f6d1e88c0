//! Why instances and tasks wait, from the store alone: no owner is asked.

mod places;
mod surroundings;

use engine::explain::{Cause, Situation, Surroundings, explained_tasks};
use engine::ids::{InstanceId, TaskIndex};
use engine::states::{InstanceState, TaskState};
use engine::view::display_state;

use crate::error::CatalogError;
use crate::overviews::explanations::surroundings::SurroundingsQuery;
use crate::overviews::stored_instance::{StoredInstance, read_stored_instance};
use crate::visibility::VisibilityScope;
use store::Store;

/// Why something waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<S> {
    /// Its state.
    pub state: S,
    /// What it waits for; nothing when it does not wait.
    pub causes: Vec<Cause>,
}

/// The explanations of instances and their tasks.
#[derive(Debug, Clone, Copy)]
pub struct Explanations<'a> {
    store: &'a Store,
}

impl StoredInstance {
    fn situation<'a>(&'a self, surroundings: &'a Surroundings) -> Situation<'a> {
        Situation {
            plan: &self.plan,
            instance: &self.instance,
            surroundings,
        }
    }

    fn shown_state(&self, task_index: TaskIndex) -> TaskState {
        let row = self.instance.task(task_index);
        let row = row.map(|row| (row.state, row.reason.as_deref()));
        display_state(&self.plan, self.instance.record().state, task_index, row).state
    }
}

impl<'a> Explanations<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Explains why an instance waits. Names of other instances' tasks are given where the caller may see them.
    ///
    /// # Errors
    /// `NotFound`: there is none of that id.
    pub async fn explain_instance(
        self,
        id: InstanceId,
        visible: VisibilityScope,
    ) -> Result<Explanation<InstanceState>, CatalogError> {
        let stored = read_stored_instance(self.store, id).await?;
        let tasks = explained_tasks(&stored.plan, &stored.instance);
        let surroundings = self.read_surroundings(&stored, &tasks, visible).await?;
        Ok(Explanation {
            state: stored.instance.record().state,
            causes: stored.situation(&surroundings).explain_instance(),
        })
    }

    /// Explains why a task waits. Names of other instances' tasks are given where the caller may see them.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn explain_task(
        self,
        id: InstanceId,
        name: &str,
        visible: VisibilityScope,
    ) -> Result<Explanation<TaskState>, CatalogError> {
        let stored = read_stored_instance(self.store, id).await?;
        let missing = || CatalogError::not_found(format!("task `{name}` in instance {id}"));
        let task_index = stored.plan.definition.task_index_of(name).ok_or_else(missing)?;
        let surroundings = self.read_surroundings(&stored, &[task_index], visible).await?;
        Ok(Explanation {
            state: stored.shown_state(task_index),
            causes: stored.situation(&surroundings).explain_task(task_index),
        })
    }

    async fn read_surroundings(
        self,
        stored: &StoredInstance,
        tasks: &[TaskIndex],
        visible: VisibilityScope,
    ) -> Result<Surroundings, CatalogError> {
        let query = SurroundingsQuery {
            store: self.store,
            plan: &stored.plan,
            instance: &stored.instance,
            visible,
        };
        query.read_surroundings(tasks).await
    }
}
