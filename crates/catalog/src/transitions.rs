//! The stored steps of all instances in the order of their ids, as a stream of events reads them.

use engine::ids::{AttemptNumber, Epoch, InstanceId, TaskIndex, Timestamp};
use ports::DefinitionStore as _;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
};

use crate::columns::narrow;
use crate::entity::{instance, project, transition, workflow};
use crate::error::CatalogError;
use crate::visibility::VisibilityScope;
use store::Store;

/// Rows in one read.
const BATCH_ROWS: u64 = 500;

/// Time before a seen step from which a stream resumes, since ids become visible out of order.
const RESUME_OVERLAP_MS: i64 = 2_000;

/// Which steps a stream wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitionFilter {
    /// The instances' own steps in these projects, if any.
    pub instances: Option<VisibilityScope>,
    /// All steps of these instances, checked before.
    pub whole: Vec<InstanceId>,
}

/// One stored step, with what a stream shows of its instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitionEntry {
    /// The transition's id.
    pub id: i64,
    /// Which instance.
    pub instance: InstanceId,
    /// Its project.
    pub project: String,
    /// Its workflow.
    pub workflow: String,
    /// The task; none for the instance's own step.
    pub task: Option<String>,
    /// The attempt.
    pub attempt: Option<AttemptNumber>,
    /// When.
    pub at: Timestamp,
    /// The state before; none at the first step.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// Why, in words.
    pub why: String,
    /// The address of the owner that stored it.
    pub host: String,
    /// Its epoch.
    pub epoch: Epoch,
}

/// A step with the names of its instance.
#[derive(FromQueryResult)]
struct TransitionWithNames {
    #[sea_orm(nested)]
    transition: transition::Model,
    workflow_id: i64,
    version: i64,
    workflow_name: String,
    project_name: String,
}

/// The stored steps of all instances.
#[derive(Debug, Clone, Copy)]
pub struct Transitions<'a> {
    store: &'a Store,
}

impl<'a> Transitions<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists steps after an id, oldest first, at most 500.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list_after(
        self,
        filter: &TransitionFilter,
        after: i64,
    ) -> Result<Vec<TransitionEntry>, CatalogError> {
        let Some(condition) = filter.condition() else {
            return Ok(Vec::new());
        };
        let rows = transition::Entity::find()
            .join(JoinType::InnerJoin, transition::Relation::Instance.def())
            .join(JoinType::InnerJoin, instance::Relation::Workflow.def())
            .join(JoinType::InnerJoin, instance::Relation::Project.def())
            .columns([instance::Column::WorkflowId, instance::Column::Version])
            .column_as(workflow::Column::Name, "workflow_name")
            .column_as(project::Column::Name, "project_name")
            .filter(transition::Column::Id.gt(after))
            .filter(condition)
            .order_by_asc(transition::Column::Id)
            .limit(BATCH_ROWS)
            .into_model::<TransitionWithNames>()
            .all(self.store.reader())
            .await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            entries.push(self.entry(row).await?);
        }
        Ok(entries)
    }

    async fn entry(self, row: TransitionWithNames) -> Result<TransitionEntry, CatalogError> {
        let step = row.transition;
        let task = match step.task_index {
            Some(index) => {
                let ordinal = TaskIndex(narrow("task_index", index)?);
                let definition = self.store.load_definition(row.workflow_id, row.version).await?;
                definition.task(ordinal).map(|task| task.name.clone())
            }
            None => None,
        };
        let attempt = step.attempt.map(|number| narrow("attempt", number));
        Ok(TransitionEntry {
            id: step.id,
            instance: InstanceId(step.instance),
            project: row.project_name,
            workflow: row.workflow_name,
            task,
            attempt: attempt.transpose()?.map(AttemptNumber),
            at: Timestamp(step.at),
            from: step.from_state,
            to: step.to_state,
            why: step.why,
            host: step.host,
            epoch: Epoch(step.epoch),
        })
    }

    /// Returns after which id a stream begins: two seconds before the step `seen`; without one, after everything that
    /// is stored.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn resume_id(self, seen: Option<i64>) -> Result<i64, CatalogError> {
        let reader = self.store.reader();
        let last = |condition: Condition| {
            transition::Entity::find()
                .filter(condition)
                .order_by_desc(transition::Column::Id)
        };
        let Some(seen) = seen else {
            let newest = last(Condition::all()).one(reader).await?;
            return Ok(newest.map_or(0, |step| step.id));
        };
        let up_to_seen = Condition::all().add(transition::Column::Id.lte(seen));
        let Some(step) = last(up_to_seen).one(reader).await? else {
            return Ok(0);
        };
        let before = Condition::all()
            .add(transition::Column::Id.lt(seen))
            .add(transition::Column::At.lt(step.at - RESUME_OVERLAP_MS));
        let before = last(before).one(reader).await?;
        Ok(before.map_or(0, |step| step.id))
    }
}

impl TransitionFilter {
    /// Returns the condition of the wanted steps; none when no step is wanted.
    fn condition(&self) -> Option<Condition> {
        if self.instances.is_none() && self.whole.is_empty() {
            return None;
        }
        let mut condition = Condition::any();
        if let Some(visible) = self.instances {
            let own_steps = visible
                .condition(instance::Column::ProjectId)
                .add(transition::Column::TaskIndex.is_null());
            condition = condition.add(own_steps);
        }
        if !self.whole.is_empty() {
            let ids = self.whole.iter().map(|id| id.0);
            condition = condition.add(transition::Column::Instance.is_in(ids));
        }
        Some(condition)
    }
}
