//! One attempt with a process, from its start to its end.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use async_trait::async_trait;
use engine::attempt::AttemptResult;
use engine::ids::DispatchId;
use engine::params::OutputCollector;
use engine::task_type::BackgroundPolicy;
use ports::{Job, JobEnd, KILL_GRACE, RunningJob};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::attempt_files::{AttemptFiles, LogProgress};
use super::cgroup::Cgroup;
use super::exit_status::{end_of_status, is_sigkill};
use super::leftovers::{Leftovers, end_leftovers};
use super::memory_kills::MemoryKills;
use super::orphans::LeaderGuard;
use super::proc_fs::start_ticks;
use super::terminate::terminate_tree;
use super::tree::ProcessTree;
use crate::job_end::{end_with_outputs, failed_end};
use crate::spare_files::UnusedFiles;

/// Time between two reads of a growing log. An attempt that runs longer than this is put into a control group.
const LOG_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Time between two reads of a log that grows fast.
const FAST_LOG_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// An attempt with a process.
pub(super) struct RunningProcess {
    uid: DispatchId,
    output: PathBuf,
    pid: i32,
    /// Keeps the process from being taken for an orphan.
    _leader: LeaderGuard,
    child: Child,
    start_ticks: Option<u64>,
    background: BackgroundPolicy,
    memory_kills: MemoryKills,
    /// The control group, until the process is added to it.
    cgroup: Option<Cgroup>,
    joining_cgroup: Option<JoinHandle<()>>,
    status: Option<io::Result<ExitStatus>>,
    killing: Option<JoinHandle<usize>>,
    killed: bool,
    files: AttemptFiles,
    log_poll_interval: Duration,
    /// Why this worker kills the attempt by itself, which is a failure.
    stop_reason: Option<String>,
    /// What follows the end of the process; none before it.
    closing: Option<JoinHandle<ClosedAttempt>>,
}

/// What is known of an attempt when nothing of it runs any more.
#[derive(Default)]
struct ClosedAttempt {
    /// Every value that it set; none when the files could not be read in time.
    outputs: Option<OutputCollector>,
    /// Says that memory ran out.
    memory: Option<String>,
}

impl RunningProcess {
    /// Takes charge of a child of this process.
    pub(super) fn new(
        job: &Job,
        (child, pid): (Child, i32),
        files: AttemptFiles,
        background: BackgroundPolicy,
        memory_kills: MemoryKills,
    ) -> Self {
        let uid = job.dispatch.uid;
        Self {
            uid,
            output: job.output.clone(),
            pid,
            _leader: LeaderGuard::new(pid),
            child,
            start_ticks: start_ticks(pid),
            background,
            memory_kills,
            cgroup: Cgroup::for_attempt(&uid, &job.output),
            joining_cgroup: None,
            status: None,
            killing: None,
            killed: false,
            files,
            log_poll_interval: LOG_POLL_INTERVAL,
            stop_reason: None,
            closing: None,
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
            () = tokio::time::sleep(self.log_poll_interval) => {
                self.join_cgroup();
                self.follow_log();
            }
        }
    }

    /// Kills an attempt whose log has stopped: what it writes from then on would be lost.
    fn follow_log(&mut self) {
        self.log_poll_interval = match self.files.follow_log() {
            LogProgress::Slow => LOG_POLL_INTERVAL,
            LogProgress::Fast => FAST_LOG_POLL_INTERVAL,
            LogProgress::Stopped(reason) => {
                if self.status.is_none() && self.killing.is_none() {
                    self.stop_reason = Some(reason);
                    self.kill(KILL_GRACE);
                }
                FAST_LOG_POLL_INTERVAL
            }
        };
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

    /// Ends what the attempt left behind, and closes its files; everything here has a time limit.
    fn close(&self) -> JoinHandle<ClosedAttempt> {
        let (uid, output, pid) = (self.uid, self.output.clone(), self.pid);
        let ends_leftovers = self.background == BackgroundPolicy::End && !self.killed;
        let joined_cgroup = Cgroup::for_attempt(&uid, &output).filter(|_| self.cgroup.is_none());
        let is_sigkill = !self.killed && self.status.as_ref().is_some_and(is_sigkill);
        let (memory_kills, files) = (self.memory_kills.clone(), self.files.clone());
        tokio::spawn(async move {
            // Removing the group removes its counts.
            let memory = is_sigkill.then(|| memory_kills.explain(joined_cgroup.as_ref()));
            let tree = ends_leftovers.then(|| ProcessTree::from_ended_child(&uid, &output, pid));
            let (sentence, unused) = match tree {
                Some(tree) => match end_leftovers(tree).await {
                    Leftovers::None => (None, UnusedFiles::Recycle),
                    Leftovers::Unknown => (None, UnusedFiles::Remove),
                    Leftovers::Found(sentence) => (Some(sentence), UnusedFiles::Remove),
                },
                None => (None, UnusedFiles::Remove),
            };
            if let Some(cgroup) = joined_cgroup {
                cgroup.remove();
            }
            ClosedAttempt {
                outputs: files.close(sentence, unused).await,
                memory: memory.flatten(),
            }
        })
    }

    fn job_end(&self, closed: ClosedAttempt) -> JobEnd {
        let mut end = match &self.status {
            Some(status) => end_of_status(status, closed.memory.as_deref()),
            None => failed_end(None, "its end is not known".to_owned()),
        };
        if closed.outputs.is_none() && end.result == AttemptResult::Succeeded {
            end = failed_end(end.exit_code, "its outputs could not be read in time".to_owned());
        }
        if self.killed
            && let Some(reason) = &self.stop_reason
        {
            end = failed_end(end.exit_code, reason.clone());
        } else if self.killed {
            end.result = AttemptResult::Killed;
            end.error.get_or_insert_with(|| "killed".to_owned());
        }
        end_with_outputs(end, closed.outputs.unwrap_or_default())
    }
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
        if self.closing.is_none() {
            self.closing = Some(self.close());
        }
        let closed = join_in_place(&mut self.closing).await.unwrap_or_default();
        self.closing = None;
        self.job_end(closed)
    }

    fn kill(&mut self, grace: Duration) {
        if self.status.is_some() || self.killing.is_some() || self.killed {
            return;
        }
        let tree = ProcessTree::from_child(&self.uid, &self.output, self.pid);
        self.killing = Some(tokio::spawn(terminate_tree(tree, grace)));
    }
}
