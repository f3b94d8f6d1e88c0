//! Schedules as the masters fire them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::ids::{InstanceId, ScheduleId, Timestamp};
use engine::schedule::{Calendar, ScheduleDefinition, SkippedFires};
use engine::spec::ProjectDefaults;
use engine::timezone::Tz;

use crate::error::StoreError;
use crate::instances::NewInstance;
use crate::membership::NodeIdentity;

/// A schedule that has to fire soon, with the versions of everything that its fires depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpcomingSchedule {
    /// Its row.
    pub id: ScheduleId,
    /// Grows with every change of the row.
    pub revision: i64,
    /// When its next fire has to be started.
    pub due_at: Timestamp,
    /// The current version of its workflow.
    pub version: i64,
    /// Grows with every change of the project.
    pub project_revision: i64,
}

/// The project of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledProject {
    /// Its row.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// What holds where start and definition say nothing.
    pub defaults: ProjectDefaults,
}

/// Everything that a master needs to fire a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedSchedule {
    /// Its row.
    pub upcoming: UpcomingSchedule,
    /// Its name, unique in the workflow.
    pub name: String,
    /// When it fires, and how.
    pub definition: ScheduleDefinition,
    /// The zone of its times.
    pub zone: Tz,
    /// The calendar that it names.
    pub calendar: Option<Arc<Calendar>>,
    /// The first fire that is not decided.
    pub next_fire_at: Timestamp,
    /// The project of its workflow.
    pub project: Arc<ScheduledProject>,
    /// The row of the workflow that it starts.
    pub workflow_id: i64,
}

/// A start that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FireRefusal {
    /// Stable, upper snake.
    pub code: String,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// One fire that is decided to start.
#[derive(Debug, Clone, PartialEq)]
pub struct FireStart {
    /// Its time.
    pub fire_at: Timestamp,
    /// How late it is, in milliseconds.
    pub late_ms: i64,
    /// Its instance, or why there is none.
    pub instance: Result<NewInstance, FireRefusal>,
}

/// The decision of one schedule, to be stored together with its instances.
#[derive(Debug, Clone, PartialEq)]
pub struct FireCommit {
    /// The row as it was decided on: nothing is stored when it, the version of the workflow, or the project has changed.
    pub upcoming: UpcomingSchedule,
    /// The workflow's row.
    pub workflow_id: i64,
    /// When it was decided.
    pub at: Timestamp,
    /// Fires that are not started, with the reason.
    pub skipped: Option<(SkippedFires, String)>,
    /// Fires that are started, in order.
    pub starts: Vec<FireStart>,
    /// The first fire that is not decided then; `None` when there are no more.
    pub next_fire_at: Option<Timestamp>,
    /// When it has to be started.
    pub due_at: Option<Timestamp>,
}

/// The outcome of one decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FireOutcome {
    /// It is stored, with these instances in the order of the starts that were not refused. Without an owner an instance
    /// waits to be claimed.
    Stored(Vec<(InstanceId, Option<NodeIdentity>)>),
    /// Something that it depended on has changed, or another master was first: nothing was stored.
    Changed,
    /// The store refuses it alone: nothing was stored.
    Rejected(String),
}

/// The schedules of all workflows.
#[async_trait]
pub trait ScheduleStore: Send + Sync + 'static {
    /// Lists the schedules that are due until an instant, the earliest first.
    async fn list_upcoming_schedules(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<UpcomingSchedule>, StoreError>;

    /// Reads schedules that have a next fire; others are left out.
    async fn load_schedules(&self, ids: &[ScheduleId]) -> Result<Vec<LoadedSchedule>, StoreError>;

    /// Stores decisions with their instances in one transaction; returns one outcome per entry, in its order. An error
    /// concerns the whole batch.
    async fn commit_fires(&self, batch: &[FireCommit]) -> Result<Vec<FireOutcome>, StoreError>;
}
