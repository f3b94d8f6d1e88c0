//! What tells quickly that somebody may be gone. It suspects; it never judges.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Incarnation;

use super::Member;

/// Why the registry said nothing. What it did not say is unknown, not empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached, has no leader, or its answer cannot be used.
    #[error("the registry cannot be used: {0}")]
    Unavailable(String),
    /// It does not know this life (any more): register again.
    #[error("the registry does not know this node")]
    NotRegistered,
}

/// The lives that the registry holds for present at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Grows with every change; one that is smaller than before, or 0, means that the registry lost its memory.
    pub index: u64,
    /// Lives whose leases run.
    pub present: BTreeSet<Incarnation>,
}

/// The register of lives beside the database: Consul, or this process itself.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Makes a life known; it is not present before its first beat, and one that is present stays so. Older lives
    /// of the same host are dropped.
    async fn register(&self, me: &Member) -> Result<(), RegistryError>;

    /// Renews the lease of a life. Never waits longer than a fraction of the lease.
    async fn beat(&self, me: Incarnation) -> Result<(), RegistryError>;

    /// Waits until the view is newer than `after`, or `wait` is over; either being 0 answers at once.
    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError>;

    /// Reads the view from the registry's leader, past every cache.
    async fn confirm(&self) -> Result<View, RegistryError>;

    /// Ends the lease of a life that leaves.
    async fn deregister(&self, me: Incarnation) -> Result<(), RegistryError>;
}
