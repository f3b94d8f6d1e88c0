//! New backfills.

use engine::alert::RuleSource;
use engine::backfill::{BackfillControl, DateState, ExistingPolicy, OnFailure, PlannedRun};
use engine::ids::BackfillId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{EntityTrait, QuerySelect};
use serde_json::Value;

use crate::audited_transaction::AuditedTransaction;
use crate::backfills::choices::BackfillChoices;
use crate::backfills::dependents::BackfillDependent;
use crate::backfills::stored::Backfills;
use crate::context::AuditContext;
use crate::entity::{backfill, backfill_date, workflow};
use crate::error::CatalogError;
use crate::projects::ProjectId;
use crate::workflow_edit::disabled_workflow;
use crate::workflows::{WorkflowId, missing_workflow};
use store::{RulePlace, Transaction, replace_alert_rules};

/// Rows of one statement, whose parameters SQLite limits to 32,766.
const CHUNK: usize = 1_000;

/// A backfill to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBackfill {
    /// The project's row.
    pub project: ProjectId,
    /// The workflow's row.
    pub workflow: WorkflowId,
    /// The version of its instances.
    pub version: i64,
    /// What decides nothing.
    pub choices: BackfillChoices,
    /// The body of the start of its instances.
    pub start: Value,
    /// The most instances that are open at a time.
    pub parallelism: u32,
    /// What an instance that does not succeed means for dates that have not started.
    pub on_failure: OnFailure,
    /// What an instance that exists means for a date.
    pub existing: ExistingPolicy,
    /// Its dates in the order of running, with those of the dependents.
    pub runs: Vec<PlannedRun>,
    /// The workflows that run besides.
    pub dependents: Vec<BackfillDependent>,
}

impl Backfills<'_> {
    /// Makes a backfill with all its dates.
    ///
    /// # Errors
    /// `NotFound`: the workflow was deleted. `Conflict` with `WORKFLOW_DISABLED`.
    pub async fn create(self, new: &NewBackfill, context: &AuditContext) -> Result<BackfillId, CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        lock_startable_workflow(change.on(), new.workflow).await?;
        let id = insert_backfill(change.on(), new, context).await?;
        insert_dates(change.on(), id, new).await?;
        let rules = RulePlace {
            source: RuleSource::Backfill,
            source_id: id.0,
            project_id: new.project.0,
            workflow_id: new.workflow.0,
        };
        replace_alert_rules(change.on(), rules, &new.choices.notify, context.at).await?;
        change
            .commit("backfill.create", "backfill", &id.to_string())
            .await?;
        Ok(id)
    }
}

/// Keeps a workflow from being disabled or deleted until the transaction ends.
async fn lock_startable_workflow(on: &Transaction, id: WorkflowId) -> Result<(), CatalogError> {
    let row = workflow::Entity::find_by_id(id.0)
        .lock(LockType::Share)
        .one(on)
        .await?;
    match row {
        Some(row) if row.deleted_at.is_none() && row.enabled => Ok(()),
        Some(row) if row.deleted_at.is_none() => Err(disabled_workflow(&row.name)),
        Some(row) => Err(missing_workflow(&row.name)),
        None => Err(CatalogError::not_found("such workflow")),
    }
}

async fn insert_backfill(
    on: &Transaction,
    new: &NewBackfill,
    context: &AuditContext,
) -> Result<BackfillId, CatalogError> {
    let row = backfill::ActiveModel {
        project_id: Set(new.project.0),
        workflow_id: Set(new.workflow.0),
        version: Set(new.version),
        choices: Set(to_json(&new.choices)?),
        start: Set(new.start.to_string()),
        control: Set(BackfillControl::Active.as_str().to_owned()),
        parallelism: Set(i64::from(new.parallelism)),
        on_failure: Set(new.on_failure.as_str().to_owned()),
        existing: Set(new.existing.as_str().to_owned()),
        requested_by: Set(context.user.clone()),
        created_at: Set(context.at.0),
        ..backfill::ActiveModel::default()
    };
    let inserted = backfill::Entity::insert(row).exec(on).await?;
    Ok(BackfillId(inserted.last_insert_id))
}

async fn insert_dates(on: &Transaction, id: BackfillId, new: &NewBackfill) -> Result<(), CatalogError> {
    let runs = (0_i64..).zip(&new.runs);
    let rows: Vec<backfill_date::ActiveModel> = runs
        .map(|(position, run)| date_row((id, position), new, run))
        .collect();
    for chunk in rows.chunks(CHUNK) {
        backfill_date::Entity::insert_many(chunk.to_vec())
            .exec_without_returning(on)
            .await?;
    }
    Ok(())
}

fn date_row(
    (id, position): (BackfillId, i64),
    new: &NewBackfill,
    run: &PlannedRun,
) -> backfill_date::ActiveModel {
    let planned = run
        .dependent
        .and_then(|planned| Some((planned, new.dependents.get(planned.index)?)));
    let refusal = planned.and_then(|(_, dependent)| dependent.refusal.clone());
    let state = if refusal.is_some() {
        DateState::Skipped
    } else {
        DateState::Waiting
    };
    backfill_date::ActiveModel {
        backfill: Set(id.0),
        position: Set(position),
        workflow_id: Set(planned.map_or(new.workflow.0, |(_, dependent)| dependent.workflow_id.0)),
        scheduled_at: Set(run.date.at.0),
        timezone: Set(run.date.zone.name().to_owned()),
        state: Set(state.as_str().to_owned()),
        instance: Set(None),
        reason: Set(refusal),
        ended_at: Set(None),
        version: Set(planned.map(|(_, dependent)| dependent.version)),
        task: Set(planned.map(|(_, dependent)| dependent.task.clone())),
        awaited_first: Set(planned.map(|(planned, _)| i64::from(planned.awaited.first))),
        awaited_last: Set(planned.map(|(planned, _)| i64::from(planned.awaited.last))),
    }
}

/// Writes a value as the JSON text of a column.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, CatalogError> {
    serde_json::to_string(value).map_err(|error| CatalogError::Unavailable(error.to_string()))
}
