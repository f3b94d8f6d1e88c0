//! What users do with a backfill: decided here under its lock, since every master follows the stored row.

use engine::backfill::{BackfillChanges, BackfillCommand, BackfillEvent, BackfillRecord, DateState, decide};
use engine::ids::{BackfillId, InstanceId, Run};
use engine::instance::CommandArguments;
use engine::start::Start;
use engine::states::Command;
use ports::DefinitionStore as _;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::{LockType, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;

use crate::audited_transaction::AuditedTransaction;
use crate::backfills::choices::BackfillChoices;
use crate::backfills::create::to_json;
use crate::backfills::stored::{Backfills, missing_backfill};
use crate::columns::{narrow, parse_json, parse_name};
use crate::context::AuditContext;
use crate::entity::{backfill, backfill_date, instance, project, workflow};
use crate::error::CatalogError;
use crate::operations::{PostCommand, insert_command};
use crate::projects::Project;
use crate::start_target::StartTarget;
use crate::workflows::WorkflowId;
use store::{Transaction, summarise_backfill_dates, sweep_backfill_dates};

/// A command to a backfill, checked by the API.
#[derive(Debug, Clone, PartialEq)]
pub struct PostBackfillCommand {
    /// The backfill.
    pub backfill: BackfillId,
    /// What is requested.
    pub command: BackfillCommand,
    /// The start of its instances from now on, where a retry names another version.
    pub start: Option<Start>,
}

impl Backfills<'_> {
    /// Applies a command; returns the instances that were sent a stop, for the notice to their owners.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with `INVALID_STATE`, which says what is possible.
    pub async fn command(
        self,
        post: &PostBackfillCommand,
        context: &AuditContext,
    ) -> Result<Vec<InstanceId>, CatalogError> {
        let change = AuditedTransaction::begin(self.store(), context).await?;
        let (row, on) = (lock_backfill(change.on(), post.backfill).await?, change.on());
        let summary = summarise_backfill_dates(on, post.backfill).await?;
        let event = BackfillEvent::Command(post.command);
        let changes = decide(&read_record(&row)?, &summary, &event)
            .map_err(|refusal| CatalogError::conflict("INVALID_STATE", refusal.to_string()))?;
        if matches!(post.command, BackfillCommand::Retry { .. }) {
            check_workflow_exists(on, row.workflow_id).await?;
        }
        store_changes(on, &row, post, &changes).await?;
        if let Some(sweep) = &changes.sweep {
            sweep_backfill_dates(on, post.backfill, sweep, context.at).await?;
        }
        let stopped = if changes.stops_instances {
            stop_instances(on, post.backfill, context).await?
        } else {
            Vec::new()
        };
        let action = format!("backfill.{}", post.command.verb());
        change
            .commit(&action, "backfill", &post.backfill.to_string())
            .await?;
        Ok(stopped)
    }

    /// Reads what a retry with another version starts, and the body of its starts.
    ///
    /// # Errors
    /// `NotFound`: there is no such backfill or version. `Conflict` with `INVALID_STATE`: its workflow was deleted.
    pub async fn retry_target(
        self,
        id: BackfillId,
        version: i64,
    ) -> Result<(StartTarget, Value), CatalogError> {
        let row = backfill::Entity::find_by_id(id.0)
            .one(self.store().reader())
            .await?
            .ok_or_else(|| missing_backfill(id))?;
        let found = workflow::Entity::find_by_id(row.workflow_id)
            .filter(workflow::Column::DeletedAt.is_null())
            .find_also_related(project::Entity)
            .one(self.store().reader())
            .await?;
        let Some((workflow, Some(project))) = found else {
            return Err(deleted_workflow());
        };
        // Versions have no gaps.
        if !(1..=workflow.version).contains(&version) {
            let what = format!("version {version} of workflow `{}`", workflow.name);
            return Err(CatalogError::not_found(what));
        }
        let target = StartTarget {
            project: Project::try_from(project)?,
            workflow_id: WorkflowId(workflow.id),
            version,
            definition: self.store().load_definition(workflow.id, version).await?,
        };
        Ok((target, parse_json("start", &row.start)?))
    }
}

