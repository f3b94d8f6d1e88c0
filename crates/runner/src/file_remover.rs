//! Removes the files of attempts, and tries again what could not be removed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::remove_tree::{move_aside, remove_tree};

/// Time between two attempts to remove what could not be removed.
const RETRY_PAUSE: Duration = Duration::from_secs(60);

/// Removes files and folders; clones share one thread, which begins with the first request.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileRemover {
    requests: Arc<OnceLock<Sender<PathBuf>>>,
}

impl FileRemover {
    /// Removes a path; what fails is tried again until it succeeds, or a later incarnation finds it.
    pub(crate) fn remove(&self, path: &Path) {
        if let Err(error) = remove_tree(path) {
            tracing::warn!(%error, path = %path.display(), "a file of an attempt cannot be removed; it is tried again");
            self.remove_later(path.to_owned());
        }
    }

    /// Removes a path in the background.
    pub(crate) fn remove_later(&self, path: PathBuf) {
        let requests = self.requests.get_or_init(start_thread);
        // An error means that the thread could not be started: the next incarnation removes it.
        requests.send(path).ok();
    }

    /// Makes room for a new file or folder where something else has its name.
    ///
    /// # Errors
    /// When that cannot be moved away.
    pub(crate) fn clear_name(&self, path: &Path) -> io::Result<()> {
        self.remove_later(move_aside(path)?);
        Ok(())
    }
}

fn start_thread() -> Sender<PathBuf> {
    let (requests, received) = channel();
    let started = thread::Builder::new()
        .name("file-remover".to_owned())
        .spawn(move || remove_until_closed(&received, RETRY_PAUSE));
    if let Err(error) = started {
        tracing::warn!(%error, "what attempts leave is removed by the next incarnation");
    }
    requests
}

fn remove_until_closed(requests: &Receiver<PathBuf>, pause: Duration) {
    let mut failed: Vec<PathBuf> = Vec::new();
    let mut retry_at = Instant::now() + pause;
    loop {
        match requests.recv_timeout(retry_at.saturating_duration_since(Instant::now())) {
            Ok(path) => {
                if remove_tree(&path).is_err() {
                    failed.push(path);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                failed.retain(|path| remove_tree(path).is_err());
                retry_at = Instant::now() + pause;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests;
