//! Follows a log while it grows: finds the values that a task sets, and keeps the file under its limit.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use engine::params::{self, OutputScanner};

/// So much of `PORPOISE_OUTPUT` is read.
const OUTPUT_FILE_BYTES: u64 = 1 << 20;

const CHUNK: usize = 64 << 10;

/// Opens a log for appending; makes it and its folder when needed.
pub(super) fn open_log(log: &Path) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(log)
    };
    open().or_else(|error| match log.parent() {
        Some(folder) if error.kind() == io::ErrorKind::NotFound => {
            super::script::make_private(folder)?;
            open()
        }
        _ => Err(error),
    })
}

/// One log that is being written by a task.
pub(super) struct Capture {
    log: File,
    limit: u64,
    /// Scanned up to here.
    scanned: u64,
    /// The size up to which the file was cut; 0 before that.
    cut_to: u64,
    scanner: OutputScanner,
    output: PathBuf,
}

impl Capture {
    /// Follows `log`, which must be open for reading and appending, from its present end.
    pub(super) fn of(log: File, limit: u64, output: &Path) -> io::Result<Self> {
        let scanned = log.metadata()?.len();
        let mut capture = Self::from_start(log, limit, output);
        capture.scanned = scanned;
        Ok(capture)
    }

    /// Reads `log` from its beginning.
    pub(super) fn from_start(log: File, limit: u64, output: &Path) -> Self {
        Self {
            log,
            limit,
            scanned: 0,
            cut_to: 0,
            scanner: OutputScanner::new(),
            output: output.to_owned(),
        }
    }

    /// Whether the file has grown since the last look; costs one system call.
    pub(super) fn has_grown(&self) -> bool {
        let seen = self.scanned.max(self.cut_to);
        self.log.metadata().is_ok_and(|now| now.len() > seen)
    }

    /// Reads on up to the present size, and cuts what is past the limit.
    pub(super) fn catch_up(&mut self) -> io::Result<()> {
        let size = self.log.metadata()?.len();
        let mut chunk = vec![0; CHUNK];
        while self.scanned < size.min(self.limit) {
            let left = usize::try_from(size.min(self.limit) - self.scanned).unwrap_or(CHUNK);
            let read = self.log.read_at(&mut chunk[..left.min(CHUNK)], self.scanned)?;
            if read == 0 {
                break;
            }
            self.scanner.push(&chunk[..read]);
            self.scanned += read as u64;
        }
        if size > self.limit.max(self.cut_to) {
            self.cut()?;
        }
        Ok(())
    }

    /// The task goes on appending behind the mark, so this happens again and again, with one mark left.
    fn cut(&mut self) -> io::Result<()> {
        self.log.set_len(self.limit)?;
        let mark = mark(self.limit);
        (&self.log).write_all(mark.as_bytes())?;
        self.cut_to = self.limit + mark.len() as u64;
        Ok(())
    }

    /// Reads to the present size and the output file; returns everything that was set.
    pub(super) fn finish(mut self) -> BTreeMap<String, String> {
        if let Err(error) = self.catch_up() {
            tracing::warn!(%error, "the log of an attempt cannot be read to its end");
        }
        let mut outputs = self.scanner.finish();
        outputs.extend(read_output_file(&self.output));
        outputs
    }
}

fn mark(limit: u64) -> String {
    format!("\n[porpoise: the output is longer than {limit} bytes; the rest was cut off]\n")
}

fn read_output_file(path: &Path) -> BTreeMap<String, String> {
    let Ok(file) = File::open(path) else {
        return BTreeMap::new();
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(OUTPUT_FILE_BYTES).read_to_end(&mut bytes) {
        tracing::warn!(%error, "the output file of an attempt cannot be read");
    }
    params::read_output_file(&String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests;
