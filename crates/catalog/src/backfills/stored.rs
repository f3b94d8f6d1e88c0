//! Backfills as readers see them.

use std::collections::BTreeMap;

use engine::backfill::{BackfillControl, BackfillState, DateState, DateSummary, ExistingPolicy, OnFailure};
use engine::ids::{BackfillId, InstanceId, Timestamp};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
    Select,
};

use crate::backfills::choices::BackfillChoices;
use crate::backfills::filter::BackfillFilter;
use crate::columns::{narrow, parse_json, parse_name};
use crate::entity::{backfill, backfill_date, project, workflow};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use crate::projects::ProjectId;
use store::Store;

/// How many dates are in which state; states without a date are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackfillDateCounts {
    /// All dates.
    pub total: u32,
    /// The sum of these is `total`.
    pub by_state: BTreeMap<DateState, u32>,
}

impl BackfillDateCounts {
    fn of(&self, state: DateState) -> u32 {
        self.by_state.get(&state).copied().unwrap_or(0)
    }

    /// Summarises the dates.
    pub fn summary(&self) -> DateSummary {
        DateSummary {
            has_waiting: self.of(DateState::Waiting) > 0,
            running: self.of(DateState::Running),
            has_failed: self.of(DateState::Failed) + self.of(DateState::Stopped) > 0,
            has_not_run: self.of(DateState::NotRun) > 0,
        }
    }
}

/// One backfill as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillRow {
    /// Its id.
    pub id: BackfillId,
    /// The project's row, for the check of permissions.
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The version of its instances.
    pub version: i64,
    /// Its state.
    pub state: BackfillState,
    /// Why it waits or is idle, in words.
    pub reason: Option<String>,
    /// What its maker chose.
    pub choices: BackfillChoices,
    /// The most instances that are open at a time.
    pub parallelism: u32,
    /// What an instance that does not succeed means for dates that have not started.
    pub on_failure: OnFailure,
    /// What an instance that exists means for a date.
    pub existing: ExistingPolicy,
    /// The user who made it.
    pub requested_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the last date ended; none while a date is waiting or running.
    pub ended_at: Option<Timestamp>,
    /// Its dates.
    pub dates: BackfillDateCounts,
}

/// One date as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillDateRow {
    /// Its place in the order of running, from 0.
    pub position: u32,
    /// The date.
    pub scheduled_at: Timestamp,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// Its state.
    pub state: DateState,
    /// Its newest instance, or the one that it was skipped for.
    pub instance: Option<InstanceId>,
    /// Why it is in its state, in words.
    pub reason: Option<String>,
}

/// A backfill with the names around it.
#[derive(FromQueryResult)]
struct BackfillWithNames {
    #[sea_orm(nested)]
    backfill: backfill::Model,
    project_name: String,
    workflow_name: String,
}

/// A date with the names around it.
#[derive(FromQueryResult)]
struct DateWithNames {
    #[sea_orm(nested)]
    date: backfill_date::Model,
    project_name: String,
    workflow_name: String,
}

/// The dates of a backfill in one state.
#[derive(FromQueryResult)]
struct DateStateCount {
    backfill: i64,
    state: String,
    number: i64,
    ended_at: Option<i64>,
}

/// The counts of several backfills, with the end of the last date.
type CountsByBackfill = BTreeMap<i64, (BackfillDateCounts, Option<i64>)>;

/// The backfills.
#[derive(Debug, Clone, Copy)]
pub struct Backfills<'a> {
    store: &'a Store,
}

