//! The log files of attempts: one file each, read by byte offset.
//!
//! Tasks run as the same user as the worker, so a task can put anything in the place of a log. A file is a log only
//! when the worker made it: while this incarnation knows which file that was, no other is read, and later only a
//! regular file that has no other name.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::{DispatchId, InstanceId};
use ports::{LogPart, LogSizes, LogSource, LogUnavailable};
use primitives::private_files::create_private_folder;

use super::file_remover::FileRemover;
use super::log_identities::{LogIdentities, LogIdentity};
use super::remove_tree::REMOVED_EXTENSION;
use super::spare_files::{SPARE_EXTENSION, SpareFiles, UnusedFiles};
use super::task_file::{FileIdentity, TaskFolder, is_replacement};

/// Most bytes that one read returns.
const MAX_PART_BYTES: u64 = 16 << 20;

/// Longest time for one read; a disk that hangs makes the log unavailable.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What a reader gets in the place of a log that its task replaced.
const REPLACED: &[u8] = b"[the task replaced its log]\n";

/// The folder of all logs of this node, `DIR/logs`; clones share what they know of the files.
#[derive(Debug, Clone)]
pub struct LogFiles {
    root: PathBuf,
    identities: Arc<LogIdentities>,
    spare: SpareFiles,
    remover: FileRemover,
}

