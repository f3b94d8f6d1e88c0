//! The admission of what waits for a place.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use engine::ids::{InstanceId, Timestamp};
use engine::place::{discard_reason, replaced_reason, start_within_reason};
use engine::spec::ConcurrencyStrategy;
use ports::{
    AdmissionPass, AdmissionReport, EndedWaiter, MissingPlace, NewInstance, PlaceStore, StoreError, WaitEnd,
};
use sea_orm::{ConnectionTrait, Statement};

use crate::batch_sql::row_lock;
use crate::batch_statement::run_in_order;
use crate::engine::members::lock_active_member;
use crate::engine::places::holders::{list_holders, stop_holders};
use crate::engine::places::ledger::{PlaceLedger, PlaceVerdict};
use crate::engine::places::request::start_demand;
use crate::engine::places::rows::{PlaceDemand, ReleasedPlace, WAITING, WorkflowKey, store_releases};
use crate::engine::places::waiters::{
    FullGates, WaiterEnd, admit_waiters, end_waiters, list_latest_waiters, list_overdue_waiters,
    list_waiters, lock_waiters,
};
use crate::error::store_error;
use crate::pool::Transaction;
use crate::row_reader::RowReader;
use crate::store::Store;

/// Releases that one pass takes; the next one follows at once.
const MAX_RELEASES: i64 = 500;

/// Instances that one pass admits; the next one follows at once.
const MAX_ADMITTED: usize = 500;

#[async_trait]
impl PlaceStore for Store {
    async fn has_place_work(&self, at: Timestamp) -> Result<bool, StoreError> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM place_release) OR EXISTS (SELECT 1 FROM place WHERE due_at <= $1)";
        let row = self
            .reader()
            .query_one_raw(self.statement(sql, [at.0.into()]))
            .await
            .map_err(store_error)?;
        row.map_or(Ok(false), |row| RowReader::new(&row).next_value())
    }

    async fn admit_waiting(&self, pass: &AdmissionPass) -> Result<AdmissionReport, StoreError> {
        let transaction = self.engine_pool().begin_write().await?;
        if !lock_active_member(&transaction, pass.claimant.incarnation.0).await? {
            return Ok(AdmissionReport::default());
        }
        let releases = take_releases(&transaction).await?;
        let overdue = list_overdue_waiters(&transaction, pass.at).await?;
        if releases.is_empty() && overdue.is_empty() {
            return Ok(AdmissionReport::default());
        }
        let of_overdue = overdue.iter().map(|demand| demand.project_id);
        let projects: BTreeSet<i64> = releases
            .iter()
            .map(|release| release.project_id)
            .chain(of_overdue)
            .collect();
        let ledger = PlaceLedger::lock(&transaction, &projects).await?;
        let is_full = i64::try_from(releases.len()).unwrap_or(i64::MAX) >= MAX_RELEASES;
        let mut admission = Admission::new(&transaction, pass, ledger);
        admission.report.has_releases = !releases.is_empty();
        admission.report.has_more = is_full;
        admission.end_overdue(&overdue).await?;
        for scope in admission.scopes_of(releases).await? {
            admission.admit_scope(&scope).await?;
        }
        let report = admission.finish().await?;
        self.commit_engine(transaction).await?;
        Ok(report)
    }

    async fn find_missing_places(&self, starts: &[NewInstance]) -> Result<Vec<Option<String>>, StoreError> {
        let read = self.begin_read().await?;
        let mut ledger = PlaceLedger::unlocked(&read);
        ledger
            .read_gates(starts.iter().map(|start| start.workflow_id))
            .await?;
        let mut missing = Vec::with_capacity(starts.len());
        for start in starts {
            let demand = start_demand(self, &ledger, (InstanceId(0), start)).await?;
            let verdict = match demand {
                Some(demand) => ledger.take(&demand).await?,
                None => PlaceVerdict::Free,
            };
            missing.push(match verdict {
                PlaceVerdict::Missing {
                    place: MissingPlace::Workflow,
                    reason,
                } => Some(reason),
                PlaceVerdict::Missing { .. } | PlaceVerdict::Free => None,
            });
        }
        Ok(missing)
    }

    async fn recheck_places(&self) -> Result<(), StoreError> {
        let transaction = self.engine_pool().begin_write().await?;
        // From project to project in the index: the waiters themselves are not read.
        let sql = "WITH RECURSIVE w(project) AS ( \
                   SELECT (SELECT min(project_id) FROM place WHERE state = $1) \
                   UNION ALL \
                   SELECT (SELECT min(p.project_id) FROM place p WHERE p.state = $1 AND p.project_id > w.project) \
                   FROM w WHERE w.project IS NOT NULL) \
                   INSERT INTO place_release (project_id) SELECT project FROM w WHERE project IS NOT NULL";
        let backend = transaction.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, [WAITING.into()]);
        transaction.execute_raw(statement).await.map_err(store_error)?;
        self.commit_engine(transaction).await
    }
}

