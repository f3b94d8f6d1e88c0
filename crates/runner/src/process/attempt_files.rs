//! The files of an attempt with a process, until its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::ids::DispatchId;
use engine::params::OutputCollector;
use tokio::sync::oneshot;

use super::workspace::Workspace;
use crate::log_files::LogFiles;
use crate::log_tail::LogTail;
use crate::spare_files::UnusedFiles;

/// Longest time for which the end of an attempt waits for its outputs: a disk that hangs must not hold the slot.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest time for which the end of an attempt waits for the removal of its files, which continues after it.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes between two reads of a log from which the next one follows sooner: a fast writer must not fill the disk before
/// the log is stopped.
const FAST_GROWTH: u64 = 8 << 20;

/// How a log grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogProgress {
    /// At most by what the disk can take until the next read.
    Slow,
    /// Faster.
    Fast,
    /// No more, for this reason.
    Stopped(String),
}

/// The log and the workspace of one attempt; clones share them.
#[derive(Clone)]
pub(super) struct AttemptFiles {
    uid: DispatchId,
    logs: LogFiles,
    open: Arc<Mutex<Option<OpenFiles>>>,
}

/// Dropping it removes the workspace.
struct OpenFiles {
    log: LogTail,
    workspace: Workspace,
}

impl AttemptFiles {
    /// Takes charge of the files of an attempt.
    pub(super) fn new(uid: DispatchId, logs: LogFiles, log: LogTail, workspace: Workspace) -> Self {
        let open = OpenFiles { log, workspace };
        Self {
            uid,
            logs,
            open: Arc::new(Mutex::new(Some(open))),
        }
    }

    /// Reads in the background what was added to the log; does nothing while an earlier read is not finished.
    pub(super) fn follow_log(&self) -> LogProgress {
        let (growth, stop_reason) = match self.open.try_lock().as_deref() {
            Ok(Some(open)) => (open.log.growth(), open.log.stop_reason()),
            Ok(None) | Err(_) => return LogProgress::Slow,
        };
        if growth > 0 {
            self.read_log();
        }
        match stop_reason {
            Some(reason) => LogProgress::Stopped(reason),
            None if growth >= FAST_GROWTH => LogProgress::Fast,
            None => LogProgress::Slow,
        }
    }

    fn read_log(&self) {
        let files = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Some(open) = files.lock_open().as_mut()
                && let Err(error) = open.log.follow()
            {
                tracing::warn!(%error, uid = %files.uid, "the log of an attempt cannot be followed");
            }
        });
    }

    /// Writes a last sentence into the log, reads the rest of it and the output file, makes sure that the log is the
    /// worker's own file, and removes or recycles the workspace; returns every value that was set, or none when reading takes too
    /// long.
    pub(super) async fn close(
        self,
        sentence: Option<String>,
        unused: UnusedFiles,
    ) -> Option<OutputCollector> {
        let (read, outputs) = oneshot::channel();
        let closing = tokio::task::spawn_blocking(move || {
            read.send(self.read_outputs(sentence, unused)).ok();
            let open = self.lock_open().take();
            if let Some(open) = open {
                open.workspace.close(unused);
            }
        });
        let outputs = tokio::time::timeout(READ_TIMEOUT, outputs).await.ok()?.ok()??;
        if tokio::time::timeout(REMOVE_TIMEOUT, closing).await.is_err() {
            tracing::debug!("the files of an attempt are still being removed");
        }
        Some(outputs)
    }

    fn read_outputs(&self, sentence: Option<String>, unused: UnusedFiles) -> Option<OutputCollector> {
        let mut open = self.lock_open();
        let open = open.as_mut()?;
        if let Some(sentence) = sentence {
            open.log.append_mark(&sentence);
        }
        let outputs = open.log.read_outputs();
        self.logs.seal(&self.uid, open.log.file(), unused);
        Some(outputs)
    }

    /// Held while a file is read: only by threads that may block.
    fn lock_open(&self) -> MutexGuard<'_, Option<OpenFiles>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
