//! The files of attempts on a worker.

use std::path::{Path, PathBuf};

use engine::ids::DispatchId;

/// The folders of one worker; they need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptPaths {
    /// Working directories and output files, removed when their attempt ends.
    work: PathBuf,
}

impl AttemptPaths {
    /// Names the folders inside a data folder.
    pub fn in_data(data: &Path) -> Self {
        Self {
            work: data.join("work"),
        }
    }

    /// Returns the folder of all working directories.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Returns the working directory of an attempt.
    pub fn workdir(&self, uid: &DispatchId) -> PathBuf {
        self.work.join(uid.to_string())
    }

    /// Returns the file that `PORPOISE_OUTPUT` names.
    pub fn output(&self, uid: &DispatchId) -> PathBuf {
        self.work.join(format!("{uid}.output"))
    }
}

/// Returns the log of an attempt below the folder of all logs.
///
/// A uid is five numbers, so no name from outside can lead out of the folder.
pub fn log_file(logs: &Path, uid: &DispatchId) -> PathBuf {
    logs.join(uid.instance.to_string()).join(format!("{uid}.log"))
}
