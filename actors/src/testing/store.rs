//! A store in memory that keeps the promises of the real ones; tests may look inside and make it fail.

mod claims;
mod members;
mod owners;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use engine::definition::Definition;
use engine::ids::{
    AttemptNumber, Epoch, Generation, Incarnation, InstanceId, Millis, OperationId, Ordinal, Rev, Run, Uid,
};
use engine::instance::{Ended, Header, Transition};
use engine::states::{AttemptState, MemberState, Outcome, OwnerWhy, Verb};
use engine::task::{Attempt, Task};

use crate::ports::{Claim, ClaimedInstance, DbHeartbeat, Declaration, DeclarationOutcome, FailoverRecord, HandOver, InboxCommand, InstanceOwner, Join, JoinResult, LoadedInstance, Member, MemberStatus, NewInstance, NodeIdentity, Store, StoreError, Write, WriteOutcome};

/// A store in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FakeStore {
    state: Arc<Mutex<State>>,
}

/// One entry of the owner log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerEntry {
    /// Under which epoch.
    pub epoch: Epoch,
    /// Who.
    pub owner: Incarnation,
    /// The host of the owner before, when it had one.
    pub from_host: Option<String>,
    /// Why.
    pub why: OwnerWhy,
}

/// An instance as it is stored.
#[derive(Debug, Clone)]
pub struct StoredInstance {
    /// As it was created.
    pub new: NewInstance,
    /// Its row.
    pub header: Header,
    /// Owner and host.
    pub owner: Option<(Incarnation, String)>,
    /// The epoch.
    pub epoch: Epoch,
    /// The version of the rows.
    pub rev: Rev,
    /// Claims without a commit in between.
    pub claims: u32,
    /// Task rows; each with its highest attempt.
    pub tasks: BTreeMap<Ordinal, Task>,
    /// Every attempt.
    pub attempts: BTreeMap<(Ordinal, AttemptNumber), Attempt>,
    /// Every transition with its time.
    pub history: Vec<(Millis, Transition)>,
    /// Every change to a new owner.
    pub owner_log: Vec<OwnerEntry>,
}

#[derive(Debug, Clone)]
struct InboxRow {
    instance: InstanceId,
    verb: InboxCommand,
    outcome: Outcome,
    detail: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    now: i64,
    members: Vec<Member>,
    /// When each life was last heard of.
    beats: BTreeMap<Incarnation, i64>,
    secret: Option<String>,
    failovers: Vec<FailoverRecord>,
    /// Results that were kept, in the order in which they came.
    kept: Vec<(Uid, Ended)>,
    applied: BTreeSet<Uid>,
    instances: BTreeMap<InstanceId, StoredInstance>,
    last_instance: i64,
    keys: BTreeMap<String, (String, InstanceId)>,
    inbox: Vec<InboxRow>,
    definitions: BTreeMap<(i64, i64), Arc<Definition>>,
    failures: VecDeque<(StoreError, Applied)>,
    writes: usize,
    /// How many instances each read asked for.
    reads: Vec<usize>,
    damaged: BTreeSet<InstanceId>,
}

/// What a failing write does before it answers with its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Nothing is stored.
    No,
    /// The batch is stored all the same.
    Yes,
}

