//! The world as the actors see it: traits that adapters in `src` and fakes in tests fulfil.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::attempt::AttemptEnd;
use engine::ids::{
    AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, OperationId, Revision, Run,
    TaskIndex, Timestamp,
};
use engine::instance::{Changes, InstanceRecord};
use engine::spec::Definition;
use engine::start::Start;
use engine::states::{Command, MemberState, OwnershipReason};
use engine::task::{Attempt, Task};

mod jobs;
mod logs;
mod membership;
mod registry;

pub use jobs::{Job, JobEnd, KILL_GRACE, Leftover, Runner, RunnerRegistry, RunningJob};
pub use logs::{LogPart, LogSource, LogUnavailable};
pub use membership::{
    Beat, Declaration, Declared, FailoverRecord, HandOver, Join, Joined, Member, OwnedBy, Seen,
};
pub use registry::{Registry, RegistryError, View};

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Surely not applied, and the same again will fail the same way.
    #[error("the store refused it: {0}")]
    Rejected(String),
    /// Surely not applied; the store cannot be reached or is overloaded. Try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// May have been applied: reload before deciding anything.
    #[error("the store did not answer whether it was applied: {0}")]
    Uncertain(String),
}

impl StoreError {
    /// Whether the change may be stored although an error came back.
    pub fn maybe_applied(&self) -> bool {
        matches!(self, Self::Uncertain(_))
    }
}

/// Who a node is in this life, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// This life.
    pub incarnation: Incarnation,
    /// The address that others use; `host` of what it owns.
    pub host: String,
    /// The node's name.
    pub name: String,
    /// The database's generation.
    pub generation: Generation,
}

/// Ties a request to its effect for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// SHA-256 of user, method, path and key, in hex.
    pub key: String,
    /// SHA-256 of the body, in hex.
    pub body_hash: String,
}

/// An instance to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInstance {
    /// The project's row.
    pub project_id: i64,
    /// The workflow's row.
    pub workflow_id: i64,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// Project parameters; the layer under the workflow's.
    pub project_params: BTreeMap<String, String>,
    /// The pinned version.
    pub version: i64,
    /// The number of tasks of that version.
    pub tasks: u32,
    /// How many of them are forbidden or outside the chosen range.
    pub excluded: u32,
    /// What the start asked for.
    pub start: Start,
    /// Who or what started it, for example `api`.
    pub trigger: String,
    /// The user.
    pub requested_by: String,
    /// The owner from birth; none leaves it to be claimed.
    pub owner: Option<Me>,
    /// Ties a repeated request to this instance.
    pub request_key: Option<RequestKey>,
    /// When.
    pub at: Timestamp,
}

/// One round of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceCommit {
    /// Which.
    pub id: InstanceId,
    /// The writer; a condition of the write.
    pub owner: Incarnation,
    /// Its address, for the history.
    pub host: String,
    /// A condition of the write.
    pub epoch: Epoch,
    /// A condition of the write; it becomes one more.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// What changes.
    pub changes: Changes,
}

/// One entry of a batch; entries stand or fall alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new instance.
    Create(NewInstance),
    /// A round.
    Commit(InstanceCommit),
}

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The instance exists.
    Created {
        /// Its id.
        id: InstanceId,
    },
    /// The request key was used before, with the same body, for this instance.
    Known {
        /// Its id.
        id: InstanceId,
    },
    /// The request key was used before with another body.
    KeyReused,
    /// Stored; revision is one more.
    Stored,
    /// Owner, epoch or revision did not match: nothing was stored.
    Stale,
    /// This entry alone cannot be stored; the others of its batch were.
    Rejected(String),
}

/// A wish to own instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who; must be an active member.
    pub me: Me,
    /// Only this one, if given.
    pub only: Option<InstanceId>,
    /// At most so many.
    pub limit: u32,
    /// When.
    pub at: Timestamp,
}

/// An instance that is owned now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Which.
    pub id: InstanceId,
    /// Under which epoch.
    pub epoch: Epoch,
    /// Why.
    pub why: OwnershipReason,
    /// The owner before, when it had one.
    pub from_owner: Option<Incarnation>,
    /// The host of the owner before, when it had one.
    pub from_host: Option<String>,
}

/// An unapplied control operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxVerb {
    /// The inbox row.
    pub operation: OperationId,
    /// What is asked.
    pub verb: Command,
    /// The run that the called node saw.
    pub run: Run,
    /// The task's name, for force-success.
    pub task: Option<String>,
    /// Who asked.
    pub requested_by: String,
}

