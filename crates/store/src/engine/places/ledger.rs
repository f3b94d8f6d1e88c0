//! What is allowed, and how much of it is taken.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::InstanceId;
use engine::place::{no_place_reason, project_cap_reason};
use engine::spec::{ConcurrencyRule, ConcurrencyStrategy};
use ports::{MissingPlace, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::batch_sql::{id_list, source};
use crate::engine::places::rows::{HELD, PlaceDemand, WAITING};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;

/// The class of the advisory locks of projects on PostgreSQL.
const PROJECT_LOCK: i32 = 0x706c_6163;

/// The most holders that a reason names.
const NAMED_HOLDERS: i64 = 3;

/// What a workflow and its project allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkflowGate {
    /// The project.
    pub(crate) project_id: i64,
    /// The project's name.
    pub(crate) project: String,
    /// The workflow's name.
    pub(crate) workflow: String,
    /// The rule of the current version.
    pub(crate) rule: Option<ConcurrencyRule>,
    /// The most open instances of the project.
    pub(crate) max_instances: Option<u32>,
}

/// The places of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlaceCount {
    /// The number of holders.
    pub(crate) held: u32,
    /// Whether others wait.
    pub(crate) has_waiting: bool,
}

/// What follows for a demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlaceVerdict {
    /// It has its places.
    Free,
    /// It has to wait.
    Missing {
        /// Which place is missing.
        place: MissingPlace,
        /// In words.
        reason: String,
    },
}

/// The gates of some projects, whose places no other transaction takes until this one ends.
pub(crate) struct PlaceLedger<'t> {
    transaction: &'t Transaction,
    gates: BTreeMap<i64, WorkflowGate>,
    keys: BTreeMap<(i64, String), PlaceCount>,
    projects: BTreeMap<i64, PlaceCount>,
}

impl<'t> PlaceLedger<'t> {
    /// Reads without a lock, for a look whose result is checked again when it is stored.
    pub(crate) fn unlocked(transaction: &'t Transaction) -> Self {
        Self {
            transaction,
            gates: BTreeMap::new(),
            keys: BTreeMap::new(),
            projects: BTreeMap::new(),
        }
    }

    /// Locks the places of projects, in one order everywhere.
    pub(crate) async fn lock(
        transaction: &'t Transaction,
        projects: &BTreeSet<i64>,
    ) -> Result<Self, StoreError> {
        for project in projects {
            lock_places(transaction, *project).await?;
        }
        Ok(Self::unlocked(transaction))
    }

