//! The growing log of one attempt: scanned for the values that the task sets, truncated at its size limit.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use engine::params::{MAX_OUTPUT_LINE_BYTES, OutputCollector, OutputError, OutputFileParser, OutputScanner};
use nix::sys::statvfs::fstatvfs;

use super::limits::LogLimits;
use super::task_file::{is_replacement, open_regular};

/// The largest file `PORPOISE_OUTPUT` that is read.
const MAX_OUTPUT_FILE_BYTES: u64 = 16 << 20;

/// Bytes that are read from a log at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// A log that a task appends to.
pub(crate) struct LogTail {
    log: File,
    limits: LogLimits,
    /// Whether the log was stopped because the disk is nearly full.
    is_stopped: bool,
    /// The offset up to which the log was scanned.
    scanned_to: u64,
    /// The size to which the file was truncated, with the mark; 0 before that.
    truncated_size: u64,
    scanner: OutputScanner,
    /// The file that `PORPOISE_OUTPUT` names; none without a process.
    output: Option<PathBuf>,
}

impl LogTail {
    /// Follows `log`, which must be open for reading and appending, from its current end.
    pub(crate) fn from_end(
        log: File,
        limits: LogLimits,
        output: &Path,
        outputs: OutputCollector,
    ) -> io::Result<Self> {
        let scanned_to = log.metadata()?.len();
        Ok(Self {
            scanned_to,
            output: Some(output.to_owned()),
            ..Self::from_start(log, limits, outputs)
        })
    }

    /// Follows `log` from its beginning, without an output file.
    pub(crate) fn from_start(log: File, limits: LogLimits, outputs: OutputCollector) -> Self {
        Self {
            log,
            limits,
            is_stopped: false,
            scanned_to: 0,
            truncated_size: 0,
            scanner: OutputScanner::new(outputs),
            output: None,
        }
    }

    /// Returns by how many bytes the file has grown since it was last read; costs one system call.
    pub(crate) fn growth(&self) -> u64 {
        let seen = self.scanned_to.max(self.truncated_size);
        self.log
            .metadata()
            .map_or(0, |now| now.len().saturating_sub(seen))
    }

    /// Says why the log was stopped, if it was.
    pub(crate) fn stop_reason(&self) -> Option<String> {
        self.is_stopped
            .then(|| low_disk_reason(self.limits.min_free_disk))
    }

    /// Reads up to the current size, and stops the log when less than the configured space is free.
    pub(crate) fn follow(&mut self) -> io::Result<()> {
        if !self.is_stopped && free_bytes(&self.log)? < self.limits.min_free_disk {
            self.is_stopped = true;
            // What was not read yet is cut off, to give its space back.
            self.limits.bytes = self.limits.bytes.min(self.scanned_to);
        }
        self.read_new()
    }

    /// Reads up to the current size, and truncates what is past the limit.
    pub(crate) fn read_new(&mut self) -> io::Result<()> {
        let size = self.log.metadata()?.len();
        let end = size.min(self.limits.bytes);
        let left = |from: u64| {
            usize::try_from(end.saturating_sub(from)).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))
        };
        // Most attempts print little or nothing.
        let mut chunk = vec![0; left(self.scanned_to)];
        while self.scanned_to < end {
            let read = self
                .log
                .read_at(&mut chunk[..left(self.scanned_to)], self.scanned_to)?;
            if read == 0 {
                break;
            }
            self.scanner.push(&chunk[..read]);
            self.scanned_to += read as u64;
        }
        if size > self.limits.bytes.max(self.truncated_size) {
            self.truncate()?;
        }
        Ok(())
    }

    /// The task keeps appending behind the mark, so this happens repeatedly and leaves one mark.
    fn truncate(&mut self) -> io::Result<()> {
        self.log.set_len(self.limits.bytes)?;
        let mark = if self.is_stopped {
            format!("\n[porpoise: {}]\n", low_disk_reason(self.limits.min_free_disk))
        } else {
            truncation_mark(self.limits.bytes)
        };
        (&self.log).write_all(mark.as_bytes())?;
        self.truncated_size = self.limits.bytes + mark.len() as u64;
        Ok(())
    }

    /// Reads the rest of the log and the output file, whose values replace those of the log.
    pub(crate) fn read_outputs(&mut self) -> OutputCollector {
        if let Err(error) = self.read_new() {
            tracing::warn!(%error, "the log of an attempt cannot be read to its end");
        }
        let mut outputs = std::mem::take(&mut self.scanner).finish();
        let read = match &self.output {
            Some(path) => read_output_file(path, &mut outputs),
            None => Ok(()),
        };
        match read {
            Ok(()) => {}
            Err(error) if is_replacement(&error) => {
                self.append_mark("$PORPOISE_OUTPUT is not a regular file; no value is read from it");
            }
            Err(error) => self.append_mark(&format!("$PORPOISE_OUTPUT cannot be read: {error}")),
        }
        outputs
    }

    /// Returns the file that the worker made, whatever its path names.
    pub(crate) fn file(&self) -> &File {
        &self.log
    }

    /// Writes a sentence of the worker into the log.
    pub(crate) fn append_mark(&self, sentence: &str) {
        if let Err(error) = writeln!(&self.log, "[porpoise: {sentence}]") {
            tracing::warn!(%error, sentence, "a sentence for the log of an attempt is lost");
        }
    }
}

/// Says why a log stops before its disk is full.
pub(crate) fn low_disk_reason(min_free_disk: u64) -> String {
    format!(
        "the log stops here: less than {} MiB are free on its disk (worker.min_free_disk)",
        min_free_disk >> 20
    )
}

/// Returns the free space on the disk of an open file, in bytes.
pub(crate) fn free_bytes(file: &File) -> io::Result<u64> {
    let stat = fstatvfs(file)?;
    Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

fn truncation_mark(limit: u64) -> String {
    format!("\n[porpoise: the output is longer than {limit} bytes; the rest was cut off]\n")
}

fn read_output_file(path: &Path, outputs: &mut OutputCollector) -> io::Result<()> {
    let file = match open_regular(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    if file.metadata()?.len() > MAX_OUTPUT_FILE_BYTES {
        outputs.fail(OutputError::FileTooLarge(MAX_OUTPUT_FILE_BYTES));
        return Ok(());
    }
    let mut parser = OutputFileParser::default();
    let mut reader = BufReader::new(file.take(MAX_OUTPUT_FILE_BYTES));
    while let Some(line) = read_line(&mut reader)? {
        parser.push_line(&line, outputs);
    }
    parser.finish(outputs);
    Ok(())
}

/// Reads a line, of which no more is kept than can matter.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let kept = reader
        .by_ref()
        .take(MAX_OUTPUT_LINE_BYTES as u64)
        .read_until(b'\n', &mut line)?;
    if kept == MAX_OUTPUT_LINE_BYTES && !line.ends_with(b"\n") {
        reader.skip_until(b'\n')?;
    }
    Ok((kept > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests;
