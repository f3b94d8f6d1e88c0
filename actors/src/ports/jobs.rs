//! Where attempts run: processes, HTTP calls, and what earlier incarnations left running.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Uid;
use engine::instance::AttemptResult;

/// Time from SIGTERM to SIGKILL, as documented for users.
pub const KILL_GRACE: Duration = Duration::from_secs(5);

/// The work of one attempt on a worker, with its files.
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
    /// The result.
    pub result: AttemptResult,
    /// Exit code, or HTTP status.
    pub exit_code: Option<i32>,
    /// Readable text, unless it succeeded.
    pub error: Option<String>,
    /// The parameters that it set, in its output or in the output file.
    pub outputs: BTreeMap<String, String>,
}

/// A running job.
#[async_trait]
pub trait RunningJob: Send {
    /// Its process id, when it has a process.
    fn pid(&self) -> Option<i64>;

    /// The start time of the process in the kernel's ticks; with the pid it identifies the process.
    fn start_ticks(&self) -> Option<u64>;

    /// Waits until it has ended. After `kill`, the result is `Killed` and every process of it is gone.
    async fn wait(&mut self) -> JobEnd;

    /// Sends SIGTERM to every process of it, and after this time SIGKILL to those that are left.
    fn kill(&mut self, within: Duration);
}

/// Starts jobs: one adapter for processes, one for HTTP.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Starts a job; the error is a readable reason.
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String>;

    /// Returns why no job can be started here now, in readable text. Called often.
    fn unavailable_reason(&self) -> Option<String> {
        None
    }

    /// Kills what still runs of these attempts of earlier incarnations: by pid and start time, by cgroup, by
    /// `PORPOISE_ATTEMPT_UID` in the environment of any process. Returns when they are gone.
    async fn kill_leftovers(&self, left: &[Leftover]);
}

/// An attempt of an earlier incarnation whose processes may still run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The attempt.
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
