//! Instances in answers.

use std::collections::BTreeMap;

use catalog as stored;
use engine::ids::InstanceId;
use engine::spec::Definition;
use engine::states::{InstanceState, TaskState};
use engine::view::display_counts;
use ports::{NewInstance, NodeIdentity, StartAdmission};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::{format_optional_time, format_time};
use crate::instances::trigger::{Parent, Trigger};

/// The reason of a new instance without an owner, as the store writes it.
const WAITING_FOR_MASTER: &str = "waiting for a master";

/// Set when the system gave up on an instance, which needs a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attention {
    /// Stable, upper snake.
    code: String,
    /// What happened and what helps.
    detail: String,
}

/// The number of tasks by state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskCounts {
    /// All tasks.
    total: u32,
    /// States without a task are absent.
    by_state: BTreeMap<String, u32>,
}

/// One run of a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Instance {
    /// A growing decimal number.
    id: String,
    project: String,
    workflow: String,
    /// The pinned version of the workflow.
    version: i64,
    /// `queued`, `running`, `pausing`, `paused`, `stopping`, `stopped`, `failed` or `succeeded`.
    state: String,
    /// Why it waits or is idle.
    reason: Option<String>,
    attention: Option<Attention>,
    /// Counts its starts, from 1.
    run: u32,
    trigger: Trigger,
    /// The attempt of another instance that started it, or took it over; null for others.
    parent: Option<Parent>,
    params: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
    /// The address of the master that owns it; null while idle.
    host: Option<String>,
    /// The incarnation of that master; null while idle.
    owner: Option<String>,
    /// Grows by one with each change of owner.
    epoch: i64,
    priority: String,
    failure_strategy: String,
    /// No processes: every task succeeds at once.
    dry_run: bool,
    /// The user for whom it was started; null for a schedule.
    requested_by: Option<String>,
    /// The base of time parameters: the fire time, the date of the backfill, or what the start said.
    scheduled_at: Option<String>,
    /// The zone of time parameters, an IANA name.
    timezone: String,
    /// Those of the workflow at the start, overlaid by the start's, unless a user replaced them.
    labels: BTreeMap<String, String>,
    /// What a user noted about it.
    note: Option<String>,
    /// The id of the instance whose results it took over.
    continued_from: Option<String>,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    /// The body that it was started with; only where one instance is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Object)]
    start: Option<Value>,
    tasks: TaskCounts,
}

impl From<stored::InstanceRow> for Instance {
    fn from(row: stored::InstanceRow) -> Self {
        Self {
            id: row.id.to_string(),
            project: row.project,
            workflow: row.workflow,
            version: row.version,
            state: row.state.to_string(),
            reason: row.reason,
            attention: row.attention.map(|attention| Attention {
                code: attention.code,
                detail: attention.detail,
            }),
            run: row.run.0,
            parent: row.trigger.parent().map(Parent::from),
            trigger: row.trigger.into(),
            params: row.params,
            outputs: row.outputs,
            host: row.host,
            owner: row.owner.map(|owner| owner.to_string()),
            epoch: row.epoch.0,
            priority: row.priority.to_string(),
            failure_strategy: row.failure_strategy.to_string(),
            dry_run: row.dry_run,
            requested_by: row.requested_by,
            scheduled_at: format_optional_time(row.scheduled_at),
            timezone: row.timezone.name().to_owned(),
            labels: row.labels,
            note: row.note,
            continued_from: row.continued_from.map(|id| id.to_string()),
            created_at: format_time(row.created_at),
            started_at: format_optional_time(row.started_at),
            ended_at: format_optional_time(row.ended_at),
            start: None,
            tasks: TaskCounts {
                total: row.tasks.total,
                by_state: counts_by_name(&row.tasks.by_state),
            },
        }
    }
}

