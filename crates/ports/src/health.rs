//! What does not work on this node as it should, in readable text.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::ids::Timestamp;
use parking_lot::Mutex;

/// The node is draining.
pub const DRAINING: &str = "DRAINING";

/// The disk of the data folder is full.
pub const DISK_FULL: &str = "DISK_FULL";

/// The database does not store the heartbeats of this node.
pub const HEARTBEATS_NOT_STORED: &str = "HEARTBEATS_NOT_STORED";

/// One thing that does not work as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthIssue {
    /// For programs: `REGISTRY_UNREACHABLE`, `STORE_UNREACHABLE`, ...
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// When it began.
    pub since: Timestamp,
}

/// The health of this node. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct HealthStatus {
    issues: Arc<Mutex<BTreeMap<&'static str, (String, Timestamp)>>>,
}

impl HealthStatus {
    /// Records an issue, or that it has ended. The time at which it began stays as first recorded.
    pub fn set_issue(&self, code: &'static str, issue: Option<String>, now: Timestamp) {
        let mut issues = self.issues.lock();
        match issue {
            Some(detail) => {
                let known = issues.get(code).map(|(_, since)| *since);
                if known.is_none() {
                    tracing::warn!(code, detail, "degraded");
                }
                issues.insert(code, (detail, known.unwrap_or(now)));
            }
            None => {
                if issues.remove(code).is_some() {
                    tracing::info!(code, "no longer degraded");
                }
            }
        }
    }

    /// Lists the current issues.
    pub fn issues(&self) -> Vec<HealthIssue> {
        let issues = self.issues.lock();
        let listed = issues.iter().map(|(code, (detail, since))| HealthIssue {
            code,
            detail: detail.clone(),
            since: *since,
        });
        listed.collect()
    }
}
