//! What an owner reads: its instances, their verbs, pinned definitions.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use actors::ports::{InboxCommand, LoadedInstance, OwnedInstance, Ownership, StoreError};
use engine::definition::Definition;
use engine::ids::{Epoch, Generation, Incarnation, InstanceId, Millis, OperationId, Rev, Run};
use engine::instance::Header;
use engine::states::{Outcome, Verb};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult};
use serde::Serialize;

use super::attempts::{attempts_of, read_attempt, read_task, tasks_of};
use super::bulk::run;
use super::results::OPEN_RESULT;
use super::rows::{Cells, Column, damaged, id_list, json, source};
use super::{Store, Transaction, begin_on, store_error};

/// So many pinned definitions are kept.
const DEFINITIONS: usize = 256;

/// What is asked for: ids with the epochs under which they are owned.
const ASKED: [Column; 2] = [("c_id", "bigint"), ("c_epoch", "bigint")];

/// Reads the instances of the asked ids that the life `$2` owns under the asked epochs.
const INSTANCES: &str = "SELECT i.id, i.epoch, p.name, w.name, i.workflow_id, i.version, i.project_params, i.start, \
     (SELECT generation FROM cluster_meta), i.rev, i.created_at, i.state, i.reason, i.attention, i.run, i.due_at, \
     i.time_left_ms, i.timed_out, i.started_at, i.ended_at, i.outputs \
     FROM {asked} JOIN instance i ON i.id = c_id AND i.epoch = c_epoch \
     JOIN project p ON p.id = i.project_id JOIN workflow w ON w.id = i.workflow_id WHERE i.owner = $2";

const VERB: &str = "SELECT instance, id, verb, run, task, requested_by FROM inbox \
     WHERE applied_at IS NULL AND kind = 'verb'";

/// A verb that is refused without an owner.
#[derive(Serialize)]
struct Refusal {
    c_operation: i64,
    c_at: i64,
    c_epoch: i64,
    c_outcome: &'static str,
    c_detail: String,
}

const REFUSAL: [Column; 5] = [
    ("c_operation", "bigint"),
    ("c_at", "bigint"),
    ("c_epoch", "bigint"),
    ("c_outcome", "text"),
    ("c_detail", "text"),
];

/// Instances that are being put together.
type ById = BTreeMap<InstanceId, LoadedInstance>;

impl Store {
    /// Reads instances under their ownership, from one moment; those that are owned otherwise are left out.
    pub(super) async fn load_instances(
        &self,
        me: Incarnation,
        asked: &[Ownership],
    ) -> Result<Vec<LoadedInstance>, StoreError> {
        let read = self.begin_read().await?;
        let sql = INSTANCES.replace("{asked}", &source(self.backend(), &ASKED));
        let rows: Vec<BTreeMap<&str, i64>> = asked
            .iter()
            .map(|owned| BTreeMap::from([("c_id", owned.id.0), ("c_epoch", owned.epoch.0)]))
            .collect();
        let rows = read
            .query_all_raw(self.statement(&sql, [json(&rows)?.into(), me.0.into()]))
            .await
            .map_err(store_error)?;
        let mut loaded = ById::new();
        for row in &rows {
            let instance = read_instance(row)?;
            loaded.insert(instance.id, instance);
        }
        let ids: Vec<InstanceId> = loaded.keys().copied().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.add_tasks(&read, &ids, &mut loaded).await?;
        for row in &self.of_instances(&read, &verbs_of(self.backend()), &ids).await? {
            let command = read_command(row)?;
            loaded
                .entry(command.instance)
                .and_modify(|instance| instance.commands.push(command));
        }
        for result in self.kept_on(&read, &ids).await? {
            loaded
                .entry(result.uid.instance)
                .and_modify(|instance| instance.results.push(result));
        }
        Ok(loaded.into_values().collect())
    }

    async fn add_tasks(
        &self,
        read: &Transaction,
        ids: &[InstanceId],
        loaded: &mut ById,
    ) -> Result<(), StoreError> {
        let backend = self.backend();
        for row in &self.of_instances(read, &tasks_of(backend), ids).await? {
            let (id, ordinal, task) = read_task(row)?;
            loaded
                .entry(id)
                .and_modify(|instance| instance.tasks.push((ordinal, task)));
        }
        for row in &self.of_instances(read, &attempts_of(backend), ids).await? {
            let (id, ordinal, latest, attempt) = read_attempt(row)?;
            let Some(instance) = loaded.get_mut(&id) else {
                continue;
            };
            // Tasks come in the order of their ordinals.
            let place = instance
                .tasks
                .binary_search_by_key(&ordinal, |(ordinal, _)| *ordinal);
            match place {
                Ok(place) if latest => instance.tasks[place].1.attempt = Some(attempt),
                _ => instance.duplicate_open_attempts.push((ordinal, attempt)),
            }
        }
        Ok(())
    }