/// One pass: what it knows of the places, and what it has stored.
struct Admission<'a, 't> {
    transaction: &'t Transaction,
    pass: &'a AdmissionPass,
    ledger: PlaceLedger<'t>,
    report: AdmissionReport,
    /// Scopes in which something could not be locked, for the next pass.
    postponed: BTreeSet<ReleasedPlace>,
    /// Keys whose holders got their stops in this pass.
    replaced: BTreeSet<WorkflowKey>,
}

impl<'a, 't> Admission<'a, 't> {
    fn new(transaction: &'t Transaction, pass: &'a AdmissionPass, ledger: PlaceLedger<'t>) -> Self {
        Self {
            transaction,
            pass,
            ledger,
            report: AdmissionReport::default(),
            postponed: BTreeSet::new(),
            replaced: BTreeSet::new(),
        }
    }

    /// Ends those that were queued for too long.
    async fn end_overdue(&mut self, overdue: &[PlaceDemand]) -> Result<(), StoreError> {
        let ends = overdue.iter().map(|demand| {
            let waited = demand.due_at.map_or(0, |due| due.since(demand.at));
            let end = WaiterEnd {
                cause: WaitEnd::Expired,
                reason: start_within_reason(waited),
            };
            (demand.instance, end)
        });
        self.end(ends.collect()).await.map(drop)
    }

    async fn end(&mut self, ends: BTreeMap<InstanceId, WaiterEnd>) -> Result<Vec<EndedWaiter>, StoreError> {
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let ended = end_waiters(self.transaction, self.pass.at, &ends).await?;
        self.report.ended.extend(ended.iter().cloned());
        Ok(ended)
    }

    /// Returns what is looked at: where a project has a cap, a place of one workflow is one of the whole project.
    async fn scopes_of(
        &mut self,
        releases: BTreeSet<ReleasedPlace>,
    ) -> Result<BTreeSet<ReleasedPlace>, StoreError> {
        let workflows = releases.iter().filter_map(|release| release.workflow_id);
        self.ledger.read_gates(workflows.collect::<BTreeSet<_>>()).await?;
        let scopes: BTreeSet<ReleasedPlace> = releases
            .into_iter()
            .map(|release| {
                let gate = release.workflow_id.and_then(|id| self.ledger.gate(id));
                match gate {
                    Some(gate) if gate.max_instances.is_some() => whole_project(release.project_id),
                    _ => release,
                }
            })
            .collect();
        let projects: BTreeSet<i64> = scopes
            .iter()
            .filter(|scope| scope.workflow_id.is_none())
            .map(|scope| scope.project_id)
            .collect();
        let is_covered =
            |scope: &ReleasedPlace| scope.workflow_id.is_some() && projects.contains(&scope.project_id);
        Ok(scopes.into_iter().filter(|scope| !is_covered(scope)).collect())
    }

    /// Admits the waiters of a scope in their order, until no place is free for any of the others.
    async fn admit_scope(&mut self, scope: &ReleasedPlace) -> Result<(), StoreError> {
        let mut full = FullGates::default();
        loop {
            if self.report.admitted.len() >= MAX_ADMITTED {
                self.postponed.insert(scope.clone());
                self.report.has_more = true;
                return Ok(());
            }
            let waiters = list_waiters(self.transaction, scope, &full).await?;
            if waiters.is_empty() {
                return Ok(());
            }
            let workflows: BTreeSet<i64> = waiters.iter().map(|waiter| waiter.workflow_id).collect();
            self.ledger.read_gates(workflows).await?;
            self.admit_page(waiters, &mut full).await?;
            if !full.busy.is_empty() {
                self.postponed.insert(scope.clone());
            }
        }
    }

    /// Admits those of a page that have their places; the others of a key or project without one are left out from then on.
    async fn admit_page(
        &mut self,
        waiters: Vec<PlaceDemand>,
        full: &mut FullGates,
    ) -> Result<(), StoreError> {
        let mut chosen = Vec::new();
        for waiter in waiters {
            let key = waiter.key.clone().map(|key| (waiter.workflow_id, key));
            let is_key_full = key.as_ref().is_some_and(|key| full.keys.contains(key));
            if is_key_full || (full.project && waiter.counted) {
                continue;
            }
            let missing = self.ledger.admits(&waiter).await?;
            let full_key = key.filter(|_| missing == Some(MissingPlace::Workflow));
            if let Some(key) = full_key {
                self.meet_full_key(&key).await?;
                full.keys.insert(key);
            }
            match missing {
                Some(MissingPlace::Project) => full.project = true,
                Some(MissingPlace::Workflow) => {}
                None => {
                    self.ledger.record(&waiter, &PlaceVerdict::Free);
                    chosen.push(waiter);
                }
            }
        }
        let mut locked = lock_waiters(self.transaction, chosen.iter().map(|one| one.instance)).await?;
        let mut admitted = Vec::with_capacity(chosen.len());
        for waiter in chosen {
            match locked.remove(&waiter.instance) {
                Some(row) => admitted.push((waiter.instance, row)),
                None => {
                    self.ledger.give_back(&waiter);
                    full.busy.insert(waiter.instance);
                }
            }
        }
        let admitted = admit_waiters(self.transaction, self.pass, &admitted).await?;
        self.report.admitted.extend(admitted);
        Ok(())
    }

