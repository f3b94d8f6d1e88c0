//! The log files of attempts: one file each, read by byte offset.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use actors::ports::{LogPart, LogSource, LogUnavailable};
use async_trait::async_trait;
use engine::ids::DispatchId;

/// Most bytes that one read returns.
const MAX_PART_BYTES: u64 = 16 << 20;

/// The folder of all logs of this node, `DIR/logs`.
#[derive(Debug, Clone)]
pub struct LogFiles {
    root: PathBuf,
}

impl LogFiles {
    /// Makes a reader of a folder, which need not exist yet.
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the file of one attempt: `<instance>/<uid>.log`.
    pub fn path(&self, uid: &DispatchId) -> PathBuf {
        actors::worker::log_file(&self.root, uid)
    }

    /// Reads a part; a log that does not exist is empty.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub async fn read(&self, uid: &DispatchId, offset: u64, limit: u64) -> io::Result<LogPart> {
        let path = self.path(uid);
        let read = tokio::task::spawn_blocking(move || read_part(&path, offset, limit)).await;
        read.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

fn read_part(path: &Path, offset: u64, limit: u64) -> io::Result<LogPart> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LogPart::nothing_at(offset)),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    let wanted = limit.min(size.saturating_sub(offset)).min(MAX_PART_BYTES);
    let mut from_offset = &file;
    from_offset.seek(SeekFrom::Start(offset))?;
    from_offset.take(wanted).read_to_end(&mut bytes)?;
    Ok(LogPart {
        next_offset: offset.saturating_add(bytes.len() as u64),
        bytes,
        size,
    })
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

#[cfg(test)]
mod tests;
