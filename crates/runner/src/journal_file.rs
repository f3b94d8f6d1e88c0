//! The worker's journal, a file of JSON lines.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ports::journal::{Journal, JournalError, JournalRecord, decode_lines, encode_lines};
use primitives::private_files::{create_private_folder, replace_private_file_durably};

use super::file_remover::FileRemover;
use super::task_file::{FileIdentity, open_for_append, open_regular};

/// Time between two checks that the open file still has the journal's path.
const PATH_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The open file of a journal.
#[derive(Debug)]
struct OpenJournal {
    file: File,
    identity: FileIdentity,
    checked_at: Option<Instant>,
}

/// The journal of a worker, `worker-journal.jsonl` in its data folder.
#[derive(Debug, Clone)]
pub struct JournalFile {
    path: PathBuf,
    open: Arc<Mutex<Option<OpenJournal>>>,
    remover: FileRemover,
}

impl JournalFile {
    /// Returns the journal in a data folder; its file need not exist yet.
    pub fn in_data(data: &Path) -> Self {
        Self {
            path: data.join("worker-journal.jsonl"),
            open: Arc::default(),
            remover: FileRemover::default(),
        }
    }

    /// Runs file operations, which block, outside the actors' threads.
    async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path, &mut Option<OpenJournal>) -> io::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let Self { path, open, .. } = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            work(&path, &mut open).map_err(|error| JournalError(format!("{}: {error}", path.display())))
        });
        done.await
            .unwrap_or_else(|error| Err(JournalError(error.to_string())))
    }
}

#[async_trait]
impl Journal for JournalFile {
    async fn read(&self) -> Result<Vec<JournalRecord>, JournalError> {
        self.run_blocking(|path, _| read_records(path)).await
    }

    async fn append(&self, records: &[JournalRecord]) -> Result<(), JournalError> {
        let bytes = encode_lines(records)?;
        self.run_blocking(move |path, open| {
            let open = open_file(path, open)?;
            open.require_path(path)?;
            append_all_or_nothing(&mut open.file, &bytes)
        })
        .await
    }

    async fn sync(&self) -> Result<(), JournalError> {
        // A second descriptor, so that the next append need not wait for the disk.
        let file = self
            .run_blocking(|path, open| open_file(path, open)?.file.try_clone())
            .await?;
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        match synced {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(JournalError(format!("{}: {error}", self.path.display()))),
            Err(error) => Err(JournalError(error.to_string())),
        }
    }

    async fn replace(&self, records: &[JournalRecord]) -> Result<(), JournalError> {
        let bytes = encode_lines(records)?;
        let remover = self.remover.clone();
        self.run_blocking(move |path, open| {
            if let Some(folder) = path.parent() {
                create_private_folder(folder)?;
            }
            *open = None;
            match replace_private_file_durably(path, &bytes) {
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    remover.clear_name(path)?;
                    replace_private_file_durably(path, &bytes)
                }
                replaced => replaced,
            }
        })
        .await
    }
}

fn read_records(path: &Path) -> io::Result<Vec<JournalRecord>> {
    let mut file = match open_regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(decode_lines(&bytes))
}

impl OpenJournal {
    /// A later incarnation reads what has this path: a journal that a task replaced or removed is written again as a
    /// whole, because the append fails.
    fn require_path(&mut self, path: &Path) -> io::Result<()> {
        if self
            .checked_at
            .is_some_and(|checked| checked.elapsed() < PATH_CHECK_INTERVAL)
        {
            return Ok(());
        }
        if FileIdentity::from_metadata(&fs::symlink_metadata(path)?) != self.identity {
            return Err(io::Error::other("another file is in its place"));
        }
        self.checked_at = Some(Instant::now());
        Ok(())
    }
}

fn open_file<'a>(path: &Path, open: &'a mut Option<OpenJournal>) -> io::Result<&'a mut OpenJournal> {
    match open {
        Some(file) => Ok(file),
        None => {
            if let Some(folder) = path.parent() {
                create_private_folder(folder)?;
            }
            let file = open_for_append(path)?;
            Ok(open.insert(OpenJournal {
                identity: FileIdentity::from_metadata(&file.metadata()?),
                file,
                checked_at: None,
            }))
        }
    }
}

/// Removes again what a full disk took of the bytes.
fn append_all_or_nothing(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        if let Err(error) = file.set_len(before) {
            tracing::warn!(%error, "part of a line stays in the worker's journal");
        }
    })
}

#[cfg(test)]
mod tests;