    /// Runs a statement whose one parameter is a list of instances.
    async fn of_instances<C: ConnectionTrait>(
        &self,
        connection: &C,
        sql: &str,
        ids: &[InstanceId],
    ) -> Result<Vec<QueryResult>, StoreError> {
        let asked = id_list(ids.iter().map(|id| id.0))?;
        let rows = connection.query_all_raw(self.statement(sql, [asked])).await;
        rows.map_err(store_error)
    }

    /// Reads unapplied verbs of several instances, in order.
    pub(super) async fn list_unapplied_commands(
        &self,
        ids: &[InstanceId],
    ) -> Result<Vec<InboxCommand>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self
            .of_instances(self.reader(), &verbs_of(self.backend()), ids)
            .await?;
        rows.iter().map(read_command).collect()
    }

    /// Lists what a life owns, and whether anything waits in its inbox.
    pub(super) async fn list_owned(
        &self,
        me: Incarnation,
    ) -> Result<Vec<OwnedInstance>, StoreError> {
        let sql = format!(
            "SELECT i.id, i.epoch, EXISTS (SELECT 1 FROM inbox x WHERE x.instance = i.id \
             AND x.applied_at IS NULL AND (x.kind = 'verb' OR ({OPEN_RESULT}))) \
             FROM instance i WHERE i.owner = $1 ORDER BY i.id"
        );
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [me.0.into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut cells = Cells::of(row);
                Ok(OwnedInstance {
                    id: InstanceId(cells.take()?),
                    epoch: Epoch(cells.take()?),
                    has_unread_inbox: cells.take()?,
                })
            })
            .collect()
    }

    /// Clears the count of claims without progress.
    pub(super) async fn clear_claims(&self, me: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE instance SET claims_without_progress = 0 WHERE owner = $2 AND claims_without_progress > 0 \
             AND id IN (SELECT c_id FROM {})",
            source(self.backend(), &[("c_id", "bigint")])
        );
        self.inner
            .pools
            .engine
            .execute_raw(self.statement(&sql, [id_list(ids.iter().map(|id| id.0))?, me.0.into()]))
            .await
            .map_err(store_error)?;
        Ok(())
    }

    /// Refuses, without an owner, the verbs that cannot apply; holds the row so that nobody claims meanwhile.
    pub(super) async fn refuse_inapplicable_commands(&self, id: InstanceId, at: Millis) -> Result<(), StoreError> {
        let transaction = begin_on(&self.inner.pools.engine).await?;
        let lock = if self.backend() == DbBackend::Sqlite {
            ""
        } else {
            " FOR NO KEY UPDATE"
        };
        let sql = format!(
            "SELECT state, attention, run, epoch FROM instance WHERE id = $1 AND owner IS NULL{lock}"
        );
        let row = transaction
            .query_one_raw(self.statement(&sql, [id.0.into()]))
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(()) };
        let sql = format!("{VERB} AND instance = $1 ORDER BY id");
        let verbs = transaction
            .query_all_raw(self.statement(&sql, [id.0.into()]))
            .await
            .map_err(store_error)?;
        let verbs: Vec<InboxCommand> = verbs
            .iter()
            .map(read_command)
            .collect::<Result<_, _>>()?;
        let refused = refusals(&row, &verbs, at)?;
        let backend = self.backend();
        run(&transaction, &refused, || {
            format!(
                "UPDATE inbox SET applied_at = c_at, applied_epoch = c_epoch, outcome = c_outcome, \
                 detail = c_detail FROM {} WHERE id = c_operation AND applied_at IS NULL",
                source(backend, &REFUSAL)
            )
        })
        .await?;
        self.commit_engine(transaction).await
    }

    /// Reads a pinned definition; remembered, since it never changes.
    pub(super) async fn load_definition(
        &self,
        workflow_id: i64,
        version: i64,
    ) -> Result<Arc<Definition>, StoreError> {
        let key = (workflow_id, version);
        if let Some(known) = self.known_definitions().get(&key) {
            return Ok(known.clone());
        }
        let sql = "SELECT model FROM workflow_version WHERE workflow_id = $1 AND version = $2";
        let row = self
            .reader()
            .query_one_raw(self.statement(sql, [workflow_id.into(), version.into()]))
            .await
            .map_err(store_error)?
            .ok_or_else(|| {
                StoreError::Rejected(format!("workflow {workflow_id} has no version {version}"))
            })?;
        let model: serde_json::Value = Cells::of(&row).json()?;
        let definition = read_model(&model)
            .map_err(|issues| damaged(format!("version {version} of workflow {workflow_id}: {issues}")))?;
        let definition = Arc::new(definition);
        let mut known = self.known_definitions();
        if known.len() >= DEFINITIONS {
            known.clear();
        }
        known.insert(key, definition.clone());
        Ok(definition)
    }

    fn known_definitions(&self) -> std::sync::MutexGuard<'_, BTreeMap<(i64, i64), Arc<Definition>>> {
        self.inner
            .definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads unapplied verbs of the instances of a list, in the order in which they came.
