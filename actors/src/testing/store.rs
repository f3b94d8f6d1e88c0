//! A store in memory that behaves like the real ones; tests read its contents and make it fail.

mod backfills;
mod children;
mod claims;
mod limits;
mod members;
mod owners;
mod places;
mod secrets;
mod traits;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use engine::ids::{
    AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, OperationId, Revision, Run,
    TaskIndex, Timestamp,
};
use engine::instance::{CommandArguments, InstanceRecord, Transition};
use engine::spec::Definition;
use engine::states::{Command, MemberState, OperationStatus, OwnershipReason};
use engine::task::{Attempt, Task};

use parking_lot::{Mutex, MutexGuard};
use ports::{
    FailoverRecord, InboxCommand, Join, Member, NewInstance, NodeIdentity, RelayedResult, StoreError,
};

/// A store in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FakeStore {
    state: Arc<Mutex<State>>,
}

/// One entry of the owner log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerEntry {
    /// The epoch.
    pub epoch: Epoch,
    /// The owner.
    pub owner: Incarnation,
    /// The host of the owner before, when it had one.
    pub from_host: Option<String>,
    /// Why ownership changed.
    pub reason: OwnershipReason,
}

/// An instance as it is stored.
#[derive(Debug, Clone)]
pub struct StoredInstance {
    /// As it was created.
    pub new: NewInstance,
    /// Its row.
    pub record: InstanceRecord,
    /// Owner and host.
    pub owner: Option<(Incarnation, String)>,
    /// The epoch.
    pub epoch: Epoch,
    /// The version of the rows.
    pub revision: Revision,
    /// Claims without a commit in between.
    pub claims: u32,
    /// Task rows; each with its highest attempt.
    pub tasks: BTreeMap<TaskIndex, Task>,
    /// Every attempt.
    pub attempts: BTreeMap<(TaskIndex, AttemptNumber), Attempt>,
    /// Every transition with its time.
    pub history: Vec<(Timestamp, Transition)>,
    /// Every change to a new owner.
    pub owner_log: Vec<OwnerEntry>,
}

#[derive(Debug, Clone)]
struct InboxRow {
    command: InboxCommand,
    outcome: OperationStatus,
    detail: Option<String>,
}

/// The heartbeats of one incarnation.
#[derive(Debug, Clone, Copy)]
struct StoredHeartbeat {
    seen_at: i64,
    count: i64,
}

#[derive(Debug, Default)]
struct State {
    now: i64,
    members: Vec<Member>,
    heartbeats: BTreeMap<Incarnation, StoredHeartbeat>,
    secret: Option<String>,
    failovers: Vec<FailoverRecord>,
    /// Relayed results, in the order in which they came.
    relayed: Vec<RelayedResult>,
    applied: BTreeSet<DispatchId>,
    instances: BTreeMap<InstanceId, StoredInstance>,
    last_instance: i64,
    keys: BTreeMap<String, (String, InstanceId)>,
    inbox: Vec<InboxRow>,
    definitions: BTreeMap<(i64, i64), Arc<Definition>>,
    failures: VecDeque<(StoreError, FailedWrite)>,
    writes: usize,
    /// The number of instances in each read.
    reads: Vec<usize>,
    damaged: BTreeSet<InstanceId>,
}

/// What a failing write does before it returns its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedWrite {
    /// Nothing is stored.
    NotApplied,
    /// The batch is stored nevertheless.
    Applied,
}

impl FakeStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Adds a definition.
    pub fn define(&self, workflow_id: i64, version: i64, definition: Definition) {
        let definition = Arc::new(definition);
        self.state()
            .definitions
            .insert((workflow_id, version), definition);
    }

    /// Sets the database's clock.
    pub fn set_now(&self, now: Timestamp) {
        self.state().now = now.0;
    }

    /// Lets the next write fail; several are used up in order.
    pub fn fail_next_write(&self, error: StoreError, applied: FailedWrite) {
        self.state().failures.push_back((error, applied));
    }

    /// Counts the failures that no write has used up.
    pub fn failures_left(&self) -> usize {
        self.state().failures.len()
    }

    /// Counts relayed results that are neither applied nor closed.
    pub fn unapplied_results(&self) -> usize {
        let state = self.state();
        let relayed = state.relayed.iter();
        relayed
            .filter(|result| !state.applied.contains(&result.uid))
            .count()
    }

    /// Counts the batches that were written.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// Adds an active member.
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

    /// Returns the number of instances in each read.
    pub fn reads(&self) -> Vec<usize> {
        self.state().reads.clone()
    }

    /// Makes the rows of an instance unreadable.
    pub fn damage(&self, id: InstanceId) {
        self.state().damaged.insert(id);
    }

    /// Stores a command; returns its operation.
    pub fn add_command(&self, instance: InstanceId, verb: Command, run: Run) -> OperationId {
        self.add_task_command(instance, verb, run, None)
    }

    /// Stores a command that names a task; returns its operation.
    pub fn add_task_command(
        &self,
        instance: InstanceId,
        verb: Command,
        run: Run,
        task: Option<&str>,
    ) -> OperationId {
        let mut state = self.state();
        let operation = OperationId(i64::try_from(state.inbox.len()).unwrap_or(i64::MAX) + 1);
        state.inbox.push(InboxRow {
            command: InboxCommand {
                operation,
                instance,
                command: verb,
                run,
                task: task.map(str::to_owned),
                requested_by: "admin".to_owned(),
                arguments: CommandArguments::default(),
            },
            outcome: OperationStatus::Pending,
            detail: None,
        });
        operation
    }

    /// Returns the outcome of a command.
    ///
    /// # Panics
    /// When there is no such command.
    pub fn outcome(&self, operation: OperationId) -> (OperationStatus, Option<String>) {
        let state = self.state();
        let row = state.inbox.iter().find(|row| row.command.operation == operation);
        let row = row.expect("a command of this store");
        (row.outcome, row.detail.clone())
    }

    /// Ages the last heartbeat of an incarnation.
    pub fn age_heartbeat(&self, incarnation: Incarnation, ms: i64) {
        if let Some(heartbeat) = self.state().heartbeats.get_mut(&incarnation) {
            heartbeat.seen_at -= ms;
        }
    }

    /// Lists the recorded take-overs.
    pub fn failovers(&self) -> Vec<FailoverRecord> {
        self.state().failovers.clone()
    }

    /// Returns an instance as it is stored.
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

/// Whether an attempt keeps its task from having another open one.
fn is_open(attempt: &Attempt) -> bool {
    attempt.state.is_open()
}