impl<'a> Backfills<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    pub(crate) fn store(&self) -> &'a Store {
        self.store
    }

    /// Reads one backfill; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, id: BackfillId) -> Result<Option<BackfillRow>, CatalogError> {
        let query = select_with_names().filter(backfill::Column::Id.eq(id.0));
        Ok(self.read(query).await?.pop())
    }

    /// Reads in which project a backfill is; the cheap look-up for the check of permissions.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn project_of(self, id: BackfillId) -> Result<Option<ProjectId>, CatalogError> {
        let project: Option<i64> = backfill::Entity::find_by_id(id.0)
            .select_only()
            .column(backfill::Column::ProjectId)
            .into_tuple()
            .one(self.store.reader())
            .await?;
        Ok(project.map(ProjectId))
    }

    /// Lists backfills, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list(
        self,
        filter: &BackfillFilter,
        page: &PageRequest,
    ) -> Result<Page<BackfillRow>, CatalogError> {
        let before = page.after::<i64>("backfills")?.unwrap_or(i64::MAX);
        let query = select_with_names()
            .filter(backfill::Column::Id.lt(before))
            .filter(filter.condition())
            .order_by_desc(backfill::Column::Id)
            .limit(page.rows());
        let items = self.read(query).await?;
        Ok(Page::cut("backfills", page, items, |row: &BackfillRow| {
            row.id.to_string()
        }))
    }

    /// Lists the dates of a backfill in one of these states (empty: any), in the order of running.
    ///
    /// # Errors
    /// `NotFound`: there is no such backfill. `Rejected`: the cursor is none of ours.
    pub async fn list_dates(
        self,
        id: BackfillId,
        states: &[DateState],
        page: &PageRequest,
    ) -> Result<Page<BackfillDateRow>, CatalogError> {
        let backfill = self.find(id).await?.ok_or_else(|| missing_backfill(id))?;
        let after = page.after::<i64>("dates")?.unwrap_or(-1);
        let mut query = backfill_date::Entity::find()
            .join(JoinType::InnerJoin, backfill_date::Relation::Workflow.def())
            .join(JoinType::InnerJoin, workflow::Relation::Project.def())
            .column_as(project::Column::Name, "project_name")
            .column_as(workflow::Column::Name, "workflow_name")
            .filter(backfill_date::Column::Backfill.eq(id.0))
            .filter(backfill_date::Column::Position.gt(after));
        if !states.is_empty() {
            let names = states.iter().map(|state| state.as_str());
            query = query.filter(backfill_date::Column::State.is_in(names));
        }
        let rows = query
            .order_by_asc(backfill_date::Column::Position)
            .limit(page.rows())
            .into_model::<DateWithNames>()
            .all(self.store.reader())
            .await?;
        let items = rows
            .into_iter()
            .map(|row| row.into_date(&backfill))
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("dates", page, items, |row: &BackfillDateRow| {
            row.position.to_string()
        }))
    }

    /// Reads the backfills of a query, the dates of all in a second one.
    async fn read(self, query: Select<backfill::Entity>) -> Result<Vec<BackfillRow>, CatalogError> {
        let rows = query
            .into_model::<BackfillWithNames>()
            .all(self.store.reader())
            .await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.backfill.id).collect();
        let mut counts = self.count_dates(&ids).await?;
        rows.into_iter()
            .map(|row| {
                let (dates, ended_at) = counts.remove(&row.backfill.id).unwrap_or_default();
                row.into_backfill(dates, ended_at)
            })
            .collect()
    }

    async fn count_dates(self, ids: &[i64]) -> Result<CountsByBackfill, CatalogError> {
        let mut counts = CountsByBackfill::new();
        if ids.is_empty() {
            return Ok(counts);
        }
        let rows = backfill_date::Entity::find()
            .select_only()
            .columns([backfill_date::Column::Backfill, backfill_date::Column::State])
            .column_as(backfill_date::Column::Position.count(), "number")
            .column_as(backfill_date::Column::EndedAt.max(), "ended_at")
            .filter(backfill_date::Column::Backfill.is_in(ids.iter().copied()))
            .group_by(backfill_date::Column::Backfill)
            .group_by(backfill_date::Column::State)
            .into_model::<DateStateCount>()
            .all(self.store.reader())
            .await?;
        for row in rows {
            let number = narrow("number", row.number)?;
            let (dates, ended_at) = counts.entry(row.backfill).or_default();
            dates.total += number;
            dates.by_state.insert(parse_name("state", &row.state)?, number);
            *ended_at = Ord::max(*ended_at, row.ended_at);
        }
        Ok(counts)
    }
}

impl BackfillWithNames {
    fn into_backfill(
        self,
        dates: BackfillDateCounts,
        ended_at: Option<i64>,
    ) -> Result<BackfillRow, CatalogError> {
        let row = self.backfill;
        let control = parse_name("control", &row.control)?;
        let summary = dates.summary();
        let is_open = summary.has_waiting || summary.running > 0;
        Ok(BackfillRow {
            id: BackfillId(row.id),
            project_id: ProjectId(row.project_id),
            project: self.project_name,
            workflow: self.workflow_name,
            version: row.version,
            state: summary.backfill_state(control),
            reason: row.reason.or_else(|| idle_reason(control)),
            choices: parse_json("choices", &row.choices)?,
            parallelism: narrow("parallelism", row.parallelism)?,
            on_failure: parse_name("on_failure", &row.on_failure)?,
            existing: parse_name("existing", &row.existing)?,
            requested_by: row.requested_by,
            created_at: Timestamp(row.created_at),
            ended_at: ended_at.filter(|_| !is_open).map(Timestamp),
            dates,
        })
    }
}

impl DateWithNames {
    fn into_date(self, backfill: &BackfillRow) -> Result<BackfillDateRow, CatalogError> {
        let state = parse_name("state", &self.date.state)?;
        let waiting_reason = || (state == DateState::Waiting).then(|| waiting_reason(backfill));
        Ok(BackfillDateRow {
            position: narrow("position", self.date.position)?,
            scheduled_at: Timestamp(self.date.scheduled_at),
            project: self.project_name,
            workflow: self.workflow_name,
            state,
            instance: self.date.instance.map(InstanceId),
            reason: self.date.reason.or_else(waiting_reason),
        })
    }
}

fn select_with_names() -> Select<backfill::Entity> {
    backfill::Entity::find()
        .join(JoinType::InnerJoin, backfill::Relation::Project.def())
        .join(JoinType::InnerJoin, backfill::Relation::Workflow.def())
        .column_as(project::Column::Name, "project_name")
        .column_as(workflow::Column::Name, "workflow_name")
}

fn idle_reason(control: BackfillControl) -> Option<String> {
    match control {
        BackfillControl::Active => None,
        BackfillControl::Paused => Some("paused: no further date starts until it is resumed".to_owned()),
        BackfillControl::Cancelled => {
            Some("cancelled: no further date starts until it is retried".to_owned())
        }
    }
}

/// Says why the dates of a backfill wait.
fn waiting_reason(backfill: &BackfillRow) -> String {
    backfill.reason.clone().unwrap_or_else(|| {
        let parallelism = backfill.parallelism;
        format!("waits for its turn: at most {parallelism} of its instances are open at a time")
    })
}

/// Reports that there is no backfill of this id.
pub(crate) fn missing_backfill(id: BackfillId) -> CatalogError {
    CatalogError::not_found(format!("backfill {id}"))
}