    /// Does what the strategy of a workflow says about waiters for which no place is free.
    async fn meet_full_key(&mut self, key: &WorkflowKey) -> Result<(), StoreError> {
        let Some(gate) = self.ledger.gate(key.0).cloned() else {
            return Ok(());
        };
        match gate.strategy() {
            ConcurrencyStrategy::Wait => Ok(()),
            ConcurrencyStrategy::Discard => {
                let waiters = list_latest_waiters(self.transaction, key).await?;
                let Some(first) = waiters.first() else {
                    return Ok(());
                };
                let holders = self.ledger.name_holders(first).await?;
                let reason = discard_reason(&gate.workflow, &holders);
                let ends = waiters.iter().map(|waiter| {
                    let end = WaiterEnd {
                        cause: WaitEnd::Discarded,
                        reason: reason.clone(),
                    };
                    (waiter.instance, end)
                });
                self.end(ends.collect()).await.map(drop)
            }
            ConcurrencyStrategy::Replace if self.replaced.insert(key.clone()) => {
                self.replace_holders(key).await
            }
            ConcurrencyStrategy::Replace => Ok(()),
        }
    }

    /// Keeps the last waiter of a key, and stops as many holders as it needs.
    async fn replace_holders(&mut self, key: &WorkflowKey) -> Result<(), StoreError> {
        let waiters = list_latest_waiters(self.transaction, key).await?;
        let Some((last, earlier)) = waiters.split_first() else {
            return Ok(());
        };
        let ends = earlier.iter().map(|waiter| {
            let end = WaiterEnd {
                cause: WaitEnd::Replaced,
                reason: replaced_reason(last.instance),
            };
            (waiter.instance, end)
        });
        let ends: BTreeMap<InstanceId, WaiterEnd> = ends.collect();
        let ended = self.end(ends).await?;
        if ended.len() < earlier.len() {
            self.postponed.insert(ReleasedPlace {
                project_id: last.project_id,
                workflow_id: Some(key.0),
                key: Some(key.1.clone()),
            });
        }
        let limit = self.ledger.gate(key.0).and_then(|gate| gate.rule.as_ref());
        let limit = limit.map_or(usize::MAX, |rule| rule.limit as usize);
        let holders = list_holders(self.transaction, key).await?;
        let needed = (holders.len() + 1).saturating_sub(limit);
        let by = (last.instance, self.pass.at);
        let stopping = stop_holders(self.transaction, &holders, needed, by).await?;
        self.report.stopping.extend(stopping);
        Ok(())
    }

    async fn finish(self) -> Result<AdmissionReport, StoreError> {
        let postponed: Vec<ReleasedPlace> = self.postponed.into_iter().collect();
        let backend = self.transaction.get_database_backend();
        if let Some(releases) = store_releases(backend, &postponed)? {
            run_in_order(self.transaction, vec![releases]).await?;
        }
        Ok(self.report)
    }
}

fn whole_project(project_id: i64) -> ReleasedPlace {
    ReleasedPlace {
        project_id,
        workflow_id: None,
        key: None,
    }
}

/// Takes the notes of places that came free; they are gone when the pass is stored.
async fn take_releases(transaction: &Transaction) -> Result<BTreeSet<ReleasedPlace>, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "DELETE FROM place_release WHERE id IN (SELECT id FROM place_release ORDER BY id LIMIT $1{}) \
         RETURNING project_id, workflow_id, key",
        row_lock(backend, "FOR UPDATE SKIP LOCKED")
    );
    let rows = transaction
        .query_all_raw(Statement::from_sql_and_values(
            backend,
            sql,
            [MAX_RELEASES.into()],
        ))
        .await
        .map_err(store_error)?;
    rows.iter()
        .map(|row| {
            let mut columns = RowReader::new(row);
            Ok(ReleasedPlace {
                project_id: columns.next_value()?,
                workflow_id: columns.next_value()?,
                key: columns.next_value()?,
            })
        })
        .collect()
}
