//! Where the work of an attempt is done: processes, calls, what earlier lives left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Uid;
use engine::instance::AttemptResult;

/// From SIGTERM to SIGKILL, as users know it.
pub const KILLED_WITHIN: Duration = Duration::from_secs(5);

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

    /// Asks every process of it to end (SIGTERM), and after this time forces those that are left (SIGKILL).
    fn kill(&mut self, within: Duration);
}

/// Starts jobs: one adapter for processes, one for http.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Starts it; the error says in words why it could not.
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String>;

    /// Says why nothing new can be started here now, in words; asked often.
    fn refuses(&self) -> Option<String> {
        None
    }

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
