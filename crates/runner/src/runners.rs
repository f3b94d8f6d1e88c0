//! The runner of each task type.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::ports::{Job, Leftover, Runner, RunningJob};
use async_trait::async_trait;

use super::disk::full_disk_reason;
use super::http::HttpRunner;
use super::limits::RunnerLimits;
use super::process::ProcessRunner;
use super::{python, shell};

/// Runs jobs with the runner of their task type.
pub struct Runners {
    by_task_type: BTreeMap<&'static str, Arc<dyn Runner>>,
    data: Option<PathBuf>,
}

/// Returns the runner of each task type that runs on workers.
fn runners(limits: RunnerLimits) -> Result<BTreeMap<&'static str, Arc<dyn Runner>>, String> {
    let mut runners: BTreeMap<&'static str, Arc<dyn Runner>> = BTreeMap::new();
    let processes = ProcessRunner::new(limits.log_bytes, &[shell::read_script, python::read_script]);
    let processes = Arc::new(processes);
    runners.insert("shell", processes.clone());
    runners.insert("python", processes);
    runners.insert("http", Arc::new(HttpRunner::new(limits)?));
    Ok(runners)
}

impl Runners {
    /// Makes the runners of all task types.
    ///
    /// # Errors
    /// A sentence that says why the HTTP client cannot be made.
    pub fn with_limits(limits: RunnerLimits) -> Result<Self, String> {
        Ok(Self {
            by_task_type: runners(limits)?,
            data: None,
        })
    }

    /// Makes the runners unavailable while the disk of this folder is nearly full.
    #[must_use]
    pub fn on_disk_of(self, data: &Path) -> Self {
        Self {
            data: Some(data.to_owned()),
            ..self
        }
    }
}

#[async_trait]
impl Runner for Runners {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String> {
        let task_type = job.dispatch.work.type_name();
        match self.by_task_type.get(task_type) {
            Some(runner) => runner.start(job).await,
            None => Err(format!("no runner of this worker runs {task_type} tasks")),
        }
    }

    fn refuses(&self) -> Option<String> {
        self.data.as_deref().and_then(full_disk_reason)
    }

    async fn sweep(&self, left: &[Leftover]) {
        let mut swept: Vec<&Arc<dyn Runner>> = Vec::new();
        for runner in self.by_task_type.values() {
            if !swept.iter().any(|earlier| Arc::ptr_eq(earlier, runner)) {
                runner.sweep(left).await;
                swept.push(runner);
            }
        }
    }
}
