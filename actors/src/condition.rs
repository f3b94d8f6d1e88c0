//! What does not work as it should, in words that a user can read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::ids::Timestamp;

/// The node is draining.
pub const DRAINING: &str = "DRAINING";

/// The disk of the data folder is full.
pub const DISK_FULL: &str = "DISK_FULL";

/// The beats of this node are not stored.
pub const BEATS_NOT_STORED: &str = "BEATS_NOT_STORED";

/// One thing that does not work as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// For programs: `REGISTRY_UNREACHABLE`, `STORE_UNREACHABLE`, ...
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
}

/// The condition of this node; cheap to clone, shared.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    troubles: Arc<Mutex<BTreeMap<&'static str, (String, Timestamp)>>>,
}

impl Condition {
    /// Notes a trouble, or that it is over. Its beginning stays as first noted.
    pub fn set(&self, code: &'static str, trouble: Option<String>, now: Timestamp) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(detail) => {
                let known = troubles.get(code).map(|(_, since)| *since);
                if known.is_none() {
                    tracing::warn!(code, detail, "degraded");
                }
                troubles.insert(code, (detail, known.unwrap_or(now)));
            }
            None => {
                if troubles.remove(code).is_some() {
                    tracing::info!(code, "no longer degraded");
                }
            }
        }
    }

    /// Lists what does not work now.
    pub fn list(&self) -> Vec<Degraded> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = troubles.iter().map(|(code, (detail, since))| Degraded {
            code,
            detail: detail.clone(),
            since: *since,
        });
        listed.collect()
    }
}
