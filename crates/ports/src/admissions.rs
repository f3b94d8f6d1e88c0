//! Whether new instances run.

/// Whether a new instance was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartAdmission {
    /// It runs: nothing limits the instances of its workflow.
    Unlimited,
    /// It runs and holds a place.
    Admitted,
    /// It waits for a place.
    Queued {
        /// Which place is missing.
        missing: MissingPlace,
        /// What it waits for, in words.
        reason: String,
    },
    /// It has ended without having run.
    Discarded {
        /// What holds its place, in words.
        reason: String,
    },
}

impl StartAdmission {
    /// Whether the instance runs.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Unlimited | Self::Admitted)
    }
}

/// Which place an instance lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingPlace {
    /// One of its workflow.
    Workflow,
    /// One of its project.
    Project,
}
