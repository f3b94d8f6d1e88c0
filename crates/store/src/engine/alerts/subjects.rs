//! What events are about, as their alerts need it, read in the transaction that makes the alerts.

use std::collections::BTreeMap;

use engine::alert::{AlertEvent, AlertedInstance, EventSubject};
use engine::ids::{InstanceId, Timestamp};
use engine::start::Start;
use engine::states::InstanceState;
use engine::timezone::format_utc;
use engine::trigger::TriggerType;
use ports::{DefinitionStore as _, StoreError};
use sea_orm::ConnectionTrait;

use super::facts::AlertFacts;
use super::failures::{FailedRow, lists_failures, read_failures, task_name};
use super::occurrence::{EventCause, Occurrence, instance_ids};
use crate::batch_sql::{id_list, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// What an occurrence is about.
pub(super) struct Subject {
    /// What rules decide by.
    pub(super) matched: EventSubject,
    /// What its alerts say.
    pub(super) facts: AlertFacts,
    /// The name of the subject, which makes its alerts unique.
    pub(super) key: String,
    /// The project's row.
    pub(super) project_id: Option<i64>,
    /// The workflow's row.
    pub(super) workflow_id: Option<i64>,
    /// The instance.
    pub(super) instance: Option<InstanceId>,
}

struct InstanceRow {
    project_id: i64,
    project: String,
    workflow_id: i64,
    workflow: String,
    version: i64,
    start: Start,
    labels: Option<BTreeMap<String, String>>,
    trigger: TriggerType,
    schedule: Option<String>,
    backfill: Option<i64>,
    parent: Option<i64>,
}

/// Reads the subjects of occurrences by their places in the list; those that are deleted meanwhile are left out.
pub(super) async fn read_subjects(
    store: &Store,
    transaction: &Transaction,
    occurrences: &[Occurrence],
) -> Result<BTreeMap<usize, Subject>, StoreError> {
    let instances = read_instances(transaction, occurrences).await?;
    let failures = read_failures(transaction, occurrences).await?;
    let mut subjects = BTreeMap::new();
    for (place, occurrence) in occurrences.iter().enumerate() {
        let subject = match occurrence.cause {
            EventCause::Instance { id, .. } => match instances.get(&id) {
                Some(row) => {
                    let failed = failures.get(&id).map_or(&[][..], Vec::as_slice);
                    Some(instance_subject(store, occurrence, row, failed).await?)
                }
                None => None,
            },
            EventCause::Fire { schedule, fire_at } => {
                fire_subject(transaction, occurrence, schedule, fire_at).await?
            }
            EventCause::Backfill(id) => backfill_subject(transaction, occurrence, id).await?,
            EventCause::Node {
                incarnation,
                survivor,
            } => node_subject(transaction, occurrence, (incarnation, survivor)).await?,
        };
        subjects.extend(subject.map(|subject| (place, subject)));
    }
    Ok(subjects)
}

async fn read_instances(
    transaction: &Transaction,
    occurrences: &[Occurrence],
) -> Result<BTreeMap<InstanceId, InstanceRow>, StoreError> {
    let ids = instance_ids(occurrences.iter());
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = format!(
        "SELECT i.id, i.project_id, p.name, i.workflow_id, w.name, i.version, i.start, i.labels, i.trigger_type, \
         i.schedule, i.backfill, i.parent FROM instance i JOIN project p ON p.id = i.project_id \
         JOIN workflow w ON w.id = i.workflow_id WHERE i.id IN (SELECT c_id FROM {})",
        source(transaction.get_database_backend(), &[("c_id", "bigint")])
    );
    let rows = query(transaction, &sql, [id_list(ids)?]).await?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            let id = InstanceId(columns.next_value()?);
            let row = InstanceRow {
                project_id: columns.next_value()?,
                project: columns.next_value()?,
                workflow_id: columns.next_value()?,
                workflow: columns.next_value()?,
                version: columns.next_value()?,
                start: columns.next_json()?,
                labels: columns.next_optional_json()?,
                trigger: columns.next_parsed()?,
                schedule: columns.next_value()?,
                backfill: columns.next_value()?,
                parent: columns.next_value()?,
            };
            Ok((id, row))
        })
        .collect()
}

