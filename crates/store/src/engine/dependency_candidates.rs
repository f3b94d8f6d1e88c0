//! The instances that decide about the items of dependent tasks.

use std::collections::{BTreeMap, BTreeSet};

use engine::dependent::{Candidate, CandidateTask, DependencyTarget, ItemObservation};
use engine::ids::{InstanceId, TaskIndex, Timestamp};
use engine::states::{InstanceState, TaskState};
use ports::{CandidateQuery, CandidateWindow, DefinitionStore as _, PassedOutputs, StoreError};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;

use crate::batch_sql::{Column, id_list, json, source};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;

/// One interval of a question.
#[derive(Serialize)]
struct RangeRow {
    c_query: usize,
    c_place: usize,
    c_project: i64,
    c_workflow: i64,
    c_from: i64,
    c_to: i64,
    c_before: i64,
    /// 1 when starts with chosen tasks are passed over, else 0.
    c_whole: i64,
}

const RANGE: [Column; 8] = [
    ("c_query", "bigint"),
    ("c_place", "bigint"),
    ("c_project", "bigint"),
    ("c_workflow", "bigint"),
    ("c_from", "bigint"),
    ("c_to", "bigint"),
    ("c_before", "bigint"),
    ("c_whole", "bigint"),
];

#[derive(Serialize)]
struct DecidingTaskKey {
    c_instance: i64,
    c_task: u32,
}

const TASK_KEY: [Column; 2] = [("c_instance", "bigint"), ("c_task", "bigint")];

/// Holds for an instance `i` that may decide: no dry run, not one that ended before it ran.
const MAY_DECIDE: &str = "NOT i.dry_run AND NOT (i.started_at IS NULL AND i.state IN ('stopped', 'failed', 'succeeded')) \
     AND (c_whole = 0 OR NOT i.chosen_tasks)";

/// The instances that were found, by question and interval.
type FoundIds = BTreeMap<(usize, usize), i64>;

/// An instance that decides, before its task is read.
struct DecidingInstance {
    state: InstanceState,
    version: (i64, i64),
    has_failed_tasks: bool,
    outputs: BTreeMap<String, String>,
}

/// A task that a question names, in the version of the instance that decides.
struct NamedTask {
    task_index: TaskIndex,
    enabled: bool,
}

/// The tasks that questions name, by question and interval; none where the version lacks it.
type NamedTasks = BTreeMap<(usize, usize), Option<NamedTask>>;

/// A task of an instance that decides.
struct DecidingTask {
    state: TaskState,
    outputs: BTreeMap<String, String>,
}

