//! Why the store did not do what it was asked.

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Certainly not applied, and the same call will fail the same way.
    #[error("the store refused it: {0}")]
    Rejected(String),
    /// Certainly not applied; the store cannot be reached or is overloaded. Try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// May have been applied: reload before deciding anything.
    #[error("the store did not answer whether it was applied: {0}")]
    Uncertain(String),
}

impl StoreError {
    /// Whether the change may be stored although an error came back.
    pub fn maybe_applied(&self) -> bool {
        matches!(self, Self::Uncertain(_))
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Uncertain(_))
    }
}
