//! The schedules that are due, and the commit of their fires.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::{ScheduleId, Timestamp};
use engine::schedule::{Calendar, ScheduleDefinition, parse_schedule};
use engine::timezone::{Tz, parse_timezone};
use ports::{
    FireCommit, FireOutcome, LoadedSchedule, NewInstance, ScheduleStore, ScheduledProject, StoreError,
    UpcomingSchedule, WriteOutcome,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};

use crate::batch_sql::{id_list, row_lock, source};
use crate::batch_statement::run_in_order;
use crate::engine::create::prepare_new_instances;
use crate::engine::fire_rows::FireRows;
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::{RowReader, corrupt};
use crate::schedule_fires::record_skipped_fires;
use crate::store::Store;

/// Time within which a batch is prepared; then it is rolled back.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(12);

/// Calendars by project (none of a shared one) and name.
type Calendars = BTreeMap<(Option<i64>, String), Arc<Calendar>>;

#[async_trait]
impl ScheduleStore for Store {
    async fn list_upcoming_schedules(
        &self,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<UpcomingSchedule>, StoreError> {
        let sql = "SELECT s.id, s.revision, s.due_at, w.version, p.revision FROM schedule s \
                   JOIN workflow w ON w.id = s.workflow_id JOIN project p ON p.id = w.project_id \
                   WHERE s.due_at <= $1 ORDER BY s.due_at, s.id LIMIT $2";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, [until.0.into(), i64::from(limit).into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| read_upcoming(&mut RowReader::new(row)))
            .collect()
    }

    async fn load_schedules(&self, ids: &[ScheduleId]) -> Result<Vec<LoadedSchedule>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT s.id, s.revision, s.due_at, w.version, p.revision, s.next_fire_at, s.name, s.definition, \
             s.timezone, w.id, p.id, p.name, p.params, p.defaults FROM schedule s \
             JOIN workflow w ON w.id = s.workflow_id JOIN project p ON p.id = w.project_id \
             WHERE s.due_at IS NOT NULL AND s.id IN (SELECT c_id FROM {}) ORDER BY s.id",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let list = id_list(ids.iter().map(|id| id.0))?;
        let transaction = self.begin_read().await?;
        let rows = transaction
            .query_all_raw(self.statement(&sql, [list]))
            .await
            .map_err(store_error)?;
        let mut projects = BTreeMap::new();
        let mut schedules = rows
            .iter()
            .map(|row| read_schedule(row, &mut projects))
            .collect::<Result<Vec<_>, _>>()?;
        let calendars = self.read_calendars(&transaction, &schedules).await?;
        for schedule in &mut schedules {
            schedule.calendar = find_calendar(&calendars, schedule);
        }
        Ok(schedules)
    }

    /// Stores a batch; one that is refused as a whole is stored entry by entry.
    async fn commit_fires(&self, batch: &[FireCommit]) -> Result<Vec<FireOutcome>, StoreError> {
        match self.commit_fires_once(batch).await {
            Err(StoreError::Rejected(why)) if batch.len() <= 1 => {
                Ok(batch.iter().map(|_| FireOutcome::Rejected(why.clone())).collect())
            }
            Err(StoreError::Rejected(_)) => {
                let mut outcomes = Vec::with_capacity(batch.len());
                for commit in batch {
                    outcomes.push(match self.commit_fires_once(std::slice::from_ref(commit)).await {
                        Ok(mut stored) => stored.pop().unwrap_or(FireOutcome::Changed),
                        Err(StoreError::Rejected(why)) => FireOutcome::Rejected(why),
                        Err(StoreError::Unavailable(why)) => return Err(StoreError::Uncertain(why)),
                        Err(error) => return Err(error),
                    });
                }
                Ok(outcomes)
            }
            other => other,
        }
    }
}

