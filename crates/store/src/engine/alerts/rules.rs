//! The stored rules.

use engine::alert::{AlertEvent, AlertRule, LateLimit, RuleSource};
use engine::ids::{InstanceId, Timestamp};
use ports::{NewInstance, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::Serialize;

use crate::batch_sql::{ALL, Column, insert, json};
use crate::batch_statement::{BatchStatement, run_over_rows};
use crate::error::store_error;
use crate::pool::Transaction;

/// Where rules stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulePlace {
    /// The kind of place.
    pub source: RuleSource,
    /// The version, the schedule, the backfill, the instance, or the project; 0 of the server.
    pub source_id: i64,
    /// The project's row; 0 of the server.
    pub project_id: i64,
    /// The workflow's row; 0 of the server and of projects.
    pub workflow_id: i64,
}

impl RulePlace {
    /// The rules of the server.
    pub const SERVER: Self = Self {
        source: RuleSource::Server,
        source_id: 0,
        project_id: 0,
        workflow_id: 0,
    };

    /// The rules of a project.
    pub fn of_project(project_id: i64) -> Self {
        Self {
            source: RuleSource::Project,
            source_id: project_id,
            project_id,
            workflow_id: 0,
        }
    }
}

/// A rule to be stored.
#[derive(Serialize)]
pub(crate) struct RuleRow {
    source: &'static str,
    source_id: i64,
    project_id: i64,
    workflow_id: i64,
    place: u32,
    events: i64,
    timed: bool,
    late_after_ms: Option<i64>,
    within_ms: Option<i64>,
    rule: String,
    valid_from: i64,
}

const RULE: [Column; 11] = [
    ("source", "text"),
    ("source_id", "bigint"),
    ("project_id", "bigint"),
    ("workflow_id", "bigint"),
    ("place", "bigint"),
    ("events", "bigint"),
    ("timed", "boolean"),
    ("late_after_ms", "bigint"),
    ("within_ms", "bigint"),
    ("rule", "text"),
    ("valid_from", "bigint"),
];

/// The rules of the server, and those of the project of a row.
macro_rules! counts_everywhere {
    ($project:literal) => {
        concat!(
            "(r.project_id = 0 AND r.workflow_id = 0 AND r.source = 'server') OR (r.project_id = ",
            $project,
            " AND r.workflow_id = 0 AND r.source = 'project')"
        )
    };
}

/// The rules of one place within a workflow.
macro_rules! counts_in_workflow {
    ($project:literal, $workflow:literal, $source:literal, $id:literal) => {
        concat!(
            " OR (r.project_id = ",
            $project,
            " AND r.workflow_id = ",
            $workflow,
            " AND r.source = '",
            $source,
            "' AND r.source_id = ",
            $id,
            ")"
        )
    };
}

/// The condition that a rule named `r` may count for an instance named `i`, whatever its events. Each part is a look into
/// the index of rules: a workflow has rules of many starts.
pub(crate) const COUNTS_FOR_INSTANCE: &str = concat!(
    "(",
    counts_everywhere!("i.project_id"),
    counts_in_workflow!("i.project_id", "i.workflow_id", "document", "i.version"),
    counts_in_workflow!("i.project_id", "i.workflow_id", "start", "i.id"),
    counts_in_workflow!("i.project_id", "i.workflow_id", "backfill", "i.backfill"),
    counts_in_workflow!(
        "i.project_id",
        "i.workflow_id",
        "schedule",
        "(SELECT s.id FROM schedule s WHERE s.workflow_id = i.workflow_id AND s.name = i.schedule)"
    ),
    ")"
);

/// The condition that a rule named `r` may count for a schedule `s` of a workflow `w`, whatever its events.
pub(super) const COUNTS_FOR_SCHEDULE: &str = concat!(
    "(",
    counts_everywhere!("w.project_id"),
    counts_in_workflow!("w.project_id", "w.id", "document", "w.version"),
    counts_in_workflow!("w.project_id", "w.id", "schedule", "s.id"),
    ")"
);

/// The condition that a rule named `r` may count for a backfill `b` of a workflow `w`, whatever its events.
pub(super) const COUNTS_FOR_BACKFILL: &str = concat!(
    "(",
    counts_everywhere!("b.project_id"),
    counts_in_workflow!("b.project_id", "b.workflow_id", "document", "w.version"),
    counts_in_workflow!("b.project_id", "b.workflow_id", "backfill", "b.id"),
    ")"
);

/// Puts the rules of a place in the place of those before, which stay for events of their time.
///
/// # Errors
/// As the database reports.
pub async fn replace_alert_rules(
    transaction: &Transaction,
    place: RulePlace,
    rules: &[AlertRule],
    at: Timestamp,
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let end = "UPDATE alert_rule SET valid_until = $1 WHERE project_id = $2 AND workflow_id = $3 AND source = $4 \
               AND source_id = $5 AND valid_until IS NULL";
    let values = [
        at.0.into(),
        place.project_id.into(),
        place.workflow_id.into(),
        place.source.as_str().into(),
        place.source_id.into(),
    ];
    transaction
        .execute_raw(Statement::from_sql_and_values(backend, end, values))
        .await
        .map_err(store_error)?;
    let rows = rule_rows(place, rules, at)?;
    run_over_rows(transaction, &rows, || insert(backend, "alert_rule", &RULE, ALL)).await
}

/// Returns the rules of the start of a new instance, to be stored.
pub(crate) fn start_rules(id: InstanceId, new: &NewInstance) -> Result<Vec<RuleRow>, StoreError> {
    let place = RulePlace {
        source: RuleSource::Start,
        source_id: id.0,
        project_id: new.project_id,
        workflow_id: new.workflow_id,
    };
    rule_rows(place, new.start.notify.as_deref().unwrap_or_default(), new.at)
}

/// Writes the statement that stores rules.
pub(crate) fn insert_rules(
    backend: DbBackend,
    rows: &[RuleRow],
) -> Result<Option<BatchStatement>, StoreError> {
    BatchStatement::over_rows(rows, || insert(backend, "alert_rule", &RULE, ALL))
}

fn rule_rows(place: RulePlace, rules: &[AlertRule], at: Timestamp) -> Result<Vec<RuleRow>, StoreError> {
    let row = |(number, rule): (u32, &AlertRule)| {
        Ok(RuleRow {
            source: place.source.as_str(),
            source_id: place.source_id,
            project_id: place.project_id,
            workflow_id: place.workflow_id,
            place: number,
            events: rule.on.bits(),
            timed: rule.on.iter().any(AlertEvent::is_timed),
            late_after_ms: rule.late.and_then(|late| match late {
                LateLimit::After(ms) => Some(ms),
                LateLimit::By(_) => None,
            }),
            within_ms: rule.within_ms,
            rule: json(rule)?,
            valid_from: at.0,
        })
    };
    (0..).zip(rules).map(row).collect()
}
