//! The working directory, script and output file of one attempt.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use actors::ports::Job;
use primitives::private_files::create_private_folder;

use super::script_cache::{ScriptCache, ScriptFile};

/// The files of one attempt, apart from its log.
pub(super) struct Workspace {
    folder: PathBuf,
    script: ScriptFile,
    output: PathBuf,
}

impl Workspace {
    /// Creates the empty working directory of a job, and its script beside it.
    pub(super) fn create(job: &Job, script: &str, cache: &ScriptCache) -> io::Result<Self> {
        create_empty_folder(&job.workdir)?;
        let script = cache
            .acquire(job.workdir.parent().unwrap_or(Path::new(".")), script)
            .inspect_err(|_| {
                fs::remove_dir(&job.workdir).ok();
            })?;
        Ok(Self {
            folder: job.workdir.clone(),
            script,
            output: job.output.clone(),
        })
    }

    /// Returns the working directory.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the file of the script.
    pub(super) fn script(&self) -> &Path {
        self.script.path()
    }

    /// Removes the working directory and the output file; what a task made undeletable stays, with a warning.
    pub(super) fn remove(&self) {
        for removed in [fs::remove_file(&self.output), self.remove_folder()] {
            if let Err(error) = removed
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, folder = %self.folder.display(), "an attempt's files cannot be removed");
            }
        }
    }

    /// The directory is usually empty, and then this is one system call.
    fn remove_folder(&self) -> io::Result<()> {
        match fs::remove_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                fs::remove_dir_all(&self.folder)
            }
            other => other,
        }
    }
}

fn create_empty_folder(folder: &Path) -> io::Result<()> {
    let create = || DirBuilder::new().mode(0o700).create(folder);
    create().or_else(|error| match (error.kind(), folder.parent()) {
        (io::ErrorKind::NotFound, Some(above)) => {
            create_private_folder(above)?;
            create()
        }
        (io::ErrorKind::AlreadyExists, _) => {
            fs::remove_dir_all(folder)?;
            create()
        }
        _ => Err(error),
    })
}