impl Store {
    async fn commit_fires_once(&self, batch: &[FireCommit]) -> Result<Vec<FireOutcome>, StoreError> {
        let prepared = tokio::time::timeout(PREPARE_TIMEOUT, async {
            let transaction = self.engine_pool().begin_write().await?;
            let outcomes = prepare_fires(self, &transaction, batch).await?;
            Ok::<_, StoreError>((transaction, outcomes))
        });
        let (transaction, outcomes) = prepared
            .await
            .map_err(|_| StoreError::Unavailable("the database takes too long".to_owned()))??;
        self.commit_engine(transaction).await?;
        Ok(outcomes)
    }

    async fn read_calendars(
        &self,
        transaction: &Transaction,
        schedules: &[LoadedSchedule],
    ) -> Result<Calendars, StoreError> {
        let names: BTreeSet<&str> = schedules
            .iter()
            .filter_map(|schedule| schedule.definition.calendar.as_deref())
            .collect();
        let mut calendars = Calendars::new();
        for name in names {
            let sql = "SELECT project_id, timezone, days, exclude, include FROM calendar WHERE name = $1";
            let rows = transaction
                .query_all_raw(self.statement(sql, [name.into()]))
                .await
                .map_err(store_error)?;
            for row in &rows {
                let mut columns = RowReader::new(row);
                let project: Option<i64> = columns.next_value()?;
                let calendar = read_calendar(&mut columns)?;
                calendars.insert((project, name.to_owned()), Arc::new(calendar));
            }
        }
        Ok(calendars)
    }
}

fn read_upcoming(columns: &mut RowReader<'_>) -> Result<UpcomingSchedule, StoreError> {
    Ok(UpcomingSchedule {
        id: ScheduleId(columns.next_value()?),
        revision: columns.next_value()?,
        due_at: Timestamp(columns.next_value()?),
        version: columns.next_value()?,
        project_revision: columns.next_value()?,
    })
}

fn read_schedule(
    row: &QueryResult,
    projects: &mut BTreeMap<i64, Arc<ScheduledProject>>,
) -> Result<LoadedSchedule, StoreError> {
    let mut columns = RowReader::new(row);
    let upcoming = read_upcoming(&mut columns)?;
    let next_fire_at = Timestamp(columns.next_value()?);
    let name = columns.next_value()?;
    let definition: serde_json::Value = columns.next_json()?;
    let zone = read_zone(&columns.next_value::<String>()?)?;
    let workflow_id = columns.next_value()?;
    let project_id = columns.next_value()?;
    let project = match projects.get(&project_id) {
        Some(known) => Arc::clone(known),
        None => {
            let project = Arc::new(ScheduledProject {
                id: project_id,
                name: columns.next_value()?,
                params: columns.next_json()?,
                defaults: columns.next_json()?,
            });
            projects.insert(project_id, Arc::clone(&project));
            project
        }
    };
    Ok(LoadedSchedule {
        upcoming,
        name,
        definition: read_definition(&definition, zone)?,
        zone,
        calendar: None,
        next_fire_at,
        project,
        workflow_id,
    })
}

/// Parses the stored fields of a schedule, which were valid when they were stored.
fn read_definition(definition: &serde_json::Value, zone: Tz) -> Result<ScheduleDefinition, StoreError> {
    parse_schedule(definition, zone).map_err(|issues| {
        let lines: Vec<_> = issues.iter().map(|issue| issue.message.as_str()).collect();
        corrupt(lines.join("; "))
    })
}

fn read_zone(name: &str) -> Result<Tz, StoreError> {
    parse_timezone(name).map_err(corrupt)
}

fn read_calendar(columns: &mut RowReader<'_>) -> Result<Calendar, StoreError> {
    let zone: Option<String> = columns.next_value()?;
    Ok(Calendar {
        zone: zone.as_deref().map(read_zone).transpose()?,
        days: columns.next_parsed()?,
        exclude: columns.next_json()?,
        include: columns.next_json()?,
    })
}