async fn instance_subject(
    store: &Store,
    occurrence: &Occurrence,
    row: &InstanceRow,
    failed: &[FailedRow],
) -> Result<Subject, StoreError> {
    let EventCause::Instance {
        id,
        run,
        task_index,
        attempt,
    } = occurrence.cause
    else {
        return Err(StoreError::Rejected(
            "the event is not about an instance".to_owned(),
        ));
    };
    let definition = match store.load_definition(row.workflow_id, row.version).await {
        Ok(definition) => Some(definition),
        Err(error) if error.is_transient() => return Err(error),
        // One version that cannot be read keeps no other alert from being made.
        Err(error) => {
            tracing::error!(%error, "an alert shows the numbers of tasks instead of their names");
            None
        }
    };
    let definition = definition.as_deref();
    let task = task_index.map(|index| task_name(definition, index));
    let state = state_after(occurrence.event);
    let mut facts = AlertFacts {
        project: Some(row.project.clone()),
        workflow: Some(row.workflow.clone()),
        run: Some(run),
        scheduled_at: row.start.scheduled_at.map(|at| at.0),
        task: task.clone(),
        attempt,
        schedule: row.schedule.clone(),
        backfill: row.backfill,
        state: state.map(str::to_owned),
        reason: occurrence.reason.clone(),
        error: task.as_ref().and(occurrence.reason.clone()),
        ..AlertFacts::default()
    };
    if lists_failures(occurrence.event) {
        facts.failed_tasks = failed.iter().map(|row| row.named_by(definition)).collect();
        facts.error = facts.failed_tasks.first().and_then(|failed| failed.error.clone());
    }
    Ok(Subject {
        key: match (&task, attempt) {
            (Some(task), Some(attempt)) => format!("{id}/{task}/{attempt}"),
            (Some(task), None) => format!("{id}/{task}"),
            (None, _) => id.to_string(),
        },
        matched: EventSubject {
            instance: Some(alerted_instance(id, row, state.filter(|_| task.is_none()))),
            task,
            error: facts.error.clone(),
        },
        facts,
        project_id: Some(row.project_id),
        workflow_id: Some(row.workflow_id),
        instance: Some(id),
    })
}

/// Returns the instance as rules see it.
fn alerted_instance(id: InstanceId, row: &InstanceRow, state: Option<&str>) -> AlertedInstance {
    let labels = row.labels.as_ref().unwrap_or(&row.start.labels);
    AlertedInstance {
        id: id.to_string(),
        project: row.project.clone(),
        workflow: row.workflow.clone(),
        state: state.unwrap_or(InstanceState::Running.as_str()).to_owned(),
        scheduled_at: row.start.scheduled_at.map(format_utc),
        trigger: row.trigger.to_string(),
        labels: labels.clone().into_iter().collect(),
        is_child: row.parent.is_some(),
        is_dry_run: row.start.dry_run,
        silences_document: row.start.notify.as_ref().is_some_and(Vec::is_empty),
    }
}

/// Returns the state in which an event leaves its subject, where the event says it.
fn state_after(event: AlertEvent) -> Option<&'static str> {
    match event {
        AlertEvent::Succeeded | AlertEvent::Recovered => Some(InstanceState::Succeeded.as_str()),
        AlertEvent::Failed => Some(InstanceState::Failed.as_str()),
        AlertEvent::Stopped => Some(InstanceState::Stopped.as_str()),
        AlertEvent::TaskFailed => Some("failed"),
        AlertEvent::TaskRetrying => Some("waiting_retry"),
        AlertEvent::ApprovalWaiting => Some("running"),
        _ => None,
    }
}

