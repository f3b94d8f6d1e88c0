//! The state of instances as their owner loads it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::ids::{BackfillId, Epoch, Generation, Incarnation, InstanceId, Revision, Run, Timestamp};
use engine::instance::{InstanceRecord, InstanceRows};
use engine::start::{Start, StartChanges};
use ports::{InstanceReader, LoadedInstance, Ownership, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult};

use crate::batch_sql::{Column, id_list, json, source};
use crate::engine::task_rows::{attempts_of, read_attempt, read_task, tasks_of};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// What is loaded: ids with the epochs under which they are owned.
const OWNED: [Column; 2] = [("c_id", "bigint"), ("c_epoch", "bigint")];

/// The columns of an instance with its project and workflow, and where they come from.
const COLUMNS: &str = "i.id, i.epoch, p.name, w.name, i.workflow_id, i.version, i.project_params, i.start, \
     (SELECT generation FROM cluster_meta), i.revision, i.created_at, i.state, i.reason, i.attention, i.run, i.queued_by, i.due_at, \
     i.time_left_ms, i.timed_out, i.started_at, i.ended_at, i.outputs, i.backfill, i.gated, i.trigger_type, \
     i.parent, i.requested_by, i.run_range, i.params, i.labels, i.priority";
const DEFINITIONS: &str = "JOIN project p ON p.id = i.project_id JOIN workflow w ON w.id = i.workflow_id";

/// Writes the read of the listed instances that the incarnation `$2` owns under the listed epochs.
fn owned_instances(backend: DbBackend) -> String {
    let owned = source(backend, &OWNED);
    format!(
        "SELECT {COLUMNS} FROM {owned} JOIN instance i ON i.id = c_id AND i.epoch = c_epoch {DEFINITIONS} \
         WHERE i.owner = $2"
    )
}

/// Instances that are being assembled.
type InstancesById = BTreeMap<InstanceId, LoadedInstance>;

#[async_trait]
impl InstanceReader for Store {
    async fn load_instances(
        &self,
        owner: Incarnation,
        owned: &[Ownership],
    ) -> Result<Vec<LoadedInstance>, StoreError> {
        let read = self.begin_read().await?;
        let sql = owned_instances(self.backend());
        let rows: Vec<BTreeMap<&str, i64>> = owned
            .iter()
            .map(|one| BTreeMap::from([("c_id", one.id.0), ("c_epoch", one.epoch.0)]))
            .collect();
        let rows = read
            .query_all_raw(self.statement(&sql, [json(&rows)?.into(), owner.0.into()]))
            .await
            .map_err(store_error)?;
        let mut loaded = InstancesById::new();
        for row in &rows {
            let instance = read_instance(row)?;
            loaded.insert(instance.rows.id, instance);
        }
        let ids: Vec<InstanceId> = loaded.keys().copied().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.add_tasks(&read, &ids, &mut loaded).await?;
        for command in self.unapplied_commands_on(&read, &ids).await? {
            loaded
                .entry(command.instance)
                .and_modify(|instance| instance.commands.push(command));
        }
        for result in self.relayed_results_on(&read, &ids).await? {
            loaded
                .entry(result.uid.instance)
                .and_modify(|instance| instance.results.push(result));
        }
        Ok(loaded.into_values().collect())
    }
}

impl Store {
    /// Reads an instance with its tasks at one moment, with any owner or none, and without what is in its inbox; none when there
    /// is no such instance.
    ///
    /// # Errors
    /// `Unavailable`: try again. `Rejected`: its rows cannot be read.
    pub async fn read_instance(&self, id: InstanceId) -> Result<Option<LoadedInstance>, StoreError> {
        let read = self.begin_read().await?;
        let sql = format!("SELECT {COLUMNS} FROM instance i {DEFINITIONS} WHERE i.id = $1");
        let row = read.query_one_raw(self.statement(&sql, [id.0.into()])).await;
        let Some(row) = row.map_err(store_error)? else {
            return Ok(None);
        };
        let mut loaded = InstancesById::from([(id, read_instance(&row)?)]);
        self.add_tasks(&read, &[id], &mut loaded).await?;
        Ok(loaded.remove(&id))
    }

