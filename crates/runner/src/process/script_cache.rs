//! The script files of this incarnation, shared by attempts with the same script.
//!
//! The values of a task are never in its script, so most attempts of a task have the same one.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use primitives::private_files::replace_private_file;
use sha2::{Digest, Sha256};

use crate::file_remover::FileRemover;
use crate::task_file::open_regular;

/// The end of the name of a script file.
pub(super) const SCRIPT_EXTENSION: &str = "script";

/// Script files that are kept although no attempt uses them.
const MAX_KEPT_SCRIPTS: usize = 256;

/// The script files, each with the number of attempts that use it.
#[derive(Debug, Clone, Default)]
pub(super) struct ScriptCache {
    files: Arc<Mutex<ScriptTable>>,
    remover: FileRemover,
}

/// The files by the hash of their text. A name is used once, so that a removed file is never another attempt's.
#[derive(Debug, Default)]
struct ScriptTable {
    by_hash: HashMap<String, ScriptUse>,
    next_number: u64,
}

#[derive(Debug)]
struct ScriptUse {
    path: PathBuf,
    attempts: usize,
}

/// A script file in use; dropping it ends the use.
pub(super) struct ScriptFile {
    hash: String,
    path: PathBuf,
    cache: ScriptCache,
}

impl ScriptCache {
    /// Returns a file in `folder` that contains `text`.
    pub(super) fn acquire(&self, folder: &Path, text: &str) -> io::Result<ScriptFile> {
        let hash = hex::encode(&Sha256::digest(text.as_bytes())[..16]);
        let path = self.begin_use(folder, &hash);
        let cache = self.clone();
        let file = ScriptFile { hash, path, cache };
        // A task may have changed or replaced it: all run as the same user.
        if !has_content(&file.path, text.as_bytes()) {
            self.write(&file.path, text)?;
        }
        Ok(file)
    }

    /// Counts a use. The lock is not held while files are read or written: a disk that hangs stops one attempt only.
    fn begin_use(&self, folder: &Path, hash: &str) -> PathBuf {
        let mut files = self.lock_files();
        if let Some(found) = files.by_hash.get_mut(hash) {
            found.attempts += 1;
            return found.path.clone();
        }
        let path = folder.join(format!("{hash}-{}.{SCRIPT_EXTENSION}", files.next_number));
        files.next_number += 1;
        let first = ScriptUse {
            path: path.clone(),
            attempts: 1,
        };
        files.by_hash.insert(hash.to_owned(), first);
        path
    }

    /// Replaces the file as a whole, because an interpreter may still read the old one.
    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        match replace_private_file(path, text.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                self.remover.clear_name(path)?;
                replace_private_file(path, text.as_bytes())
            }
            written => written,
        }
    }

    /// Ends a use; returns the file when it is not kept.
    fn end_use(&self, hash: &str) -> Option<PathBuf> {
        let mut files = self.lock_files();
        let is_full = files.by_hash.len() > MAX_KEPT_SCRIPTS;
        let found = files.by_hash.get_mut(hash)?;
        found.attempts -= 1;
        if found.attempts > 0 || !is_full {
            return None;
        }
        files.by_hash.remove(hash).map(|removed| removed.path)
    }

    fn lock_files(&self) -> MutexGuard<'_, ScriptTable> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ScriptFile {
    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScriptFile {
    fn drop(&mut self) {
        if let Some(path) = self.cache.end_use(&self.hash) {
            self.cache.remover.remove(&path);
        }
    }
}

/// A file that has grown is not read to its end.
fn has_content(path: &Path, text: &[u8]) -> bool {
    let mut found = Vec::with_capacity(text.len() + 1);
    let read = open_regular(path).and_then(|file| file.take(text.len() as u64 + 1).read_to_end(&mut found));
    read.is_ok() && found == text
}
