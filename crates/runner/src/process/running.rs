//! One attempt with a process, from its start to its end.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actors::ports::{Job, JobEnd, RunningJob};
use async_trait::async_trait;
use engine::attempt::{AttemptResult, FailureKind};
use engine::ids::DispatchId;
use engine::params::OutputCollector;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::cgroup::Cgroup;
use super::proc_fs::start_ticks;
use super::terminate::terminate_tree;
use super::tree::ProcessTree;
use super::workspace::Workspace;
use crate::job_end::{end_with_outputs, failed_end};
use crate::log_tail::LogTail;

/// Time between two reads of a growing log. An attempt that runs longer than this is put into a control group.
const LOG_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The files of an attempt, until its end.
struct AttemptFiles {
    log: LogTail,
    workspace: Workspace,
}

/// An attempt with a process.
pub(super) struct RunningProcess {
    uid: DispatchId,
    output: PathBuf,
    pid: i32,
    start_ticks: Option<u64>,
    child: Child,
    /// The control group, until the process is added to it.
    cgroup: Option<Cgroup>,
    joining_cgroup: Option<JoinHandle<()>>,
    status: Option<io::Result<ExitStatus>>,
    killing: Option<JoinHandle<()>>,
    killed: bool,
    files: Arc<Mutex<Option<AttemptFiles>>>,
    cleaning_up: Option<JoinHandle<OutputCollector>>,
}

impl RunningProcess {
    /// Takes charge of a child of this process.
    pub(super) fn new(job: &Job, pid: i32, child: Child, log: LogTail, workspace: Workspace) -> Self {
        let uid = job.dispatch.uid;
        Self {
            uid,
            output: job.output.clone(),
            pid,
            start_ticks: start_ticks(pid),
            child,
            cgroup: Cgroup::for_attempt(&uid, &job.output),
            joining_cgroup: None,
            status: None,
            killing: None,
            killed: false,
            files: Arc::new(Mutex::new(Some(AttemptFiles { log, workspace }))),
            cleaning_up: None,
        }
    }

    /// Every branch may be dropped half-way: its effect is in `self`.
    async fn step(&mut self) {
        tokio::select! {
            // While it joins its control group, its pid must not be freed.
            status = self.child.wait(), if self.status.is_none() && self.joining_cgroup.is_none() => {
                self.status = Some(status);
            }
            _ = join_in_place(&mut self.joining_cgroup), if self.joining_cgroup.is_some() => {
                self.joining_cgroup = None;
            }
            _ = join_in_place(&mut self.killing), if self.killing.is_some() => {
                self.killing = None;
                self.killed = true;
            }
            () = tokio::time::sleep(LOG_POLL_INTERVAL) => {
                self.join_cgroup();
                self.read_log().await;
            }
        }
    }

    fn join_cgroup(&mut self) {
        let Some(cgroup) = self.cgroup.take().filter(|_| self.status.is_none()) else {
            return;
        };
        let pid = self.pid;
        self.joining_cgroup = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = cgroup.add_process_tree(pid) {
                tracing::debug!(%error, pid, "an attempt has no control group; markers identify its processes");
            }
        }));
    }

    async fn read_log(&self) {
        let files = Arc::clone(&self.files);
        let grown = with_files(&files, |files| files.log.has_grown());
        if grown == Some(true) {
            let read = tokio::task::spawn_blocking(move || with_files(&files, |files| files.log.read_new()));
            if let Ok(Some(Err(error))) = read.await {
                tracing::warn!(%error, "the log of an attempt cannot be followed");
            }
        }
    }

    fn clean_up(&self) -> JoinHandle<OutputCollector> {
        let files = Arc::clone(&self.files);
        let process_group = Pid::from_raw(self.pid);
        let joined_cgroup = Cgroup::for_attempt(&self.uid, &self.output).filter(|_| self.cgroup.is_none());
        tokio::task::spawn_blocking(move || {
            killpg(process_group, Signal::SIGKILL).ok();
            if let Some(cgroup) = joined_cgroup {
                cgroup.remove();
            }
            let files = files.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(AttemptFiles { log, workspace }) = files else {
                return OutputCollector::default();
            };
            let outputs = log.into_outputs();
            workspace.remove();
            outputs
        })
    }

    fn job_end(&self, outputs: OutputCollector) -> JobEnd {
        let mut end = match &self.status {
            Some(Ok(status)) => end_of_status(*status),
            Some(Err(error)) => failed_end(None, format!("its end is not known: {error}")),
            None => failed_end(None, "its end is not known".to_owned()),
        };
        if self.killed {
            end.result = AttemptResult::Killed;
            end.error.get_or_insert_with(|| "killed".to_owned());
        }
        end_with_outputs(end, outputs)
    }
}

fn with_files<T>(files: &Mutex<Option<AttemptFiles>>, act: impl FnOnce(&mut AttemptFiles) -> T) -> Option<T> {
    files
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_mut()
        .map(act)
}

/// Joins work that stays in its place, so that a dropped wait loses nothing. Returns none without work, or when the
/// runtime shuts down.
async fn join_in_place<T>(work: &mut Option<JoinHandle<T>>) -> Option<T> {
    work.as_mut()?.await.ok()
}

#[async_trait]
impl RunningJob for RunningProcess {
    fn pid(&self) -> Option<i64> {
        Some(self.pid.into())
    }

    fn start_ticks(&self) -> Option<u64> {
        self.start_ticks
    }

    async fn wait(&mut self) -> JobEnd {
        while self.status.is_none() || self.killing.is_some() {
            self.step().await;
        }
        if self.cleaning_up.is_none() {
            self.cleaning_up = Some(self.clean_up());
        }
        let outputs = join_in_place(&mut self.cleaning_up).await.unwrap_or_default();
        self.cleaning_up = None;
        self.job_end(outputs)
    }

    fn kill(&mut self, grace: Duration) {
        if self.status.is_some() || self.killing.is_some() || self.killed {
            return;
        }
        let tree = ProcessTree::from_child(&self.uid, &self.output, self.pid);
        self.killing = Some(tokio::spawn(terminate_tree(tree, grace)));
    }
}

fn end_of_status(status: ExitStatus) -> JobEnd {
    match (status.code(), status.signal()) {
        (Some(0), _) => JobEnd {
            result: AttemptResult::Succeeded,
            exit_code: Some(0),
            error: None,
            failure: FailureKind::Transient,
            outputs: BTreeMap::new(),
        },
        (Some(code), _) => failed_end(Some(code), format!("exit code {code}")),
        (None, Some(signal)) => end_by_signal(signal),
        (None, None) => failed_end(None, "it ended without an exit code".to_owned()),
    }
}

/// The exit code is the one that a shell would show.
fn end_by_signal(signal: i32) -> JobEnd {
    let name = Signal::try_from(signal).map_or("unknown", Signal::as_str);
    let end = failed_end(Some(128 + signal), format!("ended by signal {signal} ({name})"));
    let is_kill = [Signal::SIGKILL as i32, Signal::SIGTERM as i32].contains(&signal);
    JobEnd {
        result: if is_kill {
            AttemptResult::Killed
        } else {
            AttemptResult::Failed
        },
        ..end
    }
}