    /// Reads the gates of workflows, unless they were read before.
    pub(crate) async fn read_gates(
        &mut self,
        workflows: impl IntoIterator<Item = i64>,
    ) -> Result<(), StoreError> {
        let unknown: BTreeSet<i64> = workflows
            .into_iter()
            .filter(|workflow| !self.gates.contains_key(workflow))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT w.id, w.project_id, p.name, w.name, w.concurrency, p.max_instances FROM workflow w \
             JOIN project p ON p.id = w.project_id WHERE w.id IN (SELECT c_id FROM {})",
            source(self.backend(), &[("c_id", "bigint")])
        );
        for row in &self.query(&sql, [id_list(unknown)?]).await? {
            let mut columns = RowReader::new(row);
            let workflow = columns.next_value()?;
            let gate = WorkflowGate {
                project_id: columns.next_value()?,
                project: columns.next_value()?,
                workflow: columns.next_value()?,
                rule: columns.next_optional_json()?,
                max_instances: columns
                    .next_value::<Option<i64>>()?
                    .map(|cap| u32::try_from(cap).unwrap_or(u32::MAX)),
            };
            self.gates.insert(workflow, gate);
        }
        Ok(())
    }

    /// Returns the gate of a workflow that was read.
    pub(crate) fn gate(&self, workflow: i64) -> Option<&WorkflowGate> {
        self.gates.get(&workflow)
    }

    /// Says whether a new demand has its places, and takes them. Where others wait, they come first.
    pub(crate) async fn take(&mut self, demand: &PlaceDemand) -> Result<PlaceVerdict, StoreError> {
        let Some(gate) = self.gates.get(&demand.workflow_id).cloned() else {
            return Ok(PlaceVerdict::Free);
        };
        let cap = gate.max_instances.filter(|_| demand.counted);
        let place = demand.key.as_ref().zip(gate.rule.as_ref());
        let mut missing = None;
        if let Some((key, rule)) = place {
            let count = self.count_key(demand.workflow_id, key).await?;
            if count.held >= rule.limit || count.has_waiting {
                let reason = no_place_reason(&gate.workflow, rule, key);
                missing = Some((MissingPlace::Workflow, reason));
            }
        }
        if let Some(cap) = cap {
            let count = self.count_project(demand.project_id).await?;
            if count.held >= cap || count.has_waiting {
                let reason = project_cap_reason(&gate.project, cap);
                missing = Some((MissingPlace::Project, reason));
            }
        }
        let verdict = match missing {
            None => PlaceVerdict::Free,
            Some((place, reason)) => PlaceVerdict::Missing { place, reason },
        };
        self.record(demand, &verdict);
        Ok(verdict)
    }

    /// Whether a demand that waits has its places now; whether others wait does not matter.
    pub(crate) async fn admits(&mut self, demand: &PlaceDemand) -> Result<Option<MissingPlace>, StoreError> {
        let Some(gate) = self.gates.get(&demand.workflow_id).cloned() else {
            return Ok(None);
        };
        if let Some(cap) = gate.max_instances.filter(|_| demand.counted)
            && self.count_project(demand.project_id).await?.held >= cap
        {
            return Ok(Some(MissingPlace::Project));
        }
        if let Some((key, rule)) = demand.key.as_ref().zip(gate.rule.as_ref())
            && self.count_key(demand.workflow_id, key).await?.held >= rule.limit
        {
            return Ok(Some(MissingPlace::Workflow));
        }
        Ok(None)
    }

    /// Counts what was decided about a demand.
    pub(crate) fn record(&mut self, demand: &PlaceDemand, verdict: &PlaceVerdict) {
        for count in self.counts_of(demand) {
            match verdict {
                PlaceVerdict::Free => count.held += 1,
                PlaceVerdict::Missing { .. } => count.has_waiting = true,
            }
        }
    }

    /// Takes back what was counted for a demand that could not be admitted.
    pub(crate) fn give_back(&mut self, demand: &PlaceDemand) {
        for count in self.counts_of(demand) {
            count.held = count.held.saturating_sub(1);
        }
    }

    /// Returns those counts of a demand that were read.
    fn counts_of(&mut self, demand: &PlaceDemand) -> impl Iterator<Item = &mut PlaceCount> {
        let key = demand.key.clone().map(|key| (demand.workflow_id, key));
        let of_key = key.and_then(|key| self.keys.get_mut(&key));
        let of_project = self
            .projects
            .get_mut(&demand.project_id)
            .filter(|_| demand.counted);
        of_key.into_iter().chain(of_project)
    }

    /// Names some holders of a key, the oldest first.
    pub(crate) async fn name_holders(&self, demand: &PlaceDemand) -> Result<Vec<InstanceId>, StoreError> {
        let sql = "SELECT instance FROM place WHERE workflow_id = $1 AND key = $2 AND state = $3 \
                   ORDER BY instance LIMIT $4";
        let key = demand.key.clone().unwrap_or_default();
        let values = [
            demand.workflow_id.into(),
            key.into(),
            HELD.into(),
            NAMED_HOLDERS.into(),
        ];
        let rows = self.query(sql, values).await?;
        rows.iter()
            .map(|row| Ok(InstanceId(RowReader::new(row).next_value()?)))
            .collect()
    }

    /// Counts the places of a key.
    pub(crate) async fn count_key(&mut self, workflow: i64, key: &str) -> Result<PlaceCount, StoreError> {
        let known = (workflow, key.to_owned());
        if let Some(count) = self.keys.get(&known) {
            return Ok(*count);
        }
        let sql = "SELECT (SELECT count(*) FROM place WHERE workflow_id = $1 AND key = $2 AND state = $3), \
                   EXISTS (SELECT 1 FROM place WHERE workflow_id = $1 AND key = $2 AND state = $4)";
        let values = [workflow.into(), key.into(), HELD.into(), WAITING.into()];
        let count = self.count(sql, values).await?;
        self.keys.insert(known, count);
        Ok(count)
    }

    async fn count_project(&mut self, project: i64) -> Result<PlaceCount, StoreError> {
        if let Some(count) = self.projects.get(&project) {
            return Ok(*count);
        }
        let sql = "SELECT (SELECT count(*) FROM place WHERE project_id = $1 AND state = $2 AND counted), \
                   EXISTS (SELECT 1 FROM place WHERE project_id = $1 AND state = $3 AND counted)";
        let count = self
            .count(sql, [project.into(), HELD.into(), WAITING.into()])
            .await?;
        self.projects.insert(project, count);
        Ok(count)
    }

    async fn count(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<PlaceCount, StoreError> {
        let rows = self.query(sql, values).await?;
        let Some(row) = rows.first() else {
            return Ok(PlaceCount {
                held: 0,
                has_waiting: false,
            });
        };
        let mut columns = RowReader::new(row);
        Ok(PlaceCount {
            held: columns.next_u32()?,
            has_waiting: columns.next_value()?,
        })
    }

    fn backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn query(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<sea_orm::QueryResult>, StoreError> {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        self.transaction
            .query_all_raw(statement)
            .await
            .map_err(store_error)
    }
}

impl WorkflowGate {
    /// Returns what happens to instances that have no place of the workflow.
    pub(crate) fn strategy(&self) -> ConcurrencyStrategy {
        self.rule
            .as_ref()
            .map_or(ConcurrencyStrategy::Wait, |rule| rule.strategy)
    }
}

/// Keeps others from taking places of a project until the transaction ends. On SQLite a writer has the whole database.
pub(crate) async fn lock_places(transaction: &Transaction, project: i64) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    if backend == DbBackend::Sqlite {
        return Ok(());
    }
    // Two projects that share a lock only wait for each other.
    let low = i32::try_from(project & i64::from(i32::MAX)).unwrap_or_default();
    let statement = Statement::from_sql_and_values(
        backend,
        "SELECT 1 FROM (SELECT pg_advisory_xact_lock($1, $2)) AS locked",
        [PROJECT_LOCK.into(), low.into()],
    );
    transaction.execute_raw(statement).await.map_err(store_error)?;
    Ok(())
}
