//! The worker's journal as a file of JSON lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use actors::worker::journal::{Journal, JournalError, JournalRecord, decode_lines, encode_lines};
use async_trait::async_trait;

/// The journal of a worker, `worker-journal.jsonl` in its data folder.
#[derive(Debug, Clone)]
pub struct JournalFile {
    path: PathBuf,
    open: Arc<Mutex<Option<File>>>,
}

impl JournalFile {
    /// Names the file; it need not exist yet.
    pub fn in_data(data: &Path) -> Self {
        Self {
            path: data.join("worker-journal.jsonl"),
            open: Arc::default(),
        }
    }

    /// Does file work beside the actors.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path, &mut Option<File>) -> io::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let Self { path, open } = self.clone();
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
        self.beside(|path, _| read(path)).await
    }

    async fn append(&self, records: &[JournalRecord]) -> Result<(), JournalError> {
        let bytes = encode_lines(records)?;
        self.beside(move |path, open| append(file(path, open)?, &bytes))
            .await
    }

    async fn sync(&self) -> Result<(), JournalError> {
        // A second descriptor, so that the next append need not wait for the disk.
        let file = self.beside(|path, open| file(path, open)?.try_clone()).await?;
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        match synced {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(JournalError(format!("{}: {error}", self.path.display()))),
            Err(error) => Err(JournalError(error.to_string())),
        }
    }

    async fn replace(&self, records: &[JournalRecord]) -> Result<(), JournalError> {
        let bytes = encode_lines(records)?;
        self.beside(move |path, open| {
            replace(path, &bytes)?;
            *open = None;
            Ok(())
        })
        .await
    }
}

fn read(path: &Path) -> io::Result<Vec<JournalRecord>> {
    match fs::read(path) {
        Ok(bytes) => Ok(decode_lines(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn file<'a>(path: &Path, open: &'a mut Option<File>) -> io::Result<&'a mut File> {
    match open {
        Some(file) => Ok(file),
        None => {
            if let Some(folder) = path.parent() {
                super::script::make_private(folder)?;
            }
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path)?;
            Ok(open.insert(file))
        }
    }
}

/// All or none: what a full disk took in part is taken back.
fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(bytes).inspect_err(|_| {
        if let Err(error) = file.set_len(before) {
            tracing::warn!(%error, "a part of a line stays in the worker's journal");
        }
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    super::script::make_private(folder)?;
    let fresh = path.with_extension("jsonl.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