async fn lock_backfill(on: &Transaction, id: BackfillId) -> Result<backfill::Model, CatalogError> {
    backfill::Entity::find_by_id(id.0)
        .lock(LockType::Update)
        .one(on)
        .await?
        .ok_or_else(|| missing_backfill(id))
}

fn read_record(row: &backfill::Model) -> Result<BackfillRecord, CatalogError> {
    Ok(BackfillRecord {
        control: parse_name("control", &row.control)?,
        version: row.version,
        parallelism: narrow("parallelism", row.parallelism)?,
        on_failure: parse_name("on_failure", &row.on_failure)?,
        existing: parse_name("existing", &row.existing)?,
        reason: row.reason.clone(),
    })
}

async fn check_workflow_exists(on: &Transaction, id: i64) -> Result<(), CatalogError> {
    let row = workflow::Entity::find_by_id(id)
        .lock(LockType::Share)
        .one(on)
        .await?;
    match row {
        Some(row) if row.deleted_at.is_none() => Ok(()),
        _ => Err(deleted_workflow()),
    }
}

fn deleted_workflow() -> CatalogError {
    CatalogError::conflict("INVALID_STATE", "the workflow of the backfill was deleted")
}

async fn store_changes(
    on: &Transaction,
    row: &backfill::Model,
    post: &PostBackfillCommand,
    changes: &BackfillChanges,
) -> Result<(), CatalogError> {
    let mut update = backfill::ActiveModel {
        id: Unchanged(row.id),
        revision: Set(row.revision + 1),
        ..backfill::ActiveModel::default()
    };
    if let Some(record) = &changes.record {
        update.control = Set(record.control.as_str().to_owned());
        update.version = Set(record.version);
        update.parallelism = Set(i64::from(record.parallelism));
        update.reason = Set(record.reason.clone());
    }
    if let Some(start) = &post.start {
        let mut choices: BackfillChoices = parse_json("choices", &row.choices)?;
        choices.start = start.clone();
        update.choices = Set(to_json(&choices)?);
    }
    if changes.is_settled {
        update.settled = Set(true);
    } else if changes
        .sweep
        .as_ref()
        .is_some_and(|sweep| sweep.target() == DateState::Waiting)
    {
        update.settled = Set(false);
    }
    backfill::Entity::update(update)
        .exec_without_returning(on)
        .await?;
    Ok(())
}

/// Sends a stop to every open instance of a backfill, in its transaction.
async fn stop_instances(
    on: &Transaction,
    id: BackfillId,
    context: &AuditContext,
) -> Result<Vec<InstanceId>, CatalogError> {
    let running = Query::select()
        .column(backfill_date::Column::Instance)
        .from(backfill_date::Entity)
        .and_where(backfill_date::Column::Backfill.eq(id.0))
        .and_where(backfill_date::Column::State.eq(DateState::Running.as_str()))
        .to_owned();
    let rows: Vec<(i64, i64, String)> = instance::Entity::find()
        .select_only()
        .columns([
            instance::Column::Id,
            instance::Column::Run,
            instance::Column::State,
        ])
        .filter(instance::Column::Id.in_subquery(running))
        .into_tuple()
        .all(on)
        .await?;
    let mut stopped = Vec::new();
    for (id, run, state) in rows {
        if !Command::Stop.applies_in(parse_name("state", &state)?, None) {
            continue;
        }
        let post = PostCommand {
            instance: InstanceId(id),
            command: Command::Stop,
            task: None,
            reason: Some("its backfill was cancelled".to_owned()),
            arguments: CommandArguments::default(),
        };
        insert_command(on, &post, Run(narrow("run", run)?), context).await?;
        stopped.push(InstanceId(id));
    }
    Ok(stopped)
}