impl Instance {
    /// Shows an instance with the body that it was started with.
    pub(crate) fn with_start(mut row: stored::InstanceRow) -> Self {
        let start = Some(row.start.take());
        Self {
            start,
            ..Self::from(row)
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Shows a new instance as its creation stored it.
    pub(crate) fn from_new(
        id: InstanceId,
        new: NewInstance,
        (owner, admission): (Option<NodeIdentity>, StartAdmission),
        definition: &Definition,
    ) -> Self {
        let (state, reason) = match admission {
            StartAdmission::Unlimited | StartAdmission::Admitted => {
                let waits = owner.is_none().then(|| WAITING_FOR_MASTER.to_owned());
                (InstanceState::Running, waits)
            }
            StartAdmission::Queued { reason, .. } => (InstanceState::Queued, Some(reason)),
            StartAdmission::Discarded { reason } => (InstanceState::Stopped, Some(reason)),
        };
        let (continued_from, reused) = match new.continued_from {
            Some((from, rows)) => (Some(from.to_string()), rows.len()),
            None => (None, 0),
        };
        let reused = u32::try_from(reused).unwrap_or(u32::MAX);
        let rows = BTreeMap::from([(TaskState::Succeeded, reused)]);
        let counts = display_counts(state, new.tasks, new.excluded, &rows);
        Self {
            id: id.to_string(),
            project: new.project,
            workflow: new.workflow,
            version: new.version,
            state: state.to_string(),
            reason,
            attention: None,
            run: 1,
            parent: new.trigger.parent().map(Parent::from),
            trigger: new.trigger.into(),
            params: new.start.effective_params(definition),
            outputs: BTreeMap::new(),
            epoch: i64::from(owner.is_some()),
            host: owner.as_ref().map(|owner| owner.host.clone()),
            owner: owner.map(|owner| owner.incarnation.to_string()),
            priority: new.start.priority.to_string(),
            failure_strategy: new.start.failure_strategy.to_string(),
            dry_run: new.start.dry_run,
            requested_by: new.requested_by,
            scheduled_at: format_optional_time(new.start.scheduled_at),
            timezone: new.start.timezone.name().to_owned(),
            labels: new.start.labels,
            note: None,
            continued_from,
            created_at: format_time(new.at),
            started_at: None,
            ended_at: state.is_final().then(|| format_time(new.at)),
            start: None,
            tasks: TaskCounts {
                total: new.tasks,
                by_state: counts_by_name(&counts),
            },
        }
    }
}

fn counts_by_name(counts: &BTreeMap<TaskState, u32>) -> BTreeMap<String, u32> {
    counts
        .iter()
        .map(|(state, count)| (state.to_string(), *count))
        .collect()
}

/// One stored transition of an instance or of one of its tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryEntry {
    at: String,
    /// The state before; null at creation.
    from: Option<String>,
    to: String,
    why: String,
    /// Absent for the instance's own steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempt: Option<u32>,
    /// The address of the master that stored it.
    host: Option<String>,
    epoch: i64,
}

impl From<stored::HistoryEntry> for HistoryEntry {
    fn from(entry: stored::HistoryEntry) -> Self {
        Self {
            at: format_time(entry.at),
            from: entry.from,
            to: entry.to,
            why: entry.why,
            task: entry.task,
            attempt: entry.attempt.map(|attempt| attempt.0),
            host: entry.host,
            epoch: entry.epoch.0,
        }
    }
}

/// One change to a new owner.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnerEntry {
    epoch: i64,
    owner: String,
    host: String,
    /// The owner's address before; null when the instance was idle.
    from_host: Option<String>,
    at: String,
    why: String,
}

/// The owner of an instance with its earlier ones.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ownership {
    /// `owned`, `moving`, `unowned` or `final`.
    state: String,
    host: Option<String>,
    owner: Option<String>,
    epoch: i64,
    /// Oldest first.
    log: Vec<OwnerEntry>,
}

impl From<stored::Ownership> for Ownership {
    fn from(ownership: stored::Ownership) -> Self {
        let entry = |entry: stored::OwnerEntry| OwnerEntry {
            epoch: entry.epoch.0,
            owner: entry.owner.to_string(),
            host: entry.host,
            from_host: entry.from_host,
            at: format_time(entry.at),
            why: entry.why.to_string(),
        };
        Self {
            state: ownership.state.as_str().to_owned(),
            host: ownership.host,
            owner: ownership.owner.map(|owner| owner.to_string()),
            epoch: ownership.epoch.0,
            log: ownership.log.into_iter().map(entry).collect(),
        }
    }
}
