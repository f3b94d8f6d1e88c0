//! Runs shell and python tasks as processes, each with a process group and a log of its own.
//!
//! A normal end is the end of the first process. What it left in its process group is killed then, so that
//! nothing runs on unseen; a process that left the session on purpose (`setsid`) outlives a normal end, but
//! not a kill.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actors::ports::{Job, JobEnd, KILL_GRACE, Leftover, Runner, RunningJob};
use async_trait::async_trait;
use engine::attempt::AttemptResult;
use engine::ids::DispatchId;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::capture::{Capture, open_log};
use super::cgroup::Cgroup;
use super::ending;
use super::proc_fs::{self, Family};
use super::script::{Place, Scripts};

/// How often a log that grows is read on; an attempt that runs so long is put into a control group.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Starts processes.
#[derive(Debug, Clone)]
pub struct Processes {
    log_limit: u64,
    scripts: Scripts,
}

impl Processes {
    /// Cuts logs off at `limit` bytes.
    pub fn with_log_limit(limit: u64) -> Self {
        Self {
            log_limit: limit,
            scripts: Scripts::default(),
        }
    }
}

#[async_trait]
impl Runner for Processes {
    /// Spawning blocks until the new program is loaded, so it happens beside the actors.
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String> {
        let job = job.clone();
        let this = self.clone();
        let launched = tokio::task::spawn_blocking(move || launch(&job, &this)).await;
        let running = launched.map_err(|_| "the worker is shutting down".to_owned())??;
        Ok(Box::new(running))
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        let boot = proc_fs::boot_id();
        let ends = left
            .iter()
            .map(|left| ending::end(Family::of_leftover(left, &boot), KILL_GRACE));
        futures_util::future::join_all(ends).await;
    }
}

fn launch(job: &Job, processes: &Processes) -> Result<RunningProcess, String> {
    let place = Place::prepare(job, &processes.scripts)
        .map_err(|error| format!("cannot make the working directory: {error}"))?;
    spawn(job, processes.log_limit, &place)
        .inspect_err(|_| place.remove())
        .map(|(child, pid, capture)| RunningProcess {
            uid: job.dispatch.uid,
            output: job.output.clone(),
            pid,
            start_ticks: proc_fs::start_ticks(pid),
            child,
            group: Cgroup::of(&job.dispatch.uid, &job.output),
            grouping: None,
            status: None,
            killing: None,
            killed: false,
            rest: Arc::new(Mutex::new(Some(Rest { capture, place }))),
            finishing: None,
        })
}

fn spawn(job: &Job, limit: u64, place: &Place) -> Result<(Child, i32, Capture), String> {
    let log_error = |error: io::Error| format!("cannot write the log: {error}");
    let log = open_log(&job.log).map_err(log_error)?;
    let mut command = place.command(job)?;
    command.stdout(log.try_clone().map_err(log_error)?);
    command.stderr(log.try_clone().map_err(log_error)?);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut command = Command::from(command);
    command.process_group(0);
    let capture = Capture::of(log, limit, &job.output).map_err(log_error)?;
    let child = command
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.ok_or_else(|| format!("{program} has no process id"))?;
    Ok((child, pid, capture))
}

/// What is left to do after the end.
struct Rest {
    capture: Capture,
    place: Place,
}

/// One attempt with a process.
struct RunningProcess {
    uid: DispatchId,
    output: PathBuf,
    pid: i32,
    start_ticks: Option<u64>,
    child: Child,
    /// The control group that it is to be put into.
    group: Option<Cgroup>,
    grouping: Option<JoinHandle<()>>,
    status: Option<io::Result<ExitStatus>>,
    killing: Option<JoinHandle<()>>,
    killed: bool,
    rest: Arc<Mutex<Option<Rest>>>,
    finishing: Option<JoinHandle<BTreeMap<String, String>>>,
}

impl RunningProcess {
    /// Every branch may be dropped half-way: what it did is in `self`.
    async fn step(&mut self) {
        tokio::select! {
            // While it is being put into its group, its pid must stay its own.
            status = self.child.wait(), if self.status.is_none() && self.grouping.is_none() => {
                self.status = Some(status);
            }
            _ = outcome(&mut self.grouping), if self.grouping.is_some() => self.grouping = None,
            _ = outcome(&mut self.killing), if self.killing.is_some() => {
                self.killing = None;
                self.killed = true;
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                self.put_into_group();
                self.read_on().await;
            }
        }
    }

