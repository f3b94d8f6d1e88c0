//! The script files of this incarnation, shared by attempts with the same script.
//!
//! The values of a task are never in its script, so most attempts of a task have the same one.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use primitives::private_files::replace_private_file;
use sha2::{Digest, Sha256};

/// Script files that are kept although no attempt uses them.
const MAX_KEPT_SCRIPTS: usize = 256;

/// The script files, each with the number of attempts that use it.
#[derive(Debug, Clone, Default)]
pub(super) struct ScriptCache {
    users: Arc<Mutex<HashMap<PathBuf, usize>>>,
}

/// A script file in use; dropping it ends the use.
pub(super) struct ScriptFile {
    path: PathBuf,
    cache: ScriptCache,
}

impl ScriptCache {
    /// Returns a file in `folder` that contains `text`.
    pub(super) fn acquire(&self, folder: &Path, text: &str) -> io::Result<ScriptFile> {
        let name = hex::encode(&Sha256::digest(text.as_bytes())[..16]);
        let path = folder.join(name).with_extension("script");
        let mut users = self.lock_users();
        if users.is_empty() {
            remove_scripts_of_earlier_incarnations(folder);
        }
        // A task may have changed or removed it: all run as the same user.
        if !fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            // Replaced as a whole, because an interpreter may still read the old file.
            replace_private_file(&path, text.as_bytes())?;
        }
        *users.entry(path.clone()).or_default() += 1;
        let cache = self.clone();
        Ok(ScriptFile { path, cache })
    }

    fn lock_users(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut users = self.cache.lock_users();
        let is_full = users.len() > MAX_KEPT_SCRIPTS;
        let Some(count) = users.get_mut(&self.path) else {
            return;
        };
        *count -= 1;
        if *count == 0 && is_full {
            users.remove(&self.path);
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Called before the first attempt of this incarnation starts, when nothing of an earlier one runs any more.
fn remove_scripts_of_earlier_incarnations(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for file in entries.map(|entry| entry.path()) {
        if file.extension().is_some_and(|extension| extension == "script") {
            fs::remove_file(file).ok();
        }
    }
}
