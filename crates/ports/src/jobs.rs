//! The port to whatever runs the jobs of attempts: processes, HTTP requests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::attempt::{AttemptResult, FailureKind};
use engine::ids::DispatchId;

/// Time from SIGTERM to SIGKILL that is documented to users.
pub const KILL_GRACE: Duration = Duration::from_secs(5);

/// One attempt with the files that its processes get.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What to run.
    pub dispatch: crate::protocol::Dispatch,
    /// Its own empty working directory.
    pub workdir: PathBuf,
    /// The file that `PORPOISE_OUTPUT` names.
    pub output: PathBuf,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The kind of end.
    pub result: AttemptResult,
    /// Exit code, or HTTP status.
    pub exit_code: Option<i32>,
    /// Why it did not succeed, as a sentence.
    pub error: Option<String>,
    /// Whether a next attempt may end in another way, when it did not succeed.
    pub failure: FailureKind,
    /// The declared outputs that it set.
    pub outputs: BTreeMap<String, String>,
}

/// A job that runs.
#[async_trait]
pub trait RunningJob: Send {
    /// Returns its process id, when it has a process.
    fn pid(&self) -> Option<i64>;

    /// Returns the start time of its process in the kernel's ticks; with the pid it names the process for ever.
    fn start_ticks(&self) -> Option<u64>;

    /// Waits for its end. After `kill`, the end is `Killed` and every process of it is gone.
    async fn wait(&mut self) -> JobEnd;

    /// Asks every process of it to end (SIGTERM), and after `grace` forces those that are left (SIGKILL).
    fn kill(&mut self, grace: Duration);
}

/// Why a job could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct StartError {
    /// The reason, as a sentence.
    pub reason: String,
    /// Whether another attempt may start.
    pub failure: FailureKind,
}

impl StartError {
    /// Makes the error of a job that no later attempt could start either.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            failure: FailureKind::Permanent,
        }
    }
}

impl From<String> for StartError {
    fn from(reason: String) -> Self {
        Self {
            reason,
            failure: FailureKind::Transient,
        }
    }
}

/// Runs jobs of one or more task types.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Starts a job; the error says why it could not.
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError>;

    /// Says as a sentence why no job can be started at the moment; called often.
    fn unavailable_reason(&self) -> Option<String> {
        None
    }

    /// Kills what still runs of these attempts of an earlier incarnation: by pid and start time, by cgroup, by
    /// `PORPOISE_ATTEMPT_UID` in the environment of any process. Returns when it is gone.
    async fn kill_leftovers(&self, left: &[Leftover]);

    /// Removes the files of earlier incarnations in the folder of all working directories. Called once, after
    /// `kill_leftovers` and before the first start.
    fn remove_leftover_files(&self, _work: &Path) {}
}

/// An attempt of an earlier incarnation whose processes may still run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The attempt.
    pub uid: DispatchId,
    /// Its process, if that was journaled.
    pub pid: Option<i64>,
    /// The start time of that process in ticks.
    pub start_ticks: Option<u64>,
    /// The boot in which it ran.
    pub boot_id: Option<String>,
    /// The file that its `PORPOISE_OUTPUT` names. A uid alone is unique in one database only, and another node
    /// on this machine may have another database.
    pub output: PathBuf,
}

/// The runners of a worker, each registered for its task types; a runner that chooses by task type.
#[derive(Default, Clone)]
pub struct RunnerRegistry {
    runners: Vec<Arc<dyn Runner>>,
    by_task_type: BTreeMap<&'static str, Arc<dyn Runner>>,
}

impl RunnerRegistry {
    /// Registers a runner for task types, in the place of an earlier one.
    #[must_use]
    pub fn with(mut self, task_types: &[&'static str], runner: Arc<dyn Runner>) -> Self {
        for task_type in task_types {
            self.by_task_type.insert(task_type, Arc::clone(&runner));
        }
        self.runners.push(runner);
        self
    }

    /// Returns the task types that have a runner.
    pub fn task_types(&self) -> impl Iterator<Item = &'static str> {
        self.by_task_type.keys().copied()
    }
}

#[async_trait]
impl Runner for RunnerRegistry {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
        let task_type = &job.dispatch.action.task_type;
        match self.by_task_type.get(task_type.as_str()) {
            Some(runner) => runner.start(job).await,
            None => Err(format!("this worker has no runner for tasks of type `{task_type}`").into()),
        }
    }

    fn unavailable_reason(&self) -> Option<String> {
        self.runners.iter().find_map(|runner| runner.unavailable_reason())
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        for runner in &self.runners {
            runner.kill_leftovers(left).await;
        }
    }

    fn remove_leftover_files(&self, work: &Path) {
        for runner in &self.runners {
            runner.remove_leftover_files(work);
        }
    }
}
