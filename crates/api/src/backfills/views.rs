//! Backfills in answers.

use std::collections::BTreeMap;

use catalog::{BackfillDateCounts, BackfillDateRow, BackfillRow, WorkflowName};
use engine::alert::serialize_rules;
use engine::backfill::{DateState, PlannedRun};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::backfills::plan::PlannedRuns;
use crate::http::timestamp::{format_optional_time, format_time};

/// A backfill.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Backfill {
    id: String,
    project: String,
    workflow: String,
    /// The version of its instances.
    version: i64,
    /// `running`, `paused`, `succeeded`, `failed` or `cancelled`.
    state: &'static str,
    /// Why no further date starts, in words.
    reason: Option<String>,
    /// The beginning of the range; null where dates were listed.
    from: Option<String>,
    /// The end of the range; null where dates were listed.
    to: Option<String>,
    /// The zone of dates that no schedule gave.
    timezone: &'static str,
    schedule: Option<String>,
    /// The most instances that are open at a time.
    parallelism: u32,
    order: &'static str,
    on_failure: &'static str,
    existing: &'static str,
    dependents: &'static str,
    /// Parameters of the starts.
    params: BTreeMap<String, String>,
    /// The chosen tasks; empty means all.
    tasks: Vec<String>,
    scope: &'static str,
    priority: &'static str,
    worker_group: Option<String>,
    failure_strategy: &'static str,
    dry_run: bool,
    /// Which events of it and of its instances send alerts.
    #[schema(value_type = Vec<Object>)]
    notify: Value,
    description: String,
    requested_by: String,
    created_at: String,
    /// When the last date ended; null while a date is waiting or running.
    ended_at: Option<String>,
    dates: BackfillDates,
}

/// How many dates are in which state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BackfillDates {
    total: u32,
    /// States without a date are absent.
    by_state: BTreeMap<&'static str, u32>,
}

/// A date of a backfill.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackfillDate {
    scheduled_at: String,
    project: String,
    workflow: String,
    /// `waiting`, `running`, `succeeded`, `failed`, `stopped`, `skipped` or `not_run`.
    state: &'static str,
    /// Its newest instance, or the one that it was skipped for.
    instance: Option<String>,
    reason: Option<String>,
}

/// The dates that a backfill would have.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackfillPlan {
    dates: BackfillDates,
    /// The first of them, in the order of running.
    items: Vec<BackfillDate>,
}

impl From<BackfillDateCounts> for BackfillDates {
    fn from(counts: BackfillDateCounts) -> Self {
        let by_state = counts.by_state.into_iter();
        Self {
            total: counts.total,
            by_state: by_state.map(|(state, number)| (state.as_str(), number)).collect(),
        }
    }
}

impl From<BackfillRow> for Backfill {
    fn from(row: BackfillRow) -> Self {
        let choices = row.choices;
        let start = choices.start;
        Self {
            id: row.id.to_string(),
            project: row.project,
            workflow: row.workflow,
            version: row.version,
            state: row.state.as_str(),
            reason: row.reason,
            from: format_optional_time(choices.from),
            to: format_optional_time(choices.to),
            timezone: choices.timezone.name(),
            schedule: choices.schedule,
            parallelism: row.parallelism,
            order: choices.order.as_str(),
            on_failure: row.on_failure.as_str(),
            existing: row.existing.as_str(),
            dependents: choices.dependents.as_str(),
            params: start.params,
            tasks: start.tasks,
            scope: start.scope.as_str(),
            priority: start.priority.as_str(),
            worker_group: start.worker_group,
            failure_strategy: start.failure_strategy.as_str(),
            dry_run: start.dry_run,
            notify: serialize_rules(&choices.notify),
            description: choices.description,
            requested_by: row.requested_by,
            created_at: format_time(row.created_at),
            ended_at: format_optional_time(row.ended_at),
            dates: row.dates.into(),
        }
    }
}

impl From<BackfillDateRow> for BackfillDate {
    fn from(row: BackfillDateRow) -> Self {
        Self {
            scheduled_at: format_time(row.scheduled_at),
            project: row.project,
            workflow: row.workflow,
            state: row.state.as_str(),
            instance: row.instance.map(|id| id.to_string()),
            reason: row.reason,
        }
    }
}

impl BackfillDate {
    /// Shows what would run.
    fn planned(own: &WorkflowName, runs: &PlannedRuns, run: &PlannedRun) -> Self {
        let dependent = run
            .dependent
            .and_then(|planned| runs.dependents.get(planned.index));
        let refusal = dependent.and_then(|dependent| dependent.refusal.clone());
        let name = dependent.map_or(own, |dependent| &dependent.name);
        let state = if refusal.is_some() {
            DateState::Skipped
        } else {
            DateState::Waiting
        };
        Self {
            scheduled_at: format_time(run.date.at),
            project: name.project.clone(),
            workflow: name.workflow.clone(),
            state: state.as_str(),
            instance: None,
            reason: refusal,
        }
    }
}

impl BackfillPlan {
    /// Shows the first `most` of these runs of a workflow and its dependents.
    pub(crate) fn of_runs(own: &WorkflowName, runs: &PlannedRuns, most: usize) -> Self {
        let items = runs
            .in_order
            .iter()
            .map(|run| BackfillDate::planned(own, runs, run));
        let items: Vec<BackfillDate> = items.collect();
        let mut by_state = BTreeMap::new();
        for item in &items {
            *by_state.entry(item.state).or_default() += 1;
        }
        Self {
            dates: BackfillDates {
                total: u32::try_from(items.len()).unwrap_or(u32::MAX),
                by_state,
            },
            items: items.into_iter().take(most).collect(),
        }
    }
}
