//! Runs scripts as processes, each with its own process group and log.
//!
//! An attempt ends when its first process ends. What is left in its process group is then killed, so that nothing
//! keeps running unnoticed; a process that left the session on purpose (`setsid`) outlives a normal end, but not a
//! kill.

mod cgroup;
mod proc_fs;
mod program;
mod running;
mod script_cache;
mod terminate;
mod tree;
mod workspace;

use std::collections::BTreeMap;
use std::io;

use actors::ports::{Job, KILL_GRACE, Leftover, Runner, RunningJob, StartError};
use async_trait::async_trait;
use engine::params::OutputCollector;
use engine::task_type::{InvalidFields, PreparedAction};
use nix::errno::Errno;
use tokio::process::{Child, Command};

use self::running::RunningProcess;
use self::script_cache::ScriptCache;
use self::terminate::terminate_tree;
use self::tree::ProcessTree;
use self::workspace::Workspace;
use super::log_tail::{LogTail, open_log};

pub use self::proc_fs::boot_id;

/// A script with the program that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// The text of the script.
    pub(crate) text: String,
    /// The program, with arguments of its own.
    pub(crate) interpreter: String,
}

/// Reads the script of one task type.
pub(crate) type ReadScript = fn(&PreparedAction) -> Result<Script, InvalidFields>;

/// The task types that run as processes, by name.
pub(crate) type ScriptTypes = BTreeMap<&'static str, ReadScript>;

/// Starts processes.
#[derive(Debug, Clone)]
pub(crate) struct ProcessRunner {
    log_limit: u64,
    task_types: ScriptTypes,
    scripts: ScriptCache,
}

impl ProcessRunner {
    /// Makes a runner of these task types that truncates logs at `log_limit` bytes.
    pub(crate) fn new(log_limit: u64, task_types: ScriptTypes) -> Self {
        Self {
            log_limit,
            task_types,
            scripts: ScriptCache::default(),
        }
    }

    /// Blocks until the program is loaded.
    fn launch(&self, job: &Job) -> Result<RunningProcess, StartError> {
        let action = &job.dispatch.action;
        let read_script = self.task_types.get(action.task_type.as_str());
        let read_script = read_script.ok_or_else(|| "this task type has no process".to_owned())?;
        let script = read_script(action).map_err(|error| StartError::permanent(error.to_string()))?;
        let workspace = Workspace::create(job, &script.text, &self.scripts)
            .map_err(|error| format!("cannot make the working directory: {error}"))?;
        match spawn_process(job, &script.interpreter, self.log_limit, &workspace) {
            Ok((child, pid, log)) => Ok(RunningProcess::new(job, pid, child, log, workspace)),
            Err(reason) => {
                workspace.remove();
                Err(reason)
            }
        }
    }
}

#[async_trait]
impl Runner for ProcessRunner {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
        let job = job.clone();
        let runner = self.clone();
        // Spawning blocks, so it happens outside the actors' threads.
        let launched = tokio::task::spawn_blocking(move || runner.launch(&job)).await;
        let running = launched.map_err(|_| "the worker is shutting down".to_owned())??;
        Ok(Box::new(running))
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        let boot_id = proc_fs::boot_id();
        let ends = left
            .iter()
            .map(|left| terminate_tree(ProcessTree::from_leftover(left, &boot_id), KILL_GRACE));
        futures_util::future::join_all(ends).await;
    }
}

fn spawn_process(
    job: &Job,
    interpreter: &str,
    log_limit: u64,
    workspace: &Workspace,
) -> Result<(Child, i32, LogTail), StartError> {
    let log_error = |error: io::Error| format!("cannot write the log: {error}");
    let log = open_log(&job.log).map_err(log_error)?;
    let mut command = program::script_command(interpreter, &job.dispatch.env, workspace)?;
    command.stdout(log.try_clone().map_err(log_error)?);
    command.stderr(log.try_clone().map_err(log_error)?);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut command = Command::from(command);
    command.process_group(0);
    let outputs = OutputCollector::new(job.dispatch.outputs.clone());
    let log = LogTail::from_end(log, log_limit, &job.output, outputs).map_err(log_error)?;
    let child = command.spawn().map_err(|error| start_error(&program, &error))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.ok_or_else(|| format!("{program} has no process id"))?;
    Ok((child, pid, log))
}

/// A file that is not there or is no program stays so.
fn start_error(program: &str, error: &io::Error) -> StartError {
    let reason = format!("cannot start {program}: {error}");
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT | Errno::EACCES | Errno::ENOEXEC | Errno::ENOTDIR | Errno::EISDIR) => {
            StartError::permanent(reason)
        }
        _ => reason.into(),
    }
}

#[cfg(test)]
mod tests;