/// Everything an owner needs to run an instance, from one consistent read.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Which.
    pub id: InstanceId,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's row.
    pub workflow_id: i64,
    /// The pinned version.
    pub version: i64,
    /// Project parameters; the layer under the workflow's.
    pub project_params: BTreeMap<String, String>,
    /// What the start asked for.
    pub start: Start,
    /// The database's generation.
    pub generation: Generation,
    /// Under which epoch it is owned.
    pub epoch: Epoch,
    /// The version of the rows.
    pub revision: Revision,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its own row.
    pub record: InstanceRecord,
    /// Its task rows, each with its latest attempt.
    pub tasks: Vec<(TaskIndex, Task)>,
    /// Attempts that are still open although a later one of their task exists (none, normally).
    pub stray: Vec<(TaskIndex, Attempt)>,
    /// Unapplied control operations in order.
    pub verbs: Vec<InboxVerb>,
    /// Results of attempts that are open here, which workers gave to another master than the owner.
    pub results: Vec<(DispatchId, AttemptEnd)>,
}

/// The engine's side of the database. Each function is one operation and one transaction.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Starts a new life of a standalone node: every other live member is dead in the same transaction.
    async fn join_alone(&self, join: &Join) -> Result<Joined, StoreError>;

    /// Starts a new life of a node of a cluster. A live life of the same name or host is dead in the same
    /// transaction: the caller has made sure that it does not run any more.
    async fn join(&self, join: &Join) -> Result<Joined, StoreError>;

    /// Remembers the digest of the cluster's secret if there is none yet; answers whether it is the same.
    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError>;

    /// Lists members that are joining, active or draining, with the age of their last beat.
    async fn living(&self) -> Result<Vec<Seen>, StoreError>;

    /// Declares a life dead, if the declaring one is active, and ends what its sessions still do.
    async fn declare_dead(&self, declaration: &Declaration) -> Result<Declared, StoreError>;

    /// Notes what a survivor took over from a dead life; a later note of the same pair replaces the counts.
    async fn record_failover(&self, record: &FailoverRecord) -> Result<(), StoreError>;

    /// Gives instances to another active master: host, owner, epoch + 1 and the owner log in one transaction.
    /// Answers those that were given, with their new epochs; none when the target is not an active master.
    async fn hand_over(&self, hand_over: &HandOver) -> Result<Vec<(InstanceId, Epoch)>, StoreError>;

    /// Keeps results for whoever owns their instances, while the attempts are open; what is closed is dropped.
    /// Repeating it changes nothing.
    async fn keep_results(
        &self,
        results: &[(DispatchId, AttemptEnd)],
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Reads the kept results of attempts that are still open.
    async fn results(&self, ids: &[InstanceId]) -> Result<Vec<(DispatchId, AttemptEnd)>, StoreError>;

    /// Marks kept results as applied.
    async fn results_applied(&self, uids: &[DispatchId], at: Timestamp) -> Result<(), StoreError>;

    /// Marks kept results whose attempts are closed, by them or another way: they have no effect any more.
    async fn close_results(&self, at: Timestamp) -> Result<(), StoreError>;

    /// Says who owns these instances; one that does not exist is left out.
    async fn owners(&self, ids: &[InstanceId]) -> Result<Vec<OwnedBy>, StoreError>;

    /// Moves this life forward; a step back is refused.
    async fn set_member_state(&self, me: Incarnation, state: MemberState) -> Result<(), StoreError>;

    /// Says that this life goes on; answers the clock and what others have said of it.
    async fn beat(&self, me: Incarnation) -> Result<Beat, StoreError>;

    /// Lists members that live, and those whose life ended within a day.
    async fn members(&self) -> Result<Vec<Member>, StoreError>;

    /// How many batches may be stored at the same time.
    fn writers(&self) -> usize {
        1
    }

    /// Stores a batch; answers one by one, in its order. An error concerns the whole batch.
    async fn write(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError>;

    /// Takes instances that need an owner and have none that lives. Host, owner, epoch + 1 and the owner log
    /// are stored in one statement.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Reads instances under their ownership, each from one moment; one that has another owner or epoch now is
    /// left out. An error concerns all of them.
    async fn load(&self, me: Incarnation, asked: &[(InstanceId, Epoch)]) -> Result<Vec<Loaded>, StoreError>;

    /// Reads a pinned definition; the same version is always the same.
    async fn definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError>;

    /// Reads unapplied control operations of these instances, in order.
    async fn verbs(&self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, InboxVerb)>, StoreError>;

    /// Lists what this life owns, and whether the inbox of each holds anything unapplied: a control operation,
    /// or a kept result of an attempt that is open.
    async fn owned(&self, me: Incarnation) -> Result<Vec<(InstanceId, Epoch, bool)>, StoreError>;

    /// Counts the instances of each owner.
    async fn owned_counts(&self) -> Result<BTreeMap<Incarnation, u32>, StoreError>;

    /// Clears the count of claims without progress of instances that stayed loaded.
    async fn made_progress(&self, me: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError>;

    /// Refuses the unapplied verbs of an instance at rest that cannot apply in its state, without a claim.
    async fn refuse_at_rest(&self, id: InstanceId, at: Timestamp) -> Result<(), StoreError>;
}

/// The number of an attempt and the task it belongs to; names its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptKey {
    /// The instance.
    pub instance: InstanceId,
    /// The task.
    pub task_index: TaskIndex,
    /// The attempt.
    pub number: AttemptNumber,
}