async fn fire_subject(
    transaction: &Transaction,
    occurrence: &Occurrence,
    schedule: i64,
    fire_at: Timestamp,
) -> Result<Option<Subject>, StoreError> {
    let sql = "SELECT s.name, w.id, w.name, p.id, p.name FROM schedule s JOIN workflow w ON w.id = s.workflow_id \
               JOIN project p ON p.id = w.project_id WHERE s.id = $1";
    let rows = query(transaction, sql, [schedule.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = RowReader::new(row);
    let name: String = columns.next_value()?;
    let (workflow_id, workflow): (i64, String) = (columns.next_value()?, columns.next_value()?);
    let (project_id, project): (i64, String) = (columns.next_value()?, columns.next_value()?);
    Ok(Some(Subject {
        matched: EventSubject::default(),
        key: format!("{project}/{workflow}/{name}/{}", format_utc(fire_at)),
        facts: AlertFacts {
            project: Some(project),
            workflow: Some(workflow),
            scheduled_at: Some(fire_at.0),
            schedule: Some(name),
            reason: occurrence.reason.clone(),
            ..AlertFacts::default()
        },
        project_id: Some(project_id),
        workflow_id: Some(workflow_id),
        instance: None,
    }))
}

async fn backfill_subject(
    transaction: &Transaction,
    occurrence: &Occurrence,
    id: i64,
) -> Result<Option<Subject>, StoreError> {
    let sql = "SELECT w.id, w.name, p.id, p.name, b.reason, CASE WHEN b.control <> 'active' THEN b.control \
               WHEN EXISTS (SELECT 1 FROM backfill_date d WHERE d.backfill = b.id \
               AND d.state IN ('failed', 'stopped', 'not_run')) THEN 'failed' ELSE 'succeeded' END \
               FROM backfill b JOIN workflow w ON w.id = b.workflow_id JOIN project p ON p.id = b.project_id \
               WHERE b.id = $1";
    let rows = query(transaction, sql, [id.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = RowReader::new(row);
    let (workflow_id, workflow): (i64, String) = (columns.next_value()?, columns.next_value()?);
    let (project_id, project): (i64, String) = (columns.next_value()?, columns.next_value()?);
    let reason: Option<String> = columns.next_value()?;
    let state: String = columns.next_value()?;
    Ok(Some(Subject {
        matched: EventSubject::default(),
        key: id.to_string(),
        facts: AlertFacts {
            project: Some(project),
            workflow: Some(workflow),
            backfill: Some(id),
            state: Some(state),
            reason: occurrence.reason.clone().or(reason),
            ..AlertFacts::default()
        },
        project_id: Some(project_id),
        workflow_id: Some(workflow_id),
        instance: None,
    }))
}

async fn node_subject(
    transaction: &Transaction,
    occurrence: &Occurrence,
    (incarnation, survivor): (i64, Option<i64>),
) -> Result<Option<Subject>, StoreError> {
    let sql = "SELECT m.name, (SELECT f.id FROM failover f WHERE f.dead = m.incarnation AND f.survivor = $2) \
               FROM member m WHERE m.incarnation = $1";
    let rows = query(transaction, sql, [incarnation.into(), survivor.into()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = RowReader::new(row);
    let node: String = columns.next_value()?;
    let failover: Option<i64> = columns.next_value()?;
    Ok(Some(Subject {
        matched: EventSubject::default(),
        key: failover.unwrap_or(incarnation).to_string(),
        facts: AlertFacts {
            node: Some(node),
            reason: occurrence.reason.clone(),
            ..AlertFacts::default()
        },
        project_id: None,
        workflow_id: None,
        instance: None,
    }))
}

async fn query<const N: usize>(
    transaction: &Transaction,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<Vec<sea_orm::QueryResult>, StoreError> {
    let backend = transaction.get_database_backend();
    transaction
        .query_all_raw(sea_orm::Statement::from_sql_and_values(backend, sql, values))
        .await
        .map_err(store_error)
}
