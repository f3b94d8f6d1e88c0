//! The rows of new instances.

use engine::alert::{AlertEvent, EventSet};
use engine::states::{InstanceState, OwnershipReason};
use engine::trigger::Trigger;
use ports::{NewInstance, NodeIdentity, StartAdmission, StoreError};
use sea_orm::DbBackend;
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, json, map_json, source};
use crate::batch_statement::BatchStatement;
use crate::engine::alerts::rules::COUNTS_FOR_INSTANCE;

/// Reason of a new instance without an owner; the first claim clears it.
const WAITING_FOR_MASTER: &str = "waiting for a master";

/// The row of a new instance, and what its first transition says.
#[derive(Serialize)]
pub(crate) struct NewRow<'a> {
    id: i64,
    project_id: i64,
    workflow_id: i64,
    version: i64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whether its end gives a place back.
    pub(crate) gated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    owner: Option<i64>,
    host: Option<&'a str>,
    epoch: i64,
    start: String,
    project_params: String,
    tasks_total: u32,
    tasks_excluded: u32,
    priority: &'static str,
    #[serde(flatten)]
    trigger: TriggerColumns<'a>,
    requested_by: Option<&'a str>,
    scheduled_at: Option<i64>,
    dry_run: bool,
    continued_from: Option<i64>,
    created_at: i64,
    chosen_tasks: bool,
    // Of the first transition; not columns of the instance.
    why: String,
    at: i64,
    /// Whether a rule of the start names the end of an instance that is discarded.
    wants_stop: bool,
}

/// The columns that say what started an instance.
#[derive(Serialize, Default)]
struct TriggerColumns<'a> {
    trigger_type: &'static str,
    schedule: Option<&'a str>,
    backfill: Option<i64>,
    parent: Option<i64>,
    parent_task: Option<&'a str>,
    parent_attempt: Option<u32>,
    parent_index: Option<u32>,
}

impl<'a> From<&'a Trigger> for TriggerColumns<'a> {
    fn from(trigger: &'a Trigger) -> Self {
        let parent = trigger.parent();
        let columns = Self {
            trigger_type: trigger.trigger_type().as_str(),
            parent: parent.map(|parent| parent.instance.0),
            parent_task: parent.map(|parent| parent.task.as_str()),
            parent_attempt: parent.map(|parent| parent.attempt.0),
            ..Self::default()
        };
        match trigger {
            Trigger::Api => columns,
            Trigger::Schedule { schedule, .. } => Self {
                schedule: Some(schedule),
                ..columns
            },
            Trigger::Backfill(backfill) => Self {
                backfill: Some(backfill.0),
                ..columns
            },
            Trigger::SubWorkflow(_) | Trigger::Dynamic { .. } => Self {
                parent_index: trigger.child_index(),
                ..columns
            },
        }
    }
}

/// What rules are matched by, of an instance that is discarded.
const DISCARDED: [Column; 9] = [
    ("id", "bigint"),
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("version", "bigint"),
    ("schedule", "text"),
    ("backfill", "bigint"),
    ("reason", "text"),
    ("at", "bigint"),
    ("wants_stop", "boolean"),
];

const INSTANCE: [Column; 30] = [
    ("id", "bigint"),
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("version", "bigint"),
    ("state", "text"),
    ("reason", "text"),
    ("owner", "bigint"),
    ("host", "text"),
    ("epoch", "bigint"),
    ("start", "text"),
    ("project_params", "text"),
    ("tasks_total", "bigint"),
    ("tasks_excluded", "bigint"),
    ("priority", "text"),
    ("trigger_type", "text"),
    ("schedule", "text"),
    ("backfill", "bigint"),
    ("parent", "bigint"),
    ("parent_task", "text"),
    ("parent_attempt", "bigint"),
    ("parent_index", "bigint"),
    ("requested_by", "text"),
    ("scheduled_at", "bigint"),
    ("dry_run", "boolean"),
    ("continued_from", "bigint"),
    ("created_at", "bigint"),
    ("gated", "boolean"),
    ("queued_by", "text"),
    ("ended_at", "bigint"),
    ("chosen_tasks", "boolean"),
];

const FIRST_TRANSITION: [Column; 6] = [
    ("id", "bigint"),
    ("at", "bigint"),
    ("state", "text"),
    ("why", "text"),
    ("host", "text"),
    ("epoch", "bigint"),
];

/// A label of an instance, for filters; the instance's own are in `start`.
#[derive(Serialize)]
pub(crate) struct LabelRow<'a> {
    instance: i64,
    name: &'a str,
    value: &'a str,
}

const LABEL: [Column; 3] = [("instance", "bigint"), ("name", "text"), ("value", "text")];

#[derive(Serialize)]
struct FirstOwner<'a> {
    instance: i64,
    epoch: i64,
    owner: i64,
    host: &'a str,
    at: i64,
    why: &'static str,
}

const OWNER_LOG: [Column; 6] = [
    ("instance", "bigint"),
    ("epoch", "bigint"),
    ("owner", "bigint"),
    ("host", "text"),
    ("at", "bigint"),
    ("why", "text"),
];

