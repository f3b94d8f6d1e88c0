//! Files and folders that attempts left empty, for the next attempts.
//!
//! On some file systems a new inode costs a hundred times as much as a new name of an old one: ext4 without a journal
//! searches past every inode that was freed in the last seconds.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::remove_tree::unused_name;
use super::task_file::FileIdentity;

/// The end of the name of what waits for the next attempt.
pub(crate) const SPARE_EXTENSION: &str = "spare";

/// Number of spare files that are kept; an attempt that ends when there are more removes its own.
const MAX_SPARE_FILES: usize = 256;

/// What becomes of files of an attempt that nothing was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnusedFiles {
    /// No process of the attempt can run any more: the next attempt may have them.
    Recycle,
    /// A process may still have them open.
    Remove,
}

/// The spare files of one kind; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpareFiles {
    files: Arc<Mutex<Vec<SpareFile>>>,
}

/// A file or folder that was empty when its attempt ended. A task can guess its name: who takes it verifies it.
#[derive(Debug)]
pub(crate) struct SpareFile {
    /// Its path.
    pub(crate) path: PathBuf,
    /// The file itself.
    pub(crate) identity: FileIdentity,
}

impl SpareFiles {
    /// Moves a file or folder into `folder` under a name of its own and keeps it. Returns whether it did; if not, the
    /// file stays where it is.
    pub(crate) fn put(&self, path: &Path, identity: FileIdentity, folder: &Path) -> bool {
        if self.lock_files().len() >= MAX_SPARE_FILES {
            return false;
        }
        let spare = unused_name(folder, SPARE_EXTENSION);
        // The lock is not held while the disk is used: one that hangs stops one attempt only.
        if std::fs::rename(path, &spare).is_err() {
            return false;
        }
        self.lock_files().push(SpareFile {
            path: spare,
            identity,
        });
        true
    }

    /// Returns the file that was kept last.
    pub(crate) fn take(&self) -> Option<SpareFile> {
        self.lock_files().pop()
    }

    fn lock_files(&self) -> MutexGuard<'_, Vec<SpareFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
