//! The bounds of what tasks may use.

use super::egress::EgressPolicy;

/// What the jobs of a worker may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnerLimits {
    /// The size at which a log is truncated.
    pub log_bytes: u64,
    /// Most bytes of an HTTP response's body that are kept.
    pub http_body_bytes: usize,
    /// Which addresses http tasks may connect to.
    pub egress: EgressPolicy,
}

impl Default for RunnerLimits {
    fn default() -> Self {
        Self {
            log_bytes: 64 << 20,
            http_body_bytes: 1 << 20,
            egress: EgressPolicy::DenyMetadata,
        }
    }
}
