//! The files that this incarnation made as logs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::ids::DispatchId;

use super::task_file::FileIdentity;

/// Number of logs that are kept; the oldest is dropped first.
const MAX_IDENTITIES: usize = 50_000;

/// What is known of the log of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogIdentity {
    /// It is this file.
    File(FileIdentity),
    /// The attempt has ended and left it empty; its file is another attempt's.
    Empty,
}

/// Which file is the log of an attempt, at most `MAX_IDENTITIES`.
#[derive(Debug, Default)]
pub(crate) struct LogIdentities {
    files: Mutex<IdentityTable>,
}

#[derive(Debug, Default)]
struct IdentityTable {
    identities: HashMap<DispatchId, LogIdentity>,
    order: VecDeque<DispatchId>,
}

impl LogIdentities {
    /// Returns what this incarnation made for an attempt.
    pub(crate) fn get(&self, uid: &DispatchId) -> Option<LogIdentity> {
        self.lock_files().identities.get(uid).copied()
    }

    /// Keeps what was made for an attempt.
    pub(crate) fn insert(&self, uid: DispatchId, log: LogIdentity) {
        let mut files = self.lock_files();
        if files.identities.insert(uid, log).is_none() {
            files.order.push_back(uid);
        }
        if files.order.len() > MAX_IDENTITIES
            && let Some(oldest) = files.order.pop_front()
        {
            files.identities.remove(&oldest);
        }
    }

    fn lock_files(&self) -> MutexGuard<'_, IdentityTable> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