/// Finds the calendar that a schedule names; a project's own goes before a shared one.
fn find_calendar(calendars: &Calendars, schedule: &LoadedSchedule) -> Option<Arc<Calendar>> {
    let name = schedule.definition.calendar.clone()?;
    let own = calendars.get(&(Some(schedule.project.id), name.clone()));
    own.or_else(|| calendars.get(&(None, name))).cloned()
}

/// Runs the statements of a batch; what has changed since it was decided is left out.
async fn prepare_fires(
    store: &Store,
    transaction: &Transaction,
    batch: &[FireCommit],
) -> Result<Vec<FireOutcome>, StoreError> {
    let versions = lock_versions(transaction, batch).await?;
    let revisions = lock_revisions(transaction, batch).await?;
    let is_current = |commit: &&FireCommit| {
        let upcoming = &commit.upcoming;
        versions.get(&commit.workflow_id) == Some(&(upcoming.version, upcoming.project_revision))
            && revisions.get(&upcoming.id.0) == Some(&upcoming.revision)
    };
    let current: Vec<&FireCommit> = batch.iter().filter(is_current).collect();
    let news: Vec<&NewInstance> = current
        .iter()
        .flat_map(|commit| &commit.starts)
        .filter_map(|start| start.instance.as_ref().ok())
        .collect();
    let (created, mut statements) = prepare_new_instances(store, transaction, &news).await?;
    let mut created = created.into_iter();
    let mut rows = FireRows::default();
    let mut outcomes = Vec::with_capacity(batch.len());
    for commit in batch {
        if !is_current(&commit) {
            outcomes.push(FireOutcome::Changed);
            continue;
        }
        let count = commit
            .starts
            .iter()
            .filter(|start| start.instance.is_ok())
            .count();
        let instances = created
            .by_ref()
            .take(count)
            .map(|outcome| match outcome {
                WriteOutcome::Created { id, owner, .. } => Ok((id, owner)),
                _ => Err(StoreError::Rejected(
                    "a fire was answered as another request".to_owned(),
                )),
            })
            .collect::<Result<Vec<_>, _>>()?;
        rows.add(commit, &instances);
        outcomes.push(FireOutcome::Stored(instances));
    }
    record_skipped_fires(transaction, &rows.skipped()).await?;
    statements.extend(rows.statements(transaction.get_database_backend())?);
    run_in_order(transaction, statements).await?;
    Ok(outcomes)
}

/// Locks the workflows and projects of a batch against changes; returns version and project revision by workflow.
async fn lock_versions(
    transaction: &Transaction,
    batch: &[FireCommit],
) -> Result<BTreeMap<i64, (i64, i64)>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT w.id, w.version, p.revision FROM workflow w JOIN project p ON p.id = w.project_id \
         WHERE w.deleted_at IS NULL AND w.enabled AND w.id IN (SELECT c_id FROM {}) ORDER BY w.id{}",
        source(backend, &[("c_id", "bigint")]),
        row_lock(backend, "FOR SHARE OF w, p")
    );
    let workflows: BTreeSet<i64> = batch.iter().map(|commit| commit.workflow_id).collect();
    let list = id_list(workflows)?;
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [list]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok((
                columns.next_value()?,
                (columns.next_value()?, columns.next_value()?),
            ))
        })
        .collect()
}

/// Locks the schedules of a batch; returns their revisions. One that another master is committing is left out.
async fn lock_revisions(
    transaction: &Transaction,
    batch: &[FireCommit],
) -> Result<BTreeMap<i64, i64>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT s.id, s.revision FROM schedule s WHERE s.id IN (SELECT c_id FROM {}) ORDER BY s.id{}",
        source(backend, &[("c_id", "bigint")]),
        row_lock(backend, "FOR UPDATE SKIP LOCKED")
    );
    let list = id_list(batch.iter().map(|commit| commit.upcoming.id.0))?;
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [list]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok((columns.next_value()?, columns.next_value()?))
        })
        .collect()
}
