//! A store in memory that keeps the promises of the real ones; tests may look inside and make it fail.

mod claims;
mod writes;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use engine::definition::Definition;
use engine::ids::{
    AttemptNumber, Epoch, Generation, Incarnation, InstanceId, Millis, OperationId, Ordinal, Rev, Run, Uid,
};
use engine::instance::{Ended, Header, Transition};
use engine::states::{AttemptState, MemberState, Outcome, OwnerWhy, Verb};
use engine::task::{Attempt, Task};

use crate::ports::{
    Beat, Claim, Claimed, Declaration, Declared, FailoverRecord, HandOver, InboxVerb, Join, Joined, Loaded,
    Me, Member, NewInstance, OwnedBy, Seen, Store, StoreError, Write, Written,
};

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
    verb: InboxVerb,
    outcome: Outcome,
    detail: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    now: i64,
    members: Vec<Member>,
    instances: BTreeMap<InstanceId, StoredInstance>,
    last_instance: i64,
    keys: BTreeMap<String, (String, InstanceId)>,
    inbox: Vec<InboxRow>,
    definitions: BTreeMap<(i64, i64), Arc<Definition>>,
    failures: VecDeque<(StoreError, Applied)>,
    writes: usize,
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

    /// Counts the batches that were written.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// Adds an active member beside those that live.
    pub fn add_member(&self, name: &str, host: &str) -> Me {
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
        Me {
            incarnation,
            host: join.host,
            name: join.name,
            generation: Generation(1),
        }
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
            verb: InboxVerb {
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

impl State {
    fn join(&mut self, join: &Join, state: MemberState) -> Incarnation {
        let incarnation = Incarnation(i64::try_from(self.members.len()).unwrap_or(i64::MAX) + 1);
        self.members.push(Member {
            incarnation,
            name: join.name.clone(),
            host: join.host.clone(),
            roles: join.roles.clone(),
            state,
            joined_at: Millis(self.now),
            slots: join.slots,
            worker_group: join.worker_group.clone(),
            version: join.version.clone(),
        });
        incarnation
    }

    fn member(&self, incarnation: Incarnation) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.incarnation == incarnation)
    }

    fn is_active(&self, incarnation: Incarnation) -> bool {
        self.member(incarnation)
            .is_some_and(|member| member.state == MemberState::Active)
    }

    fn unapplied(&self, instance: InstanceId) -> impl Iterator<Item = &InboxVerb> {
        self.inbox
            .iter()
            .filter(move |row| row.instance == instance && row.outcome == Outcome::Pending)
            .map(|row| &row.verb)
    }
}

/// Whether a life may go from one state to another.
fn is_forward(from: MemberState, to: MemberState) -> bool {
    let is_over = |state| matches!(state, MemberState::Left | MemberState::Dead);
    from == to || (from < to && !is_over(from))
}

#[async_trait]
impl Store for FakeStore {
    async fn join_alone(&self, join: &Join) -> Result<Joined, StoreError> {
        let mut state = self.state();
        for member in &mut state.members {
            if is_forward(member.state, MemberState::Dead) {
                member.state = MemberState::Dead;
            }
        }
        Ok(Joined {
            incarnation: state.join(join, MemberState::Joining),
            generation: Generation(1),
            now: Millis(state.now),
        })
    }

    async fn join(&self, _join: &Join) -> Result<Joined, StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn agree_on_secret(&self, _digest: &str) -> Result<bool, StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn living(&self) -> Result<Vec<Seen>, StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn declare_dead(&self, _declaration: &Declaration) -> Result<Declared, StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn record_failover(&self, _record: &FailoverRecord) -> Result<(), StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn hand_over(&self, _hand_over: &HandOver) -> Result<Vec<(InstanceId, Epoch)>, StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn keep_results(&self, _results: &[(Uid, Ended)], _at: Millis) -> Result<(), StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn results(&self, _ids: &[InstanceId]) -> Result<Vec<(Uid, Ended)>, StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn results_applied(&self, _uids: &[Uid], _at: Millis) -> Result<(), StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn owners(&self, _ids: &[InstanceId]) -> Result<Vec<OwnedBy>, StoreError> {
        Err(StoreError::Rejected("not yet".to_owned()))
    }

    async fn set_member_state(&self, me: Incarnation, to: MemberState) -> Result<(), StoreError> {
        let mut state = self.state();
        let member = state.members.iter_mut().find(|member| member.incarnation == me);
        match member {
            Some(member) if is_forward(member.state, to) => {
                member.state = to;
                Ok(())
            }
            _ => Err(StoreError::Rejected("a member only moves forward".to_owned())),
        }
    }

    async fn beat(&self, me: Incarnation) -> Result<Beat, StoreError> {
        let state = self.state();
        Ok(Beat {
            now: Millis(state.now),
            state: state.member(me).map_or(MemberState::Dead, |member| member.state),
        })
    }

    async fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(self.state().members.clone())
    }

    async fn write(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError> {
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

    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError> {
        Ok(self.state().claim(claim))
    }

    async fn load(
        &self,
        id: InstanceId,
        me: Incarnation,
        epoch: Epoch,
    ) -> Result<Option<Loaded>, StoreError> {
        Ok(self.state().load(id, me, epoch))
    }

    async fn definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError> {
        let state = self.state();
        let known = state.definitions.get(&(workflow_id, version)).cloned();
        known.ok_or_else(|| StoreError::Rejected(format!("workflow {workflow_id} has no version {version}")))
    }

    async fn verbs(&self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, InboxVerb)>, StoreError> {
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
            .map(|(id, row)| (*id, row.epoch, state.unapplied(*id).next().is_some()))
            .collect())
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
