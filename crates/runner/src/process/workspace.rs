//! The working directory, script and output file of one attempt.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use engine::ids::DispatchId;
use ports::{Job, Leftover};
use primitives::private_files::create_private_folder;

use super::script_cache::{SCRIPT_EXTENSION, ScriptCache, ScriptFile};
use crate::file_remover::FileRemover;
use crate::remove_tree::{REMOVED_EXTENSION, move_aside};
use crate::spare_files::{SPARE_EXTENSION, SpareFiles, UnusedFiles};
use crate::task_file::identify_empty_folder;

/// The end of the name of an output file.
const OUTPUT_EXTENSION: &str = "output";

/// The end of the name of a file that replaces another one when it is complete.
const UNFINISHED_EXTENSION: &str = "next";

/// The files of one attempt, apart from its log; removed when they are dropped.
pub(super) struct Workspace {
    folder: PathBuf,
    script: ScriptFile,
    output: PathBuf,
    spare: SpareFiles,
    remover: FileRemover,
}

impl Workspace {
    /// Creates the empty working directory of a job, and its script beside it.
    pub(super) fn create(
        job: &Job,
        script: &str,
        cache: &ScriptCache,
        (spare, remover): (&SpareFiles, &FileRemover),
    ) -> io::Result<Self> {
        if !take_spare_folder(&job.workdir, spare) {
            create_empty_folder(&job.workdir, remover)?;
        }
        let script = cache
            .acquire(job.workdir.parent().unwrap_or(Path::new(".")), script)
            .inspect_err(|_| {
                fs::remove_dir(&job.workdir).ok();
            })?;
        Ok(Self {
            folder: job.workdir.clone(),
            script,
            output: job.output.clone(),
            spare: spare.clone(),
            remover: remover.clone(),
        })
    }

    /// Removes the files; the next attempt gets a working directory that is still empty, if it may have it.
    pub(super) fn close(self, unused: UnusedFiles) {
        if unused == UnusedFiles::Recycle
            && let Some(identity) = identify_empty_folder(&self.folder)
        {
            let work = self.folder.parent().unwrap_or(Path::new("."));
            self.spare.put(&self.folder, identity, work);
        }
    }

    /// Returns the working directory.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the file of the script.
    pub(super) fn script(&self) -> &Path {
        self.script.path()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.remover.remove(&self.output);
        self.remover.remove(&self.folder);
    }
}

/// Removes the files of an attempt of which nothing runs any more.
pub(super) fn remove_files_of_leftover(left: &Leftover, remover: &FileRemover) {
    remover.remove_later(left.output.clone());
    remover.remove_later(left.output.with_extension(""));
}

/// Removes what earlier incarnations left in the folder of all working directories. Nothing of them runs any more, and
/// this incarnation has not started an attempt. A file that no worker makes is not removed.
pub(super) fn remove_files_of_earlier_incarnations(work: &Path, remover: &FileRemover) {
    let entries = fs::read_dir(work).into_iter().flatten().flatten();
    for path in entries
        .map(|entry| entry.path())
        .filter(|path| is_made_by_worker(path))
    {
        // Its name is free at once: this incarnation may use that of a script again.
        let removed = match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(_) => move_aside(&path).map(|aside| remover.remove_later(aside)),
        };
        if let Err(error) = removed {
            tracing::warn!(%error, path = %path.display(), "a file of an earlier incarnation stays");
        }
    }
}

fn is_made_by_worker(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy());
    match extension.as_deref() {
        Some(SCRIPT_EXTENSION | UNFINISHED_EXTENSION | REMOVED_EXTENSION | SPARE_EXTENSION) => true,
        Some(OUTPUT_EXTENSION) | None => {
            let uid = path.file_stem().and_then(|name| name.to_str());
            uid.is_some_and(|uid| uid.parse::<DispatchId>().is_ok())
        }
        Some(_) => false,
    }
}

/// Gives a spare folder the name `folder`. What a task did to it in the meantime makes it none, and what lies there then
/// is cleared like anything else that has the name.
fn take_spare_folder(folder: &Path, spare: &SpareFiles) -> bool {
    let Some(taken) = spare.take() else {
        return false;
    };
    fs::rename(&taken.path, folder).is_ok() && identify_empty_folder(folder) == Some(taken.identity)
}

/// Something else may have the name: a task can guess that of a later attempt.
fn create_empty_folder(folder: &Path, remover: &FileRemover) -> io::Result<()> {
    let create = || DirBuilder::new().mode(0o700).create(folder);
    create().or_else(|error| match (error.kind(), folder.parent()) {
        (ErrorKind::NotFound, Some(above)) => {
            create_private_folder(above)?;
            create()
        }
        (ErrorKind::AlreadyExists, _) => {
            remover.clear_name(folder)?;
            create()
        }
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests;
