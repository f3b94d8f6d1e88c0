//! Keeps new attempts off a worker whose disk is nearly full.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ports::{Job, Leftover, Runner, RunnerRegistry, RunningJob, StartError};

use super::disk::full_disk_reason;

/// The runners of a worker, unavailable while the disk of its data folder is nearly full.
pub struct DiskGuard {
    runners: RunnerRegistry,
    data: PathBuf,
}

impl DiskGuard {
    /// Guards the disk of a data folder.
    pub fn new(runners: RunnerRegistry, data: &Path) -> Self {
        Self {
            runners,
            data: data.to_owned(),
        }
    }
}

#[async_trait]
impl Runner for DiskGuard {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
        self.runners.start(job).await
    }

    fn unavailable_reason(&self) -> Option<String> {
        full_disk_reason(&self.data).or_else(|| self.runners.unavailable_reason())
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        self.runners.kill_leftovers(left).await;
    }

    fn remove_leftover_files(&self, work: &Path) {
        self.runners.remove_leftover_files(work);
    }
}
