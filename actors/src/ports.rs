//! The world as the actors see it: traits that adapters in `src` and fakes in tests fulfil.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use engine::definition::Definition;
use engine::ids::{
    AttemptNumber, Epoch, Generation, Incarnation, InstanceId, Millis, OperationId, Ordinal, Rev, Run, Uid,
};
use engine::instance::{AttemptResult, Changes, Header};
use engine::start::Start;
use engine::states::{MemberState, OwnerWhy, Verb};
use engine::task::{Attempt, Task};

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

/// One way to do things: who and where.
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

/// What a node says of itself when it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Unique among live members.
    pub name: String,
    /// Unique among live members.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Slots of its worker; 0 without that role.
    pub slots: u32,
    /// The group of its worker.
    pub worker_group: String,
    /// The program's version.
    pub version: String,
}

/// What the store made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The new life.
    pub incarnation: Incarnation,
    /// The database's generation.
    pub generation: Generation,
    /// The database's clock.
    pub now: Millis,
}

/// The answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The database's clock.
    pub now: Millis,
    /// What the store says of this life; `Dead` means: exit.
    pub state: MemberState,
}

/// One member row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which life.
    pub incarnation: Incarnation,
    /// Its node name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Where it is in its life.
    pub state: MemberState,
    /// When it joined.
    pub joined_at: Millis,
    /// Slots of its worker.
    pub slots: u32,
    /// The group of its worker.
    pub worker_group: String,
    /// The program's version.
    pub version: String,
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
    pub at: Millis,
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
    pub rev: Rev,
    /// When.
    pub at: Millis,
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
    /// Stored; rev is one more.
    Stored,
    /// Owner, epoch or rev did not match: nothing was stored.
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
    pub at: Millis,
}

/// An instance that is owned now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Which.
    pub id: InstanceId,
    /// Under which epoch.
    pub epoch: Epoch,
    /// Why.
    pub why: OwnerWhy,
    /// The host of the owner before, when it had one.
    pub from_host: Option<String>,
}

/// An unapplied control operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxVerb {
    /// The inbox row.
    pub operation: OperationId,
    /// What is asked.
    pub verb: Verb,
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
    pub rev: Rev,
    /// When it was created.
    pub created_at: Millis,
    /// Its own row.
    pub header: Header,
    /// Its task rows, each with its latest attempt.
    pub tasks: Vec<(Ordinal, Task)>,
    /// Attempts that are still open although a later one of their task exists (none, normally).
    pub stray: Vec<(Ordinal, Attempt)>,
    /// Unapplied control operations in order.
    pub verbs: Vec<InboxVerb>,
}

/// The engine's side of the database. Each function is one operation and one transaction.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Starts a new life of a standalone node: every other live member is dead in the same transaction.
    async fn join_alone(&self, join: &Join) -> Result<Joined, StoreError>;

    /// Moves this life forward; a step back is refused.
    async fn set_member_state(&self, me: Incarnation, state: MemberState) -> Result<(), StoreError>;

    /// Says that this life goes on; answers the clock and what others have said of it.
    async fn beat(&self, me: Incarnation) -> Result<Beat, StoreError>;

    /// Lists members that live, and those whose life ended within a day.
    async fn members(&self) -> Result<Vec<Member>, StoreError>;

    /// Stores a batch; answers one by one, in its order. An error concerns the whole batch.
    async fn write(&self, batch: &[Write]) -> Result<Vec<Written>, StoreError>;

    /// Takes instances that need an owner and have none that lives. Host, owner, epoch + 1 and the owner log
    /// are stored in one statement.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, StoreError>;

    /// Reads an instance under its ownership; none when it has another owner or epoch now.
    async fn load(&self, id: InstanceId, me: Incarnation, epoch: Epoch)
    -> Result<Option<Loaded>, StoreError>;

    /// Reads a pinned definition; the same version is always the same.
    async fn definition(&self, workflow_id: i64, version: i64) -> Result<Arc<Definition>, StoreError>;

    /// Reads unapplied control operations of these instances, in order.
    async fn verbs(&self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, InboxVerb)>, StoreError>;

    /// Lists what this life owns, and whether each has unapplied control operations.
    async fn owned(&self, me: Incarnation) -> Result<Vec<(InstanceId, Epoch, bool)>, StoreError>;

    /// Clears the count of claims without progress of instances that stayed loaded.
    async fn made_progress(&self, me: Incarnation, ids: &[InstanceId]) -> Result<(), StoreError>;

    /// Refuses the unapplied verbs of an instance at rest that cannot apply in its state, without a claim.
    async fn refuse_at_rest(&self, id: InstanceId, at: Millis) -> Result<(), StoreError>;
}

/// Where the processes of one attempt live on a worker, and what they get.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What to run.
    pub dispatch: crate::protocol::Dispatch,
    /// stdout and stderr go here, appended.
    pub log: PathBuf,
    /// Its own empty working directory.
    pub workdir: PathBuf,
    /// The file named by `PORPOISE_OUTPUT`.
    pub output: PathBuf,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// How.
    pub result: AttemptResult,
    /// Exit code, or HTTP status.
    pub exit_code: Option<i32>,
    /// In words, without success.
    pub error: Option<String>,
    /// Everything it set, in its output or in the output file.
    pub outputs: BTreeMap<String, String>,
}

/// A job that runs.
#[async_trait]
pub trait RunningJob: Send {
    /// Its process id, when it has a process.
    fn pid(&self) -> Option<i64>;

    /// The start time of the process in the kernel's ticks; with the pid it names the process for ever.
    fn start_ticks(&self) -> Option<u64>;

    /// Waits for its end. After `kill`, the end is `Killed` and every process of it is gone.
    async fn wait(&mut self) -> JobEnd;

    /// Asks every process of it to end (SIGTERM), and after 5 s forces those that are left (SIGKILL).
    fn kill(&mut self);
}

/// Starts jobs: one adapter for processes, one for http.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Starts it; the error says in words why it could not.
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String>;

    /// Kills whatever still runs of these uids from an earlier life: by pid and start time, by cgroup, by
    /// `PORPOISE_ATTEMPT_UID` in the environment of any process. Returns when they are gone.
    async fn sweep(&self, left: &[Leftover]);
}

/// An attempt of an earlier life whose processes may still run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Which.
    pub uid: Uid,
    /// Its process, if that was journalled.
    pub pid: Option<i64>,
    /// The start time of that process in ticks.
    pub start_ticks: Option<u64>,
    /// The boot in which it ran.
    pub boot_id: Option<String>,
    /// The file that its `PORPOISE_OUTPUT` names. A uid alone is unique in one database only, and another node
    /// on this machine may have another database.
    pub output: PathBuf,
}

/// The number of an attempt and the task it belongs to; names its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptKey {
    /// The instance.
    pub instance: InstanceId,
    /// The task.
    pub ordinal: Ordinal,
    /// The attempt.
    pub number: AttemptNumber,
}
