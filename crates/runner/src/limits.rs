//! The bounds of what tasks may use.

use egress::EgressPolicy;

/// What the jobs of a worker may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnerLimits {
    /// The bounds of logs.
    pub log: LogLimits,
    /// Most bytes of an HTTP response's body that are kept.
    pub http_body_bytes: usize,
    /// Which addresses http tasks may connect to.
    pub egress: EgressPolicy,
}

/// The bounds of each log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// The size at which a log is truncated.
    pub bytes: u64,
    /// Free bytes on the disk of the logs below which a growing log stops and its attempt fails.
    pub min_free_disk: u64,
}

impl LogLimits {
    /// Returns the limits of a log that has its own.
    pub(crate) fn unbounded() -> Self {
        Self {
            bytes: u64::MAX,
            min_free_disk: 0,
        }
    }
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            min_free_disk: 256 << 20,
        }
    }
}

impl Default for RunnerLimits {
    fn default() -> Self {
        Self {
            log: LogLimits::default(),
            http_body_bytes: 1 << 20,
            egress: EgressPolicy::DenyMetadata,
        }
    }
}
