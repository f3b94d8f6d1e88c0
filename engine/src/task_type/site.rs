//! The places in which tasks run.

use serde::{Deserialize, Serialize};

/// What a task needs to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionSite {
    /// The owner itself completes its one attempt: no worker, no slot.
    Inline,
    /// The owner decides its one attempt in the commit in which it starts.
    Decision,
    /// The owner, where its attempts wait for something outside: no worker, no slot.
    Owner(WatchKind),
    /// A worker, in a slot of a worker group.
    Worker,
}

/// What an attempt that runs in the owner waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchKind {
    /// Instances that it started.
    Children,
    /// Instances of workflows that it depends on.
    Dependencies,
    /// The decision of a person.
    Approval,
}

/// Common keys that are about slots of workers.
const SLOT_KEYS: &[&str] = &["limits", "wait_within"];

/// Further common keys that are about workers.
const WORKER_KEYS: &[&str] = &["worker_group", "env", "on_worker_lost", "on_cut_off"];

impl ExecutionSite {
    /// Returns what documents and readers call the site.
    pub fn runs_on(self) -> &'static str {
        match self {
            Self::Inline | Self::Decision | Self::Owner(_) => "owner",
            Self::Worker => "worker",
        }
    }

    /// Returns what attempts wait for in the owner; none where they do not wait there.
    pub fn watch_kind(self) -> Option<WatchKind> {
        match self {
            Self::Owner(kind) => Some(kind),
            Self::Inline | Self::Decision | Self::Worker => None,
        }
    }

    /// Whether a common key means nothing to tasks of this site.
    pub(crate) fn refuses_key(self, key: &str) -> bool {
        match self {
            Self::Worker => false,
            Self::Inline => SLOT_KEYS.contains(&key),
            Self::Decision | Self::Owner(_) => SLOT_KEYS.contains(&key) || WORKER_KEYS.contains(&key),
        }
    }
}

impl WatchKind {
    /// Returns the stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Children => "children",
            Self::Dependencies => "dependencies",
            Self::Approval => "approval",
        }
    }

    /// Whether a pause, a stop and a time limit end the wait at once. Children have to confirm them.
    pub(crate) fn ends_at_once(self) -> bool {
        match self {
            Self::Children => false,
            Self::Dependencies | Self::Approval => true,
        }
    }
}