impl LogFiles {
    /// Makes a reader of a folder, which need not exist yet.
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            identities: Arc::default(),
            spare: SpareFiles::default(),
            remover: FileRemover::default(),
        }
    }

    /// Returns the file of one attempt: `<instance>/<uid>.log`.
    pub fn path(&self, uid: &DispatchId) -> PathBuf {
        ports::paths::log_file(&self.root, uid)
    }

    /// Creates the log of an attempt, for reading and appending.
    ///
    /// # Errors
    /// When the folder or the file cannot be created.
    pub(crate) fn create(&self, uid: &DispatchId) -> io::Result<File> {
        let file = match self.take_spare_file(uid) {
            Some(file) => file,
            None => self.create_file(uid)?,
        };
        let identity = FileIdentity::from_metadata(&file.metadata()?);
        self.identities.insert(*uid, LogIdentity::File(identity));
        Ok(file)
    }

    /// Puts a file with one line in the place of a log that its task replaced, after all processes of the task have
    /// ended; `own` is the file that the worker made. The next attempt gets a log that is still empty, if it may have
    /// it.
    pub(crate) fn seal(&self, uid: &DispatchId, own: &File, unused: UnusedFiles) {
        let path = self.path(uid);
        let found = fs::symlink_metadata(&path).map(|found| FileIdentity::from_metadata(&found));
        if let (Ok(own), Ok(found)) = (own.metadata(), &found)
            && FileIdentity::from_metadata(&own) == *found
        {
            let recycles = unused == UnusedFiles::Recycle && is_unused(&own);
            if recycles && self.spare.put(&path, *found, &self.root) {
                self.identities.insert(*uid, LogIdentity::Empty);
            }
            return;
        }
        let sealed = self.create(uid).and_then(|mut file| file.write_all(REPLACED));
        match sealed {
            Ok(()) => tracing::warn!(%uid, "a task replaced its log"),
            Err(error) => {
                tracing::warn!(%error, %uid, "a task replaced its log, and the mark cannot be written")
            }
        }
    }

    /// Removes the logs of an instance, in the background; returns as soon as no reader finds them.
    ///
    /// # Errors
    /// When they stay; try again.
    pub fn remove_instance(&self, instance: InstanceId) -> io::Result<()> {
        match self.remover.clear_name(&self.root.join(instance.to_string())) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes what an earlier incarnation had begun to remove.
    pub(crate) fn resume_removals(&self) {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let is_removed = |path: &PathBuf| {
            path.extension()
                .is_some_and(|end| end == REMOVED_EXTENSION || end == SPARE_EXTENSION)
        };
        for path in entries.map(|entry| entry.path()).filter(is_removed) {
            self.remover.remove_later(path);
        }
    }

    /// Reads a part; a log that does not exist is empty, and one that the task replaced is one line that says so.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub async fn read(&self, uid: &DispatchId, offset: u64, limit: u64) -> io::Result<LogPart> {
        let (files, uid) = (self.clone(), *uid);
        let read = tokio::task::spawn_blocking(move || files.read_part(&uid, offset, limit));
        match tokio::time::timeout(READ_TIMEOUT, read).await {
            Ok(read) => read.unwrap_or_else(|error| Err(io::Error::other(error))),
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }

    fn read_part(&self, uid: &DispatchId, offset: u64, limit: u64) -> io::Result<LogPart> {
        let known = match self.identities.get(uid) {
            Some(LogIdentity::Empty) => return Ok(LogPart::nothing_at(offset)),
            Some(LogIdentity::File(known)) => Some(known),
            None => None,
        };
        let (folder, name) = self.place(uid);
        let opened = TaskFolder::open(&self.root, &folder).and_then(|folder| folder.open_file(&name));
        match opened {
            Ok(file) => {
                let metadata = file.metadata()?;
                if is_own_file(&metadata, known) {
                    read_file_part(&file, metadata.len(), offset, limit)
                } else {
                    Ok(replaced_part(offset, limit))
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound && known.is_none() => {
                Ok(LogPart::nothing_at(offset))
            }
            Err(error) if error.kind() == ErrorKind::NotFound || is_replacement(&error) => {
                Ok(replaced_part(offset, limit))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a spare file the name of a log, unless a task did something to it in the meantime.
    fn take_spare_file(&self, uid: &DispatchId) -> Option<File> {
        let spare = self.spare.take()?;
        let (folder, name) = self.place(uid);
        let folder = self.open_or_create_folder(&folder).ok()?;
        let file = folder.adopt_file(&spare.path, &name).ok()?;
        let found = file.metadata().ok()?;
        let is_spare = is_unused(&found) && FileIdentity::from_metadata(&found) == spare.identity;
        is_spare.then_some(file)
    }

    /// Moves away whatever a task has put at the place of the file or of its folder.
    fn create_file(&self, uid: &DispatchId) -> io::Result<File> {
        let (folder, name) = self.place(uid);
        let folder = self.open_or_create_folder(&folder)?;
        match folder.create_file(&name) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.remover.clear_name(&self.path(uid))?;
                folder.create_file(&name)
            }
            created => created,
        }
    }

    fn open_or_create_folder(&self, name: &OsStr) -> io::Result<TaskFolder> {
        match TaskFolder::open(&self.root, name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if is_replacement(&error) => self.remover.clear_name(&self.root.join(name))?,
            opened => return opened,
        }
        match TaskFolder::create(&self.root, name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create_private_folder(&self.root)?;
                TaskFolder::create(&self.root, name)
            }
            created => created,
        }
    }

    /// Returns the names of the folder of a log and of its file.
    fn place(&self, uid: &DispatchId) -> (OsString, OsString) {
        let path = self.path(uid);
        let name_of = |path: Option<&Path>| path.and_then(Path::file_name).unwrap_or_default().to_owned();
        (name_of(path.parent()), name_of(Some(&path)))
    }
}

/// A file that has a second name may be any file of the machine; a log has one.
fn is_own_file(found: &Metadata, known: Option<FileIdentity>) -> bool {
    match known {
        Some(known) => FileIdentity::from_metadata(found) == known,
        None => found.nlink() == 1,
    }
}

/// Whether a log is as the worker made it: empty, under one name, closed to others.
fn is_unused(found: &Metadata) -> bool {
    found.len() == 0 && found.nlink() == 1 && found.mode() & 0o7777 == 0o600
}

fn read_file_part(file: &File, size: u64, offset: u64, limit: u64) -> io::Result<LogPart> {
    let mut bytes = Vec::new();
    let wanted = limit.min(size.saturating_sub(offset)).min(MAX_PART_BYTES);
    let mut from_offset = file;
    from_offset.seek(SeekFrom::Start(offset))?;
    from_offset.take(wanted).read_to_end(&mut bytes)?;
    Ok(LogPart {
        next_offset: offset.saturating_add(bytes.len() as u64),
        bytes,
        size,
    })
}

fn replaced_part(offset: u64, limit: u64) -> LogPart {
    let from_offset = usize::try_from(offset)
        .ok()
        .and_then(|offset| REPLACED.get(offset..));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let bytes: Vec<u8> = from_offset
        .unwrap_or_default()
        .iter()
        .take(limit)
        .copied()
        .collect();
    LogPart {
        next_offset: offset.saturating_add(bytes.len() as u64),
        bytes,
        size: REPLACED.len() as u64,
    }
}

/// Reads the files of this node for every worker: a standalone node has only one.
#[async_trait]
impl LogSource for LogFiles {
    async fn read(
        &self,
        worker: &str,
        uid: &DispatchId,
        (offset, limit): (u64, u64),
    ) -> Result<LogPart, LogUnavailable> {
        Self::read(self, uid, offset, limit)
            .await
            .map_err(|error| LogUnavailable {
                worker: worker.to_owned(),
                cause: error.to_string(),
            })
    }
}

#[async_trait]
impl LogSizes for LogFiles {
    async fn size(&self, uid: &DispatchId) -> Option<u64> {
        match Self::read(self, uid, 0, 0).await {
            Ok(part) => Some(part.size),
            Err(error) => {
                tracing::warn!(%error, %uid, "the size of a log cannot be read");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
