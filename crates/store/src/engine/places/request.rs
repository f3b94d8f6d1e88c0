//! The places of new instances, and of the runs that commits begin.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::{InstanceId, Timestamp};
use engine::place::{KeyedStart, PlaceOutlook, PlaceRequest, discard_reason};
use engine::spec::ConcurrencyStrategy;
use engine::start::{Start, StartChanges};
use ports::{DefinitionStore as _, InstanceCommit, MissingPlace, NewInstance, StartAdmission, StoreError};
use sea_orm::{ConnectionTrait, Statement};

use crate::batch_sql::{id_list, row_lock, source};
use crate::batch_statement::{BatchStatement, run_in_order};
use crate::engine::places::ledger::{PlaceLedger, PlaceVerdict};
use crate::engine::places::rows::{HELD, PlaceDemand, PlaceRow, WAITING, mark_gated, store_places};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// The places of the new instances of a batch.
#[derive(Default)]
pub(crate) struct RequestedPlaces {
    admissions: BTreeMap<InstanceId, StartAdmission>,
    rows: Vec<PlaceRow>,
}

impl RequestedPlaces {
    /// Whether an instance is gated, so that its end gives something back.
    pub(crate) fn is_gated(&self, id: InstanceId) -> bool {
        self.admissions.contains_key(&id)
    }

    /// Returns whether an instance runs.
    pub(crate) fn admission(&self, id: InstanceId) -> StartAdmission {
        let admission = self.admissions.get(&id).cloned();
        admission.unwrap_or(StartAdmission::Unlimited)
    }

    /// Writes the statements that store them.
    pub(crate) fn statements(&self, transaction: &Transaction) -> Result<Vec<BatchStatement>, StoreError> {
        store_places(transaction.get_database_backend(), &self.rows)
    }
}

/// Requests places for new instances, in their order; those of workflows and projects that limit nothing need none.
pub(crate) async fn request_start_places(
    store: &Store,
    transaction: &Transaction,
    news: &[(InstanceId, &NewInstance)],
) -> Result<RequestedPlaces, StoreError> {
    let projects: BTreeSet<i64> = news.iter().map(|(_, new)| new.project_id).collect();
    let mut ledger = PlaceLedger::lock(transaction, &projects).await?;
    ledger
        .read_gates(news.iter().map(|(_, new)| new.workflow_id))
        .await?;
    let mut places = RequestedPlaces::default();
    for (id, new) in news {
        let Some(demand) = start_demand(store, &ledger, (*id, new)).await? else {
            continue;
        };
        let verdict = ledger.take(&demand).await?;
        let admission = match verdict {
            PlaceVerdict::Free => StartAdmission::Admitted,
            PlaceVerdict::Missing { place, reason } => match discarded(&ledger, &demand, place).await? {
                Some(reason) => StartAdmission::Discarded { reason },
                None => StartAdmission::Queued {
                    missing: place,
                    reason,
                },
            },
        };
        let state = match &admission {
            StartAdmission::Unlimited | StartAdmission::Admitted => Some(HELD),
            StartAdmission::Queued { .. } => Some(WAITING),
            StartAdmission::Discarded { .. } => None,
        };
        places
            .rows
            .extend(state.map(|state| PlaceRow::new(demand, state)));
        places.admissions.insert(*id, admission);
    }
    Ok(places)
}

/// Returns what a new instance needs; none when nothing limits it.
pub(crate) async fn start_demand(
    store: &Store,
    ledger: &PlaceLedger<'_>,
    (instance, new): (InstanceId, &NewInstance),
) -> Result<Option<PlaceDemand>, StoreError> {
    let Some(gate) = ledger.gate(new.workflow_id) else {
        return Ok(None);
    };
    let counted = new.trigger.parent().is_none();
    let is_capped = counted && gate.max_instances.is_some();
    if new.start.dry_run || (gate.rule.is_none() && !is_capped) {
        return Ok(None);
    }
    let key = match &gate.rule {
        None => None,
        Some(rule) => {
            let definition = store.load_definition(new.workflow_id, new.version).await?;
            let keyed = KeyedStart {
                definition: &definition,
                start: &new.start,
                project: &gate.project,
                project_params: &new.project_params,
                created_at: new.at,
            };
            Some(keyed.resolve_key(rule))
        }
    };
    let limit_ms = new.start.start_within_ms;
    Ok(Some(PlaceDemand {
        instance,
        project_id: new.project_id,
        workflow_id: new.workflow_id,
        key,
        counted,
        priority: new.start.priority,
        at: new.at,
        due_at: limit_ms.map(|limit_ms| new.at.plus(limit_ms)),
    }))
}

/// Says why a demand is discarded that has no place of its workflow; none when it waits.
async fn discarded(
    ledger: &PlaceLedger<'_>,
    demand: &PlaceDemand,
    missing: MissingPlace,
) -> Result<Option<String>, StoreError> {
    let Some(gate) = ledger.gate(demand.workflow_id) else {
        return Ok(None);
    };
    if missing == MissingPlace::Project || gate.strategy() != ConcurrencyStrategy::Discard {
        return Ok(None);
    }
    let holders = ledger.name_holders(demand).await?;
    Ok((!holders.is_empty()).then(|| discard_reason(&gate.workflow, &holders)))
}