impl Store {
    /// Answers the questions, from one moment of the database.
    pub(crate) async fn read_candidates(
        &self,
        queries: &[CandidateQuery],
    ) -> Result<Vec<ItemObservation>, StoreError> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.begin_read().await?;
        let mut found = self.find_in_intervals(&read, queries).await?;
        found.extend(self.find_ended_since(&read, queries).await?);
        let nothing_earlier = self.find_first_ones(&read, queries).await?;
        let instances = self.read_deciding_instances(&read, &found).await?;
        let named = self.find_named_tasks(queries, &found, &instances).await?;
        let tasks = self.read_deciding_tasks(&read, &found, &named).await?;
        let candidate_at = |place: (usize, usize)| -> Option<Candidate> {
            let id = *found.get(&place)?;
            let task = named.get(&place).map(|named| {
                let row = named
                    .as_ref()
                    .and_then(|named| tasks.get(&(id, named.task_index)));
                (named, row)
            });
            Some(assemble_candidate(
                id,
                queries.get(place.0)?,
                instances.get(&id)?,
                task,
            ))
        };
        Ok(queries
            .iter()
            .enumerate()
            .map(|(number, query)| {
                if nothing_earlier.contains(&number) {
                    return ItemObservation::NothingEarlier;
                }
                let places = 0..interval_count(query);
                ItemObservation::Candidates(places.map(|place| candidate_at((number, place))).collect())
            })
            .collect())
    }

    async fn find_in_intervals(
        &self,
        read: &Transaction,
        queries: &[CandidateQuery],
    ) -> Result<FoundIds, StoreError> {
        let rows: Vec<RangeRow> = queries
            .iter()
            .enumerate()
            .flat_map(|(number, query)| interval_rows(number, query))
            .collect();
        let newest = |condition: &str| {
            format!(
                "(SELECT max(i.id) FROM instance i WHERE i.workflow_id = c_workflow AND {condition} AND {MAY_DECIDE})"
            )
        };
        let sql = format!(
            "SELECT c_query, c_place, {}, {} FROM {}",
            newest("i.scheduled_at >= c_from AND i.scheduled_at <= c_to"),
            newest("i.scheduled_at IS NULL AND i.created_at >= c_from AND i.created_at <= c_to"),
            source(self.backend(), &RANGE)
        );
        self.read_found_ids(read, &sql, &rows).await
    }

    async fn find_ended_since(
        &self,
        read: &Transaction,
        queries: &[CandidateQuery],
    ) -> Result<FoundIds, StoreError> {
        let rows: Vec<RangeRow> = queries
            .iter()
            .enumerate()
            .filter_map(|(number, query)| match query.window {
                CandidateWindow::EndedSince(since) => {
                    Some(range_row((number, 0), query, since, Timestamp(i64::MAX)))
                }
                CandidateWindow::Intervals(_) => None,
            })
            .collect();
        let sql = format!(
            "SELECT c_query, c_place, (SELECT max(i.id) FROM instance i WHERE i.project_id = c_project \
             AND i.ended_at >= c_from AND i.workflow_id = c_workflow AND i.state = 'succeeded' \
             AND coalesce(i.scheduled_at, i.created_at) < c_before AND {MAY_DECIDE}), NULL FROM {}",
            source(self.backend(), &RANGE)
        );
        self.read_found_ids(read, &sql, &rows).await
    }

    async fn read_found_ids(
        &self,
        read: &Transaction,
        sql: &str,
        rows: &[RangeRow],
    ) -> Result<FoundIds, StoreError> {
        if rows.is_empty() {
            return Ok(FoundIds::new());
        }
        let rows = read
            .query_all_raw(self.statement(sql, [json(&rows)?.into()]))
            .await
            .map_err(store_error)?;
        let mut found = FoundIds::new();
        for row in &rows {
            let mut columns = RowReader::new(row);
            let place = (read_place(&mut columns)?, read_place(&mut columns)?);
            let scheduled: Option<i64> = columns.next_value()?;
            let unscheduled: Option<i64> = columns.next_value()?;
            found.extend(scheduled.max(unscheduled).map(|id| (place, id)));
        }
        Ok(found)
    }

    /// Returns the questions about the own workflow of an instance before which there is none at all.
    async fn find_first_ones(
        &self,
        read: &Transaction,
        queries: &[CandidateQuery],
    ) -> Result<BTreeSet<usize>, StoreError> {
        let rows: Vec<RangeRow> = queries
            .iter()
            .enumerate()
            .filter(|(_, query)| query.before.is_some())
            .map(|(number, query)| range_row((number, 0), query, Timestamp(0), Timestamp(0)))
            .collect();
        if rows.is_empty() {
            return Ok(BTreeSet::new());
        }
        let none = |condition: &str| {
            format!(
                "NOT EXISTS (SELECT 1 FROM instance i WHERE i.workflow_id = c_workflow AND {condition} \
                 AND {MAY_DECIDE})"
            )
        };
        let sql = format!(
            "SELECT c_query FROM {} WHERE {} AND {}",
            source(self.backend(), &RANGE),
            none("i.scheduled_at < c_before"),
            none("i.scheduled_at IS NULL AND i.created_at < c_before")
        );
        let rows = read
            .query_all_raw(self.statement(&sql, [json(&rows)?.into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| read_place(&mut RowReader::new(row)))
            .collect()
    }

    async fn read_deciding_instances(
        &self,
        read: &Transaction,
        found: &FoundIds,
    ) -> Result<BTreeMap<i64, DecidingInstance>, StoreError> {
        if found.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "SELECT i.id, i.state, i.workflow_id, i.version, EXISTS (SELECT 1 FROM task_instance t \
             WHERE t.instance = i.id AND t.state IN ('failed', 'killed')), i.outputs \
             FROM instance i WHERE i.id IN (SELECT c_id FROM {})",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let ids: BTreeSet<i64> = found.values().copied().collect();
        let rows = read
            .query_all_raw(self.statement(&sql, [id_list(ids)?]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_deciding_instance).collect()
    }

    /// Finds the tasks that questions name in the versions of the instances that decide.
    async fn find_named_tasks(
        &self,
        queries: &[CandidateQuery],
        found: &FoundIds,
        instances: &BTreeMap<i64, DecidingInstance>,
    ) -> Result<NamedTasks, StoreError> {
        let mut tasks = NamedTasks::new();
        for (place, id) in found {
            let target = queries.get(place.0).map(|query| &query.target);
            let (Some(DependencyTarget::Task(name)), Some(instance)) = (target, instances.get(id)) else {
                continue;
            };
            let (workflow, version) = instance.version;
            let definition = self.load_definition(workflow, version).await?;
            let named = definition.task_index_of(name).map(|task_index| NamedTask {
                task_index,
                enabled: definition.task(task_index).is_some_and(|task| task.enabled),
            });
            tasks.insert(*place, named);
        }
        Ok(tasks)
    }

    async fn read_deciding_tasks(
        &self,
        read: &Transaction,
        found: &FoundIds,
        named: &NamedTasks,
    ) -> Result<BTreeMap<(i64, TaskIndex), DecidingTask>, StoreError> {
        let keys: Vec<DecidingTaskKey> = named
            .iter()
            .filter_map(|(place, task)| {
                Some(DecidingTaskKey {
                    c_instance: *found.get(place)?,
                    c_task: task.as_ref()?.task_index.0,
                })
            })
            .collect();
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "SELECT t.instance, t.task_index, t.state, t.outputs FROM {} \
             JOIN task_instance t ON t.instance = c_instance AND t.task_index = c_task",
            source(self.backend(), &TASK_KEY)
        );
        let rows = read
            .query_all_raw(self.statement(&sql, [json(&keys)?.into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                let key = (columns.next_value()?, TaskIndex(columns.next_u32()?));
                let task = DecidingTask {
                    state: columns.next_parsed()?,
                    outputs: columns.next_json()?,
                };
                Ok((key, task))
            })
            .collect()
    }
}

/// Puts together what is known of the instance that was found at a place.
fn assemble_candidate(
    id: i64,
    query: &CandidateQuery,
    instance: &DecidingInstance,
    task: Option<(&Option<NamedTask>, Option<&DecidingTask>)>,
) -> Candidate {
    let state_of = |row: Option<&DecidingTask>| row.map_or(TaskState::Pending, |row| row.state);
    let outputs = match (query.outputs, task) {
        (PassedOutputs::Unread, _) => BTreeMap::new(),
        (PassedOutputs::Read, None) => instance.outputs.clone(),
        (PassedOutputs::Read, Some((_, row))) => row.map(|row| row.outputs.clone()).unwrap_or_default(),
    };
    Candidate {
        instance: InstanceId(id),
        state: instance.state,
        has_failed_tasks: instance.has_failed_tasks,
        task: task.map(|(named, row)| match named {
            None => CandidateTask::Missing,
            Some(named) if !named.enabled => CandidateTask::Disabled,
            Some(_) => CandidateTask::InState(state_of(row)),
        }),
        outputs,
    }
}

/// Writes one row for each interval of a question.
fn interval_rows(number: usize, query: &CandidateQuery) -> Vec<RangeRow> {
    let intervals = match &query.window {
        CandidateWindow::Intervals(intervals) => intervals.as_slice(),
        CandidateWindow::EndedSince(_) => &[],
    };
    let last = query.before.map_or(Timestamp(i64::MAX), |before| before.plus(-1));
    intervals
        .iter()
        .enumerate()
        .map(|(place, one)| range_row((number, place), query, one.from, one.to.min(last)))
        .collect()
}

fn range_row(place: (usize, usize), query: &CandidateQuery, from: Timestamp, to: Timestamp) -> RangeRow {
    let is_whole = match query.target {
        DependencyTarget::Instance | DependencyTarget::AllTasks => 1,
        DependencyTarget::Task(_) => 0,
    };
    RangeRow {
        c_query: place.0,
        c_place: place.1,
        c_project: query.project_id,
        c_workflow: query.workflow_id,
        c_from: from.0,
        c_to: to.0,
        c_before: query.before.map_or(i64::MAX, |before| before.0),
        c_whole: is_whole,
    }
}

fn interval_count(query: &CandidateQuery) -> usize {
    match &query.window {
        CandidateWindow::Intervals(intervals) => intervals.len(),
        CandidateWindow::EndedSince(_) => 1,
    }
}

fn read_place(columns: &mut RowReader<'_>) -> Result<usize, StoreError> {
    usize::try_from(columns.next_u32()?).map_err(corrupt)
}

fn read_deciding_instance(row: &QueryResult) -> Result<(i64, DecidingInstance), StoreError> {
    let mut columns = RowReader::new(row);
    let id = columns.next_value()?;
    let instance = DecidingInstance {
        state: columns.next_parsed()?,
        version: (columns.next_value()?, columns.next_value()?),
        has_failed_tasks: columns.next_value()?,
        outputs: columns.next_json()?,
    };
    Ok((id, instance))
}