impl FakeStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a definition known.
    pub fn define(&self, workflow_id: i64, version: i64, definition: Definition) {
        let definition = Arc::new(definition);
        self.state()
            .definitions
            .insert((workflow_id, version), definition);
    }

    /// Sets the database's clock.
    pub fn set_now(&self, now: Millis) {
        self.state().now = now.0;
    }

    /// Lets the next write fail; several are used up in order.
    pub fn fail_next_write(&self, error: StoreError, applied: Applied) {
        self.state().failures.push_back((error, applied));
    }

    /// Counts kept results that are neither applied nor closed.
    pub fn unapplied_results(&self) -> usize {
        let state = self.state();
        let kept = state.kept.iter();
        kept.filter(|(uid, _)| !state.applied.contains(uid)).count()
    }

    /// Counts the batches that were written.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// Adds an active member beside those that live.
    pub fn add_member(&self, name: &str, host: &str) -> NodeIdentity {
        let mut state = self.state();
        let join = Join {
            name: name.to_owned(),
            host: host.to_owned(),
            roles: vec!["master".to_owned()],
            slots: 0,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
        };
        let incarnation = state.join(&join, MemberState::Active);
        NodeIdentity {
            incarnation,
            host: join.host,
            name: join.name,
            generation: Generation(1),
        }
    }

    /// Returns how many instances each read of instances asked for.
    pub fn reads(&self) -> Vec<usize> {
        self.state().reads.clone()
    }

    /// Makes the rows of an instance unreadable.
    pub fn damage(&self, id: InstanceId) {
        self.state().damaged.insert(id);
    }

    /// Stores a verb; answers its operation.
    pub fn ask(&self, instance: InstanceId, verb: Verb, run: Run) -> OperationId {
        self.ask_for_task(instance, verb, run, None)
    }

    /// Stores a verb that names a task; answers its operation.
    pub fn ask_for_task(
        &self,
        instance: InstanceId,
        verb: Verb,
        run: Run,
        task: Option<&str>,
    ) -> OperationId {
        let mut state = self.state();
        let operation = OperationId(i64::try_from(state.inbox.len()).unwrap_or(i64::MAX) + 1);
        state.inbox.push(InboxRow {
            instance,
            verb: InboxCommand {
                operation,
                verb,
                run,
                task: task.map(str::to_owned),
                requested_by: "admin".to_owned(),
            },
            outcome: Outcome::Pending,
            detail: None,
        });
        operation
    }

    /// Answers what became of a verb.
    ///
    /// # Panics
    /// When there is no such verb.
    pub fn outcome(&self, operation: OperationId) -> (Outcome, Option<String>) {
        let state = self.state();
        let row = state.inbox.iter().find(|row| row.verb.operation == operation);
        let row = row.expect("a verb of this store");
        (row.outcome, row.detail.clone())
    }

    /// Makes a life silent for so many milliseconds more.
    pub fn age_beat(&self, of: Incarnation, ms: i64) {
        if let Some(seen_at) = self.state().beats.get_mut(&of) {
            *seen_at -= ms;
        }
    }

    /// Lists the take-overs that were noted.
    pub fn failovers(&self) -> Vec<FailoverRecord> {
        self.state().failovers.clone()
    }

    /// Answers an instance as it is stored.
    ///
    /// # Panics
    /// When there is no such instance.
    pub fn instance(&self, id: InstanceId) -> StoredInstance {
        let state = self.state();
        state
            .instances
            .get(&id)
            .expect("an instance of this store")
            .clone()
    }
}

#[async_trait]
impl Store for FakeStore {
    async fn join_alone(&self, join: &Join) -> Result<JoinResult, StoreError> {
        Ok(self.state().start_life(join, |_| true))
    }

    async fn join(&self, join: &Join) -> Result<JoinResult, StoreError> {
        let is_rival = |member: &Member| member.name == join.name || member.host == join.host;
        Ok(self.state().start_life(join, is_rival))
    }

    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError> {
        let mut state = self.state();
        Ok(state.secret.get_or_insert_with(|| digest.to_owned()) == digest)
    }

    async fn living(&self) -> Result<Vec<MemberStatus>, StoreError> {
        Ok(self.state().living())
    }

