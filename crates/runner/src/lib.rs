//! Runs the work of tasks: processes for `shell` and `python`, requests for `http`.

pub mod disk;
pub mod http;
pub mod journal;
pub mod logs;
pub mod processes;

mod capture;
mod cgroup;
mod ending;
mod proc_fs;
mod script;
pub mod shield;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use engine::task_type::http::HTTP;
use engine::task_type::python::PYTHON;
use engine::task_type::shell::SHELL;

use actors::ports::{Job, Leftover, Runner, RunningJob};

pub use proc_fs::boot_id;

/// What the runners may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size at which a log is cut off.
    pub log_bytes: u64,
    /// How much of an http answer's body is kept.
    pub http_body_bytes: usize,
    /// Which addresses http tasks must not reach.
    pub reach: shield::Reach,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            log_bytes: 64 << 20,
            http_body_bytes: 1 << 20,
            reach: shield::Reach::NotMetadata,
        }
    }
}

/// Chooses the runner by the type of the work.
pub struct Runners {
    processes: processes::Processes,
    http: http::Http,
    data: Option<PathBuf>,
}

impl Runners {
    /// Makes the runners.
    ///
    /// # Errors
    /// When the HTTP client cannot be made, in words.
    pub fn with_limits(limits: Limits) -> Result<Self, String> {
        Ok(Self {
            processes: processes::Processes::with_log_limit(limits.log_bytes),
            http: http::Http::with_limits(limits)?,
            data: None,
        })
    }

    /// Refuses new work from now on while the disk of this folder is nearly full.
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
        let task_type = job.dispatch.action.task_type.as_str();
        match task_type {
            _ if task_type == SHELL.name || task_type == PYTHON.name => self.processes.start(job).await,
            _ if task_type == HTTP.name => self.http.start(job).await,
            _ => Err(format!("this worker has no runner for tasks of type {task_type}")),
        }
    }

    fn unavailable_reason(&self) -> Option<String> {
        self.data.as_deref().and_then(disk::refuses)
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        self.processes.kill_leftovers(left).await;
    }
}