fn verbs_of(backend: DbBackend) -> String {
    let asked = source(backend, &[("c_id", "bigint")]);
    format!("{VERB} AND instance IN (SELECT c_id FROM {asked}) ORDER BY id")
}

/// Reads a row of `INSTANCES`; what belongs to it is filled in later.
fn read_instance(row: &QueryResult) -> Result<LoadedInstance, StoreError> {
    let mut cells = Cells::of(row);
    let id = InstanceId(cells.take()?);
    let epoch = Epoch(cells.take()?);
    let project = cells.take()?;
    let workflow = cells.take()?;
    let workflow_id = cells.take()?;
    let version = cells.take()?;
    let project_params = cells.json()?;
    let start = cells.json()?;
    let generation = Generation(cells.take()?);
    let rev = Rev(cells.take()?);
    let created_at = Millis(cells.take()?);
    let header = Header {
        state: cells.name()?,
        reason: cells.take()?,
        attention: cells.optional_json()?,
        run: Run(cells.small()?),
        due_at: cells.take::<Option<i64>>()?.map(Millis),
        time_left_ms: cells.take()?,
        timed_out: cells.take()?,
        started_at: cells.take::<Option<i64>>()?.map(Millis),
        ended_at: cells.take::<Option<i64>>()?.map(Millis),
        outputs: cells.json()?,
    };
    Ok(LoadedInstance {
        id,
        project,
        workflow,
        workflow_id,
        version,
        project_params,
        start,
        generation,
        epoch,
        rev,
        created_at,
        header,
        tasks: Vec::new(),
        duplicate_open_attempts: Vec::new(),
        commands: Vec::new(),
        results: Vec::new(),
    })
}

fn read_command(row: &QueryResult) -> Result<InboxCommand, StoreError> {
    let mut cells = Cells::of(row);
    let instance = InstanceId(cells.take()?);
    Ok(InboxCommand {
        instance,
        operation: OperationId(cells.take()?),
        command: cells.name()?,
        run: Run(cells.small()?),
        task: cells.take()?,
        requested_by: cells.take()?,
    })
}

fn refusals(instance: &QueryResult, verbs: &[InboxCommand], at: Millis) -> Result<Vec<Refusal>, StoreError> {
    let mut cells = Cells::of(instance);
    let state = cells.name()?;
    let attention = cells.optional_json()?;
    let run = Run(cells.small()?);
    let epoch: i64 = cells.take()?;
    let possible: Vec<&str> = Verb::possible_in(state, attention.as_ref())
        .into_iter()
        .map(Verb::as_str)
        .collect();
    let applies = |verb: &InboxCommand| verb.run == run && verb.command.applies_in(state, attention.as_ref());
    let refused = verbs.iter().filter(|verb| !applies(verb));
    Ok(refused
        .map(|verb| Refusal {
            c_operation: verb.operation.0,
            c_at: at.0,
            c_epoch: epoch,
            c_outcome: Outcome::Refused.as_str(),
            c_detail: if verb.run == run {
                format!("the instance is {state}; possible now: {}", possible.join(", "))
            } else {
                format!("it was meant for run {}, and this is run {run}", verb.run)
            },
        })
        .collect())
}

/// Reads the stored canonical model; it was valid when it was stored.
fn read_model(model: &serde_json::Value) -> Result<Definition, String> {
    engine::document::read(model).map_err(|issues| {
        let said: Vec<_> = issues
            .iter()
            .map(|issue| format!("{}: {}", issue.pointer, issue.message))
            .collect();
        said.join("; ")
    })
}
