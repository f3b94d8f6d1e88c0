//! Whether memory ran out, as far as the kernel counts that for control groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cgroup::{Cgroup, own_memory_kills};

/// The kills that were counted for the control group of this process, each reported once.
#[derive(Debug, Clone)]
pub(super) struct MemoryKills {
    reported: Arc<AtomicU64>,
}

impl MemoryKills {
    /// Begins with the present count: earlier kills are none of the attempts to come.
    pub(super) fn begin() -> Self {
        Self {
            reported: Arc::new(AtomicU64::new(own_memory_kills().unwrap_or_default())),
        }
    }

    /// Says as a sentence that memory ran out, if it did; `cgroup` is the attempt's own group.
    pub(super) fn explain(&self, cgroup: Option<&Cgroup>) -> Option<String> {
        match cgroup.and_then(Cgroup::memory_kills) {
            Some(0) => return None,
            Some(count) => {
                return Some(format!(
                    "memory ran out: the kernel killed {count} processes of the attempt"
                ));
            }
            None => {}
        }
        let count = own_memory_kills()?;
        let reported = self.reported.fetch_max(count, Ordering::Relaxed);
        (count > reported).then(|| {
            let new = count - reported;
            format!("memory ran out: the kernel killed {new} processes in the control group of the worker")
        })
    }
}
