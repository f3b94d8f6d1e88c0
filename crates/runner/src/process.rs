//! Runs scripts as processes, each with its own process group and log.
//!
//! An attempt ends when its first process ends. What it leaves behind is then ended like by a kill, so that nothing
//! keeps running unnoticed, unless the task keeps its background processes.

mod attempt_files;
mod cgroup;
mod exit_status;
mod leftovers;
mod memory_kills;
mod orphans;
mod proc_fs;
mod program;
mod running;
mod script_cache;
mod signals;
mod terminate;
mod tree;
mod workspace;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use async_trait::async_trait;
use engine::params::OutputCollector;
use engine::task_type::{BackgroundPolicy, InvalidFields, PreparedAction, ProgramWords};
use nix::errno::Errno;
use ports::{Job, KILL_GRACE, Leftover, Runner, RunningJob, StartError};
use tokio::process::{Child, Command};

use self::attempt_files::AttemptFiles;
use self::memory_kills::MemoryKills;
use self::orphans::adopt_orphans;
use self::running::RunningProcess;
use self::script_cache::ScriptCache;
use self::signals::catch_ignored_signals;
use self::terminate::terminate_tree;
use self::tree::ProcessTree;
use self::workspace::{Workspace, remove_files_of_earlier_incarnations, remove_files_of_leftover};
use super::file_remover::FileRemover;
use super::limits::LogLimits;
use super::log_files::LogFiles;
use super::log_tail::LogTail;
use super::spare_files::SpareFiles;

pub use self::proc_fs::boot_id;

/// A script with the program that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// The text of the script.
    pub(crate) text: String,
    /// The program, with arguments of its own.
    pub(crate) interpreter: ProgramWords,
    /// What becomes of the processes that it leaves behind.
    pub(crate) background: BackgroundPolicy,
}

/// Reads the script of one task type.
pub(crate) type ReadScript = fn(&PreparedAction) -> Result<Script, InvalidFields>;

/// The task types that run as processes, by name.
pub(crate) type ScriptTypes = BTreeMap<&'static str, ReadScript>;

/// Starts processes.
#[derive(Debug, Clone)]
pub(crate) struct ProcessRunner {
    log_limits: LogLimits,
    task_types: ScriptTypes,
    scripts: ScriptCache,
    logs: LogFiles,
    spare_folders: SpareFiles,
    remover: FileRemover,
    memory_kills: MemoryKills,
}

impl ProcessRunner {
    /// Makes a runner of these task types that bounds logs.
    pub(crate) fn new(log_limits: LogLimits, task_types: ScriptTypes, logs: LogFiles) -> Self {
        adopt_orphans();
        Self {
            log_limits,
            task_types,
            scripts: ScriptCache::default(),
            logs,
            spare_folders: SpareFiles::default(),
            remover: FileRemover::default(),
            memory_kills: MemoryKills::begin(),
        }
    }

    /// Blocks until the program is loaded.
    fn launch(&self, job: &Job) -> Result<RunningProcess, StartError> {
        let action = &job.dispatch.action;
        let read_script = self.task_types.get(action.task_type.as_str());
        let read_script = read_script.ok_or_else(|| "this task type has no process".to_owned())?;
        let script = read_script(action).map_err(|error| StartError::permanent(error.to_string()))?;
        let workspace = Workspace::create(
            job,
            &script.text,
            &self.scripts,
            (&self.spare_folders, &self.remover),
        )
        .map_err(|error| format!("cannot make the working directory: {error}"))?;
        let (child, pid, log) = self.spawn_process(job, &script.interpreter, &workspace)?;
        let files = AttemptFiles::new(job.dispatch.uid, self.logs.clone(), log, workspace);
        let memory_kills = self.memory_kills.clone();
        Ok(RunningProcess::new(
            job,
            (child, pid),
            files,
            script.background,
            memory_kills,
        ))
    }

    fn spawn_process(
        &self,
        job: &Job,
        interpreter: &ProgramWords,
        workspace: &Workspace,
    ) -> Result<(Child, i32, LogTail), StartError> {
        let log_error = |error: io::Error| format!("cannot write the log: {error}");
        let log = self.logs.create(&job.dispatch.uid).map_err(log_error)?;
        let mut command = program::script_command(interpreter, &job.dispatch.env, workspace)?;
        command.stdout(log.try_clone().map_err(log_error)?);
        command.stderr(log.try_clone().map_err(log_error)?);
        let program = command.get_program().to_string_lossy().into_owned();
        let mut command = Command::from(command);
        command.process_group(0);
        let outputs = OutputCollector::new(job.dispatch.outputs.clone());
        let log = LogTail::from_end(log, self.log_limits, &job.output, outputs).map_err(log_error)?;
        let child = command.spawn().map_err(|error| start_error(&program, &error))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.ok_or_else(|| format!("{program} has no process id"))?;
        Ok((child, pid, log))
    }
}

#[async_trait]
impl Runner for ProcessRunner {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
        catch_ignored_signals();
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
        for left in left {
            remove_files_of_leftover(left, &self.remover);
        }
    }

    fn remove_leftover_files(&self, work: &Path) {
        remove_files_of_earlier_incarnations(work, &self.remover);
        self.logs.resume_removals();
    }
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