    async fn add_tasks(
        &self,
        read: &Transaction,
        ids: &[InstanceId],
        loaded: &mut InstancesById,
    ) -> Result<(), StoreError> {
        let backend = self.backend();
        for row in &self.read_children(read, &tasks_of(backend), ids).await? {
            let (id, ordinal, task) = read_task(row)?;
            loaded
                .entry(id)
                .and_modify(|instance| drop(instance.rows.tasks.insert(ordinal, Box::new(task))));
        }
        for row in &self.read_children(read, &attempts_of(backend), ids).await? {
            let (id, ordinal, latest, attempt) = read_attempt(row)?;
            let Some(instance) = loaded.get_mut(&id) else {
                continue;
            };
            match instance.rows.tasks.get_mut(&ordinal) {
                Some(task) if latest => task.attempt = Some(attempt),
                _ => instance.duplicate_open_attempts.push((ordinal, attempt)),
            }
        }
        Ok(())
    }

    /// Runs a statement whose one parameter is a list of instances.
    async fn read_children(
        &self,
        read: &Transaction,
        sql: &str,
        ids: &[InstanceId],
    ) -> Result<Vec<QueryResult>, StoreError> {
        let list = id_list(ids.iter().map(|id| id.0))?;
        let rows = read.query_all_raw(self.statement(sql, [list])).await;
        rows.map_err(store_error)
    }
}

/// Reads what later commands changed of the start.
fn read_start_changes(columns: &mut RowReader<'_>) -> Result<StartChanges, StoreError> {
    Ok(StartChanges {
        params: columns.next_optional_json()?,
        labels: columns.next_optional_json()?,
        priority: columns.next_parsed()?,
    })
}

/// Reads a row of `COLUMNS`; its children are added later.
fn read_instance(row: &QueryResult) -> Result<LoadedInstance, StoreError> {
    let mut columns = RowReader::new(row);
    let id = InstanceId(columns.next_value()?);
    let epoch = Epoch(columns.next_value()?);
    let project = columns.next_value()?;
    let workflow = columns.next_value()?;
    let workflow_id = columns.next_value()?;
    let version = columns.next_value()?;
    let project_params = columns.next_json()?;
    let start = columns.next_json()?;
    let generation = Generation(columns.next_value()?);
    let revision = Revision(columns.next_value()?);
    let created_at = Timestamp(columns.next_value()?);
    let mut record = InstanceRecord {
        state: columns.next_parsed()?,
        reason: columns.next_value()?,
        attention: columns.next_optional_json()?,
        run: Run(columns.next_u32()?),
        queued_by: columns.next_optional_parsed()?,
        run_range: None,
        due_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        time_left_ms: columns.next_value()?,
        timed_out: columns.next_value()?,
        started_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        ended_at: columns.next_value::<Option<i64>>()?.map(Timestamp),
        outputs: columns.next_json()?,
    };
    let backfill = columns.next_value::<Option<i64>>()?.map(BackfillId);
    let gated = columns.next_value()?;
    let trigger = columns.next_parsed()?;
    let parent = columns.next_value::<Option<i64>>()?.map(InstanceId);
    let requested_by = columns.next_value()?;
    record.run_range = columns.next_optional_json()?;
    let start = Start::amend(start, read_start_changes(&mut columns)?);
    Ok(LoadedInstance {
        rows: InstanceRows {
            id,
            generation,
            epoch,
            revision,
            created_at,
            record,
            tasks: BTreeMap::new(),
        },
        project,
        workflow,
        workflow_id,
        version,
        project_params,
        start,
        trigger,
        backfill,
        parent,
        requested_by,
        gated,
        duplicate_open_attempts: Vec::new(),
        commands: Vec::new(),
        results: Vec::new(),
    })
}
