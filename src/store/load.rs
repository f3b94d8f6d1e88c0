//! What an owner reads: its instances, their verbs, pinned definitions.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use actors::ports::{InboxVerb, Loaded, StoreError};
use engine::definition::Definition;
use engine::ids::{Epoch, Generation, Incarnation, InstanceId, Millis, OperationId, Ordinal, Rev, Run};
use engine::instance::Header;
use engine::states::{Outcome, Verb};
use engine::task::{Attempt, Task};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult};
use serde::Serialize;

use super::attempts::{ATTEMPTS_OF, TASKS_OF, read_attempt, read_task};
use super::bulk::run;
use super::results::OPEN_RESULT;
use super::rows::{Cells, Column, damaged, id_list, source};
use super::{Store, Transaction, begin_on, store_error};

/// So many pinned definitions are kept.
const DEFINITIONS: usize = 256;

const INSTANCE: &str = "SELECT p.name, w.name, i.workflow_id, i.version, i.project_params, i.start, \
     (SELECT generation FROM cluster_meta), i.rev, i.created_at, i.state, i.reason, i.attention, i.run, i.due_at, \
     i.time_left_ms, i.timed_out, i.started_at, i.ended_at, i.outputs \
     FROM instance i JOIN project p ON p.id = i.project_id JOIN workflow w ON w.id = i.workflow_id \
     WHERE i.id = $1 AND i.owner = $2 AND i.epoch = $3";

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

type Tasks = Vec<(Ordinal, Task)>;
type Stray = Vec<(Ordinal, Attempt)>;

impl Store {
    /// Reads an instance under its ownership, from one moment.
    pub(super) async fn load_instance(
        &self,
        id: InstanceId,
        me: Incarnation,
        epoch: Epoch,
    ) -> Result<Option<Loaded>, StoreError> {
        let read = self.begin_read().await?;
        let values = [id.0.into(), me.0.into(), epoch.0.into()];
        let row = read
            .query_one_raw(self.statement(INSTANCE, values))
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        let mut loaded = read_instance(&row, id, epoch)?;
        (loaded.tasks, loaded.stray) = self.read_tasks(&read, id).await?;
        let sql = format!("{VERB} AND instance = $1 ORDER BY id");
        let verbs = read
            .query_all_raw(self.statement(&sql, [id.0.into()]))
            .await
            .map_err(store_error)?;
        for row in &verbs {
            loaded.verbs.push(read_verb(row)?.1);
        }
        loaded.results = self.kept_on(&read, &[id]).await?;
        Ok(Some(loaded))
    }

    async fn read_tasks(&self, read: &Transaction, id: InstanceId) -> Result<(Tasks, Stray), StoreError> {
        let rows = read
            .query_all_raw(self.statement(TASKS_OF, [id.0.into()]))
            .await
            .map_err(store_error)?;
        let mut tasks: BTreeMap<Ordinal, Task> = rows.iter().map(read_task).collect::<Result<_, _>>()?;
        let rows = read
            .query_all_raw(self.statement(ATTEMPTS_OF, [id.0.into()]))
            .await
            .map_err(store_error)?;
        let mut stray = Vec::new();
        for row in &rows {
            let (ordinal, latest, attempt) = read_attempt(row)?;
            match tasks.get_mut(&ordinal) {
                Some(task) if latest => task.attempt = Some(attempt),
                _ => stray.push((ordinal, attempt)),
            }
        }
        Ok((tasks.into_iter().collect(), stray))
    }

    /// Reads unapplied verbs of several instances, in order.
    pub(super) async fn unapplied_verbs(
        &self,
        ids: &[InstanceId],
    ) -> Result<Vec<(InstanceId, InboxVerb)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "{VERB} AND instance IN (SELECT c_id FROM {}) ORDER BY id",
            source(self.backend(), &[("c_id", "bigint")])
        );
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [id_list(ids.iter().map(|id| id.0))?]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_verb).collect()
    }

    /// Lists what a life owns, and whether anything waits in its inbox.
    pub(super) async fn owned_by(
        &self,
        me: Incarnation,
    ) -> Result<Vec<(InstanceId, Epoch, bool)>, StoreError> {
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
                Ok((InstanceId(cells.take()?), Epoch(cells.take()?), cells.take()?))
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
    pub(super) async fn refuse_verbs_at_rest(&self, id: InstanceId, at: Millis) -> Result<(), StoreError> {
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
        let verbs: Vec<InboxVerb> = verbs
            .iter()
            .map(|row| read_verb(row).map(|(_, verb)| verb))
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
    pub(super) async fn pinned_definition(
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

fn read_instance(row: &QueryResult, id: InstanceId, epoch: Epoch) -> Result<Loaded, StoreError> {
    let mut cells = Cells::of(row);
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
    Ok(Loaded {
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
        stray: Vec::new(),
        verbs: Vec::new(),
        results: Vec::new(),
    })
}

fn read_verb(row: &QueryResult) -> Result<(InstanceId, InboxVerb), StoreError> {
    let mut cells = Cells::of(row);
    let instance = InstanceId(cells.take()?);
    let verb = InboxVerb {
        operation: OperationId(cells.take()?),
        verb: cells.name()?,
        run: Run(cells.small()?),
        task: cells.take()?,
        requested_by: cells.take()?,
    };
    Ok((instance, verb))
}

fn refusals(instance: &QueryResult, verbs: &[InboxVerb], at: Millis) -> Result<Vec<Refusal>, StoreError> {
    let mut cells = Cells::of(instance);
    let state = cells.name()?;
    let attention = cells.optional_json()?;
    let run = Run(cells.small()?);
    let epoch: i64 = cells.take()?;
    let possible: Vec<&str> = Verb::possible_in(state, attention.as_ref())
        .into_iter()
        .map(Verb::as_str)
        .collect();
    let applies = |verb: &InboxVerb| verb.run == run && verb.verb.applies_in(state, attention.as_ref());
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