/// Requests places for the runs that commits begin or queue, and stores them; returns those that have none, which must not
/// be committed.
pub(crate) async fn request_run_places(
    store: &Store,
    transaction: &Transaction,
    commits: &[&InstanceCommit],
) -> Result<BTreeMap<InstanceId, PlaceOutlook>, StoreError> {
    let requests: RunRequests<'_> = commits
        .iter()
        .filter_map(|commit| Some((commit.id, (commit.changes.place?, *commit))))
        .collect();
    if requests.is_empty() {
        return Ok(BTreeMap::new());
    }
    let runs = read_runs(transaction, requests.keys().copied()).await?;
    let projects: BTreeSet<i64> = runs
        .iter()
        .filter(|run| run.is_gated || is_wait(&requests, run.id))
        .map(|run| run.project_id)
        .collect();
    if projects.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut ledger = PlaceLedger::lock(transaction, &projects).await?;
    ledger.read_gates(runs.iter().map(|run| run.workflow_id)).await?;
    let (mut rows, mut refused) = (Vec::new(), BTreeMap::new());
    for run in &runs {
        let Some((request, commit)) = requests.get(&run.id) else {
            continue;
        };
        if !run.is_gated && *request == PlaceRequest::Take {
            continue;
        }
        let demand = run.demand(store, &ledger, (*request, commit)).await?;
        let state = match request {
            PlaceRequest::Wait { .. } => WAITING,
            PlaceRequest::Take => match ledger.take(&demand).await? {
                PlaceVerdict::Free => HELD,
                PlaceVerdict::Missing { place, reason } => {
                    let outlook = match discarded(&ledger, &demand, place).await? {
                        Some(reason) => PlaceOutlook::Refused { reason },
                        None => PlaceOutlook::Full { reason },
                    };
                    refused.insert(run.id, outlook);
                    continue;
                }
            },
        };
        rows.push(PlaceRow::new(demand, state));
    }
    if refused.is_empty() {
        let backend = transaction.get_database_backend();
        let mut statements = store_places(backend, &rows)?;
        statements.extend(mark_gated(backend, &rows)?);
        run_in_order(transaction, statements).await?;
    }
    Ok(refused)
}

/// The commits that need places.
type RunRequests<'a> = BTreeMap<InstanceId, (PlaceRequest, &'a InstanceCommit)>;

fn is_wait(requests: &RunRequests<'_>, id: InstanceId) -> bool {
    matches!(requests.get(&id), Some((PlaceRequest::Wait { .. }, _)))
}

/// An instance whose next run begins or is queued.
struct RequestedRun {
    id: InstanceId,
    project_id: i64,
    workflow_id: i64,
    version: i64,
    start: Start,
    project_params: BTreeMap<String, String>,
    created_at: Timestamp,
    counted: bool,
    /// Whether something limits it, at the moment of reading.
    is_gated: bool,
}

impl RequestedRun {
    async fn demand(
        &self,
        store: &Store,
        ledger: &PlaceLedger<'_>,
        (request, commit): (PlaceRequest, &InstanceCommit),
    ) -> Result<PlaceDemand, StoreError> {
        let start = commit.changes.start.as_deref().unwrap_or(&self.start);
        let gate = ledger.gate(self.workflow_id);
        let key = match gate.and_then(|gate| Some((gate, gate.rule.as_ref()?))) {
            None => None,
            Some((gate, rule)) => {
                let definition = store.load_definition(self.workflow_id, self.version).await?;
                let keyed = KeyedStart {
                    definition: &definition,
                    start,
                    project: &gate.project,
                    project_params: &self.project_params,
                    created_at: self.created_at,
                };
                Some(keyed.resolve_key(rule))
            }
        };
        Ok(PlaceDemand {
            instance: self.id,
            project_id: self.project_id,
            workflow_id: self.workflow_id,
            key,
            counted: self.counted,
            priority: start.priority,
            at: commit.at,
            due_at: match request {
                PlaceRequest::Take => None,
                PlaceRequest::Wait { due_at } => due_at,
            },
        })
    }
}

async fn read_runs(
    transaction: &Transaction,
    ids: impl Iterator<Item = InstanceId>,
) -> Result<Vec<RequestedRun>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT i.id, i.project_id, i.workflow_id, i.version, i.start, i.project_params, i.created_at, i.params, i.priority, \
         i.parent IS NULL, \
         NOT i.dry_run AND (w.concurrency IS NOT NULL OR (p.max_instances IS NOT NULL AND i.parent IS NULL)) \
         FROM instance i JOIN workflow w ON w.id = i.workflow_id JOIN project p ON p.id = i.project_id \
         WHERE i.id IN (SELECT c_id FROM {}) ORDER BY i.id{}",
        source(backend, &[("c_id", "bigint")]),
        // A change of what is allowed waits for this transaction.
        row_lock(backend, "FOR KEY SHARE OF w, p")
    );
    let list = id_list(ids.map(|id| id.0))?;
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [list]))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            let id = InstanceId(columns.next_value()?);
            let (project_id, workflow_id) = (columns.next_value()?, columns.next_value()?);
            let version = columns.next_value()?;
            let start: Start = columns.next_json()?;
            let project_params = columns.next_json()?;
            let created_at = Timestamp(columns.next_value()?);
            let start = start.amend(StartChanges {
                params: columns.next_optional_json()?,
                labels: None,
                priority: columns.next_parsed()?,
            });
            Ok(RequestedRun {
                id,
                project_id,
                workflow_id,
                version,
                start,
                project_params,
                created_at,
                counted: columns.next_value()?,
                is_gated: columns.next_value()?,
            })
        })
        .collect()
}
