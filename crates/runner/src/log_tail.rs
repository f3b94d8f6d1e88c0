//! The growing log of one attempt: scanned for the values that the task sets, truncated at its size limit.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use engine::params::{MAX_OUTPUT_LINE_BYTES, OutputCollector, OutputError, OutputFileParser, OutputScanner};
use primitives::private_files::create_private_folder;

/// The largest file `PORPOISE_OUTPUT` that is read.
const MAX_OUTPUT_FILE_BYTES: u64 = 16 << 20;

/// Bytes that are read from a log at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Opens a log for appending; creates it and its folder when needed.
pub(crate) fn open_log(log: &Path) -> io::Result<File> {
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
            create_private_folder(folder)?;
            open()
        }
        _ => Err(error),
    })
}

/// A log that a task appends to.
pub(crate) struct LogTail {
    log: File,
    limit: u64,
    /// The offset up to which the log was scanned.
    scanned_to: u64,
    /// The size to which the file was truncated, with the mark; 0 before that.
    truncated_size: u64,
    scanner: OutputScanner,
    output: PathBuf,
}

impl LogTail {
    /// Follows `log`, which must be open for reading and appending, from its current end.
    pub(crate) fn from_end(
        log: File,
        limit: u64,
        output: &Path,
        outputs: OutputCollector,
    ) -> io::Result<Self> {
        let scanned_to = log.metadata()?.len();
        Ok(Self {
            scanned_to,
            ..Self::from_start(log, limit, output, outputs)
        })
    }

    /// Follows `log` from its beginning.
    pub(crate) fn from_start(log: File, limit: u64, output: &Path, outputs: OutputCollector) -> Self {
        Self {
            log,
            limit,
            scanned_to: 0,
            truncated_size: 0,
            scanner: OutputScanner::new(outputs),
            output: output.to_owned(),
        }
    }

    /// Returns whether the file has grown since it was last read; costs one system call.
    pub(crate) fn has_grown(&self) -> bool {
        let seen = self.scanned_to.max(self.truncated_size);
        self.log.metadata().is_ok_and(|now| now.len() > seen)
    }

    /// Reads up to the current size, and truncates what is past the limit.
    pub(crate) fn read_new(&mut self) -> io::Result<()> {
        let size = self.log.metadata()?.len();
        let mut chunk = vec![0; CHUNK_BYTES];
        while self.scanned_to < size.min(self.limit) {
            let left = usize::try_from(size.min(self.limit) - self.scanned_to).unwrap_or(CHUNK_BYTES);
            let read = self
                .log
                .read_at(&mut chunk[..left.min(CHUNK_BYTES)], self.scanned_to)?;
            if read == 0 {
                break;
            }
            self.scanner.push(&chunk[..read]);
            self.scanned_to += read as u64;
        }
        if size > self.limit.max(self.truncated_size) {
            self.truncate()?;
        }
        Ok(())
    }

    /// The task keeps appending behind the mark, so this happens repeatedly and leaves one mark.
    fn truncate(&mut self) -> io::Result<()> {
        self.log.set_len(self.limit)?;
        let mark = truncation_mark(self.limit);
        (&self.log).write_all(mark.as_bytes())?;
        self.truncated_size = self.limit + mark.len() as u64;
        Ok(())
    }

    /// Reads the rest of the log and the output file, whose values replace those of the log.
    pub(crate) fn into_outputs(mut self) -> OutputCollector {
        if let Err(error) = self.read_new() {
            tracing::warn!(%error, "the log of an attempt cannot be read to its end");
        }
        let mut outputs = self.scanner.finish();
        if let Err(error) = read_output_file(&self.output, &mut outputs) {
            tracing::warn!(%error, "the output file of an attempt cannot be read");
        }
        outputs
    }
}

fn truncation_mark(limit: u64) -> String {
    format!("\n[porpoise: the output is longer than {limit} bytes; the rest was cut off]\n")
}

fn read_output_file(path: &Path, outputs: &mut OutputCollector) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
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