    fn put_into_group(&mut self) {
        let Some(group) = self.group.take().filter(|_| self.status.is_none()) else {
            return;
        };
        let pid = self.pid;
        self.grouping = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = group.take_in(pid) {
                tracing::debug!(%error, pid, "an attempt has no control group; its marks name its processes");
            }
        }));
    }

    async fn read_on(&self) {
        let rest = Arc::clone(&self.rest);
        let grown = with(&rest, |rest| rest.capture.has_grown());
        if grown == Some(true) {
            let read = tokio::task::spawn_blocking(move || with(&rest, |rest| rest.capture.catch_up())).await;
            if let Ok(Some(Err(error))) = read {
                tracing::warn!(%error, "the log of an attempt cannot be followed");
            }
        }
    }

    fn finish(&self) -> JoinHandle<BTreeMap<String, String>> {
        let rest = Arc::clone(&self.rest);
        let group = Pid::from_raw(self.pid);
        let grouped = Cgroup::of(&self.uid, &self.output).filter(|_| self.group.is_none());
        tokio::task::spawn_blocking(move || {
            killpg(group, Signal::SIGKILL).ok();
            if let Some(grouped) = grouped {
                grouped.remove();
            }
            let Some(Rest { capture, place }) = rest.lock().unwrap_or_else(PoisonError::into_inner).take()
            else {
                return BTreeMap::new();
            };
            let outputs = capture.finish();
            place.remove();
            outputs
        })
    }

    fn end(&self, outputs: BTreeMap<String, String>) -> JobEnd {
        let mut end = match &self.status {
            Some(Ok(status)) => end_of(*status),
            Some(Err(error)) => failed(None, format!("its end is not known: {error}")),
            None => failed(None, "its end is not known".to_owned()),
        };
        if self.killed {
            end.result = AttemptResult::Killed;
            end.error.get_or_insert_with(|| "killed".to_owned());
        }
        JobEnd { outputs, ..end }
    }
}

fn with<T>(rest: &Mutex<Option<Rest>>, act: impl FnOnce(&mut Rest) -> T) -> Option<T> {
    rest.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_mut()
        .map(act)
}

/// Waits for work that stays in its place, so that a dropped wait loses nothing. Nothing comes back without
/// work, or when the runtime ends.
async fn outcome<T>(work: &mut Option<JoinHandle<T>>) -> Option<T> {
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
        if self.finishing.is_none() {
            self.finishing = Some(self.finish());
        }
        let outputs = outcome(&mut self.finishing).await.unwrap_or_default();
        self.finishing = None;
        self.end(outputs)
    }

    fn kill(&mut self, within: Duration) {
        let over = self.status.is_some() && self.killing.is_none();
        if over || self.killing.is_some() || self.killed {
            return;
        }
        let family = Family::of_child(&self.uid, &self.output, self.pid);
        self.killing = Some(tokio::spawn(ending::end(family, within)));
    }
}

fn end_of(status: ExitStatus) -> JobEnd {
    match (status.code(), status.signal()) {
        (Some(0), _) => JobEnd {
            result: AttemptResult::Succeeded,
            exit_code: Some(0),
            error: None,
            outputs: BTreeMap::new(),
        },
        (Some(code), _) => failed(Some(code), format!("exit code {code}")),
        (None, Some(signal)) => by_signal(signal),
        (None, None) => failed(None, "it ended without an exit code".to_owned()),
    }
}

/// The exit code is the one that a shell would show.
fn by_signal(signal: i32) -> JobEnd {
    let name = Signal::try_from(signal).map_or("unknown", Signal::as_str);
    let end = failed(Some(128 + signal), format!("ended by signal {signal} ({name})"));
    let from_outside = [Signal::SIGKILL as i32, Signal::SIGTERM as i32].contains(&signal);
    JobEnd {
        result: if from_outside {
            AttemptResult::Killed
        } else {
            AttemptResult::Failed
        },
        ..end
    }
}

fn failed(exit_code: Option<i32>, error: String) -> JobEnd {
    JobEnd {
        result: AttemptResult::Failed,
        exit_code,
        error: Some(error),
        outputs: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
