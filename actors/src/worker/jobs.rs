//! The jobs of accepted attempts, each with its files, its environment and its task actor.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use actix::{Actor, Addr};
use engine::ids::DispatchId;
use engine::states::KillCause;

use super::config::{WorkerConfig, WorkerPorts};
use super::messages::KillTask;
use super::task_actor::{TaskActor, TaskListener};
use ports::journal::ProcessId;
use ports::paths::AttemptPaths;
use ports::protocol::Dispatch;
use ports::{Job, Leftover};

/// The running jobs of one worker.
pub(crate) struct RunningJobs {
    ports: WorkerPorts,
    paths: AttemptPaths,
    boot_id: String,
    tasks: HashMap<DispatchId, Addr<TaskActor>>,
}

impl RunningJobs {
    /// Begins without a job.
    pub(crate) fn new(config: &WorkerConfig, ports: &WorkerPorts) -> Self {
        Self {
            ports: ports.clone(),
            paths: config.paths.clone(),
            boot_id: config.boot_id.clone(),
            tasks: HashMap::new(),
        }
    }

    /// Starts the task actor of an attempt, which reports to `listener`.
    pub(crate) fn start(&mut self, dispatch: Dispatch, listener: TaskListener) {
        let uid = dispatch.uid;
        let output = self.paths.output(&uid);
        let job = Job {
            workdir: self.paths.workdir(&uid),
            dispatch: with_environment(dispatch, &output),
            output,
        };
        let task = TaskActor::new(job, self.ports.clone(), listener);
        self.tasks.insert(uid, task.start());
    }

    /// Orders every process of an attempt to end; an attempt without a task actor ends by itself.
    pub(crate) fn kill(&self, uid: &DispatchId, cause: KillCause, grace: Duration) {
        if let Some(task) = self.tasks.get(uid) {
            task.do_send(KillTask { cause, grace });
        }
    }

    /// Forgets the task actor of an attempt.
    pub(crate) fn remove(&mut self, uid: &DispatchId) {
        self.tasks.remove(uid);
    }

    /// Names what a task actor left that stopped without an end.
    pub(crate) fn leftover(&self, uid: DispatchId, process: ProcessId) -> Leftover {
        Leftover {
            uid,
            pid: process.pid,
            start_ticks: process.start_ticks,
            boot_id: Some(self.boot_id.clone()),
            output: self.paths.output(&uid),
        }
    }
}

/// Adds the contract's own names; nothing that the dispatch carries can replace them.
fn with_environment(mut dispatch: Dispatch, output: &Path) -> Dispatch {
    let uid = dispatch.uid;
    let own = [
        ("PORPOISE_INSTANCE_ID", uid.instance.to_string()),
        ("PORPOISE_WORKFLOW", dispatch.workflow.clone()),
        ("PORPOISE_PROJECT", dispatch.project.clone()),
        ("PORPOISE_TASK", dispatch.task.clone()),
        ("PORPOISE_ATTEMPT", dispatch.attempt.to_string()),
        ("PORPOISE_ATTEMPT_UID", uid.to_string()),
        ("PORPOISE_OUTPUT", output.to_string_lossy().into_owned()),
    ];
    for (name, value) in own {
        dispatch.env.insert(name.to_owned(), value);
    }
    dispatch
        .env
        .entry("TRACEPARENT".to_owned())
        .or_insert_with(|| trace_parent(&uid));
    dispatch
}

/// One trace per instance and one span per attempt, the same on every node.
fn trace_parent(uid: &DispatchId) -> String {
    let high = hash_of(&("trace", uid.generation, uid.instance));
    let low = hash_of(&("trace, low half", uid.generation, uid.instance));
    format!("00-{high:016x}{low:016x}-{:016x}-01", hash_of(uid))
}

/// Never zero, which is no valid id of a trace or span.
fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests;