impl NewRow<'_> {
    /// Stores what was decided about its place: an instance that is not admitted has no owner.
    pub(crate) fn wait_for_place(&mut self, admission: &StartAdmission) {
        let (state, reason) = match admission {
            StartAdmission::Unlimited | StartAdmission::Admitted => return,
            StartAdmission::Queued { reason, .. } => {
                self.queued_by = Some(OwnershipReason::Start.as_str());
                (InstanceState::Queued, reason)
            }
            StartAdmission::Discarded { reason } => {
                self.ended_at = Some(self.created_at);
                (InstanceState::Stopped, reason)
            }
        };
        self.state = state.as_str();
        self.why = format!("{}; {reason}", self.why);
        self.reason = Some(reason.clone());
    }
}

/// Makes the row of a new instance with its first owner.
pub(crate) fn new_row<'a>(
    new: &'a NewInstance,
    id: i64,
    owner: Option<&'a NodeIdentity>,
) -> Result<NewRow<'a>, StoreError> {
    Ok(NewRow {
        id,
        project_id: new.project_id,
        workflow_id: new.workflow_id,
        version: new.version,
        state: InstanceState::Running.as_str(),
        reason: owner.is_none().then(|| WAITING_FOR_MASTER.to_owned()),
        gated: false,
        queued_by: None,
        ended_at: None,
        owner: owner.map(|me| me.incarnation.0),
        host: owner.map(|me| me.host.as_str()),
        epoch: i64::from(owner.is_some()),
        start: json(&new.start)?,
        project_params: map_json(&new.project_params)?,
        tasks_total: new.tasks,
        tasks_excluded: new.excluded,
        priority: new.start.priority.as_str(),
        trigger: TriggerColumns::from(&new.trigger),
        requested_by: new.requested_by.as_deref(),
        scheduled_at: new.start.scheduled_at.map(|at| at.0),
        dry_run: new.start.dry_run,
        continued_from: new.continued_from.as_ref().map(|(from, _)| from.0),
        created_at: new.at.0,
        chosen_tasks: !new.start.tasks.is_empty(),
        why: new.start_reason(),
        wants_stop: new
            .start
            .notify
            .iter()
            .flatten()
            .any(|rule| rule.on.contains(AlertEvent::Stopped)),
        at: new.at.0,
    })
}

/// Makes the rows of the labels of a new instance.
pub(crate) fn label_rows(new: &NewInstance, id: i64) -> impl Iterator<Item = LabelRow<'_>> {
    let labels = new.start.labels.iter();
    labels.map(move |(name, value)| LabelRow {
        instance: id,
        name,
        value,
    })
}

/// Writes the statements that store new instances, with their first transitions and owners.
pub(crate) fn insert_instances(
    backend: DbBackend,
    rows: &[NewRow<'_>],
) -> Result<Vec<BatchStatement>, StoreError> {
    let owners: Vec<FirstOwner<'_>> = rows
        .iter()
        .filter_map(|row| {
            row.owner.zip(row.host).map(|(owner, host)| FirstOwner {
                instance: row.id,
                epoch: row.epoch,
                owner,
                host,
                at: row.created_at,
                why: OwnershipReason::Start.as_str(),
            })
        })
        .collect();
    let first_transitions = || {
        format!(
            "INSERT INTO transition (instance, at, to_state, why, host, epoch) \
             SELECT id, at, state, why, coalesce(host, ''), epoch FROM {}",
            source(backend, &FIRST_TRANSITION)
        )
    };
    let statements = [
        BatchStatement::over_rows(rows, || insert(backend, "instance", &INSTANCE, ALL))?,
        BatchStatement::over_rows(rows, first_transitions)?,
        BatchStatement::over_rows(&owners, || insert(backend, "owner_log", &OWNER_LOG, ALL))?,
    ];
    Ok(statements.into_iter().flatten().collect())
}

/// Writes the statement that stores the events of instances that were discarded. It names no row of this batch: on
/// PostgreSQL all statements of a batch may be one, which does not see what it writes.
pub(crate) fn discard_events(
    backend: DbBackend,
    rows: &[NewRow<'_>],
) -> Result<Option<BatchStatement>, StoreError> {
    let discarded: Vec<&NewRow<'_>> = rows
        .iter()
        .filter(|row| row.state == InstanceState::Stopped.as_str())
        .filter(|row| !row.dry_run || row.wants_stop)
        .collect();
    let event = AlertEvent::Stopped;
    let bits = EventSet::NONE.with(event).bits();
    BatchStatement::over_rows(&discarded, || {
        format!(
            "INSERT INTO alert_event (event, at, instance, run, reason) SELECT '{event}', i.at, i.id, 1, i.reason \
             FROM (SELECT * FROM {}) AS i WHERE i.wants_stop OR EXISTS (SELECT 1 FROM alert_rule r \
             WHERE r.valid_until IS NULL AND (r.events & {bits}) <> 0 AND {COUNTS_FOR_INSTANCE})",
            source(backend, &DISCARDED)
        )
    })
}

/// Writes the statement that stores labels.
pub(crate) fn insert_labels(
    backend: DbBackend,
    labels: &[LabelRow<'_>],
) -> Result<Option<BatchStatement>, StoreError> {
    BatchStatement::over_rows(labels, || insert(backend, "instance_label", &LABEL, ALL))
}