    async fn declare_dead(&self, declaration: &Declaration) -> Result<DeclarationOutcome, StoreError> {
        Ok(self.state().declare_dead(declaration))
    }

    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError> {
        self.state().record_failover(record)
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<Vec<(InstanceId, Epoch)>, StoreError> {
        Ok(self.state().hand_over(hand_over))
    }

    async fn keep_results(&self, results: &[(Uid, Ended)], _at: Millis) -> Result<(), StoreError> {
        self.state().keep_results(results);
        Ok(())
    }

    async fn results(&self, ids: &[InstanceId]) -> Result<Vec<(Uid, Ended)>, StoreError> {
        let state = self.state();
        Ok(ids.iter().flat_map(|id| state.kept(*id)).collect())
    }

    async fn results_applied(&self, uids: &[Uid], _at: Millis) -> Result<(), StoreError> {
        self.state().applied.extend(uids);
        Ok(())
    }

    async fn close_results(&self, _at: Millis) -> Result<(), StoreError> {
        self.state().close_results();
        Ok(())
    }

    async fn owners(&self, ids: &[InstanceId]) -> Result<Vec<InstanceOwner>, StoreError> {
        let state = self.state();
        let ids: BTreeSet<&InstanceId> = ids.iter().collect();
        Ok(ids.into_iter().filter_map(|id| state.owned_by(*id)).collect())
    }

    async fn set_member_state(&self, me: Incarnation, to: MemberState) -> Result<(), StoreError> {
        self.state().move_member(me, to)
    }

    async fn beat(&self, me: Incarnation) -> Result<DbHeartbeat, StoreError> {
        Ok(self.state().beat(me))
    }

    async fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(self.state().members.clone())
    }

    async fn write(&self, batch: &[Write]) -> Result<Vec<WriteOutcome>, StoreError> {
        let mut state = self.state();
        let failure = state.failures.pop_front();
        if let Some((error, Applied::No)) = failure {
            return Err(error);
        }
        state.writes += 1;
        let answers = batch.iter().map(|entry| state.write(entry)).collect();
        match failure {
            Some((error, Applied::Yes)) => Err(error),
            _ => Ok(answers),
        }
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<ClaimedInstance>, StoreError> {
        Ok(self.state().claim(claim))
    }

    async fn load(&self, me: Incarnation, asked: &[(InstanceId, Epoch)]) -> Result<Vec<LoadedInstance>, StoreError> {
        // As of a database that takes its time.
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.reads.push(asked.len());
        if let Some((id, _)) = asked.iter().find(|(id, _)| state.damaged.contains(id)) {
            return Err(StoreError::Rejected(format!("the rows of {id} cannot be read")));
        }
        let found = asked.iter().filter_map(|(id, epoch)| state.load(*id, me, *epoch));
        Ok(found.collect())
    }

    async fn definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError> {
        let state = self.state();
        let known = state.definitions.get(&(workflow_id, version)).cloned();
        known.ok_or_else(|| StoreError::Rejected(format!("workflow {workflow_id} has no version {version}")))
    }

    async fn verbs(&self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, InboxCommand)>, StoreError> {
        let state = self.state();
        let rows = state.inbox.iter();
        Ok(rows
            .filter(|row| ids.contains(&row.instance) && row.outcome == Outcome::Pending)
            .map(|row| (row.instance, row.verb.clone()))
            .collect())
    }

    async fn owned(&self, me: Incarnation) -> Result<Vec<(InstanceId, Epoch, bool)>, StoreError> {
        let state = self.state();
        let rows = state.instances.iter();
        Ok(rows
            .filter(|(_, row)| row.owner.as_ref().is_some_and(|(owner, _)| *owner == me))
            .map(|(id, row)| (*id, row.epoch, state.has_unapplied(*id)))
            .collect())
    }

    async fn owned_counts(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError> {
        let mut counts = BTreeMap::new();
        for (owner, _) in self
            .state()
            .instances
            .values()
            .filter_map(|row| row.owner.as_ref())
        {
            *counts.entry(*owner).or_default() += 1;
        }
        Ok(counts)
    }

    async fn made_progress(&self, me: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (id, row) in &mut state.instances {
            if ids.contains(id) && row.owner.as_ref().is_some_and(|(owner, _)| *owner == me) {
                row.claims = 0;
            }
        }
        Ok(())
    }

    async fn refuse_at_rest(&self, id: InstanceId, _at: Millis) -> Result<(), StoreError> {
        self.state().refuse_at_rest(id);
        Ok(())
    }
}

/// Whether an attempt keeps its task from having another open one.
fn is_open(attempt: &Attempt) -> bool {
    matches!(attempt.state, AttemptState::Created | AttemptState::Running)
}
