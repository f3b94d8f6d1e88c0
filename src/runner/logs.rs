//! The log files of attempts: one file each, read by byte offset.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use engine::ids::Uid;

/// One read returns at most so much, whatever was asked for.
const LARGEST_PART: u64 = 16 << 20;

/// The folder of all logs of this node, `DIR/logs`.
#[derive(Debug, Clone)]
pub struct LogFiles {
    root: PathBuf,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The bytes from the asked offset on, at most as many as asked for.
    pub bytes: Vec<u8>,
    /// Where the next part begins.
    pub next_offset: u64,
    /// The size of the file now.
    pub size: u64,
}

impl LogPart {
    fn nothing_at(offset: u64) -> Self {
        Self {
            bytes: Vec::new(),
            next_offset: offset,
            size: 0,
        }
    }
}

impl LogFiles {
    /// Names the folder; it need not exist yet.
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the file of one attempt: `<instance>/<uid>.log`.
    pub fn path(&self, uid: &Uid) -> PathBuf {
        actors::worker::log_file(&self.root, uid)
    }

    /// Reads a part; a log that does not exist is empty.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub async fn read(&self, uid: &Uid, offset: u64, limit: u64) -> io::Result<LogPart> {
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
    let wanted = limit.min(size.saturating_sub(offset)).min(LARGEST_PART);
    let mut from_offset = &file;
    from_offset.seek(SeekFrom::Start(offset))?;
    from_offset.take(wanted).read_to_end(&mut bytes)?;
    Ok(LogPart {
        next_offset: offset.saturating_add(bytes.len() as u64),
        bytes,
        size,
    })
}

#[cfg(test)]
mod tests;
