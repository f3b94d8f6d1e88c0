//! The registry of live nodes beside the database: Consul, or this process itself.
//!
//! It shows quickly which node may be dead; it never proves a death.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Incarnation;

use crate::membership::Member;

/// Time after its last heartbeat for which the registry shows an incarnation.
pub const REGISTRY_LEASE: Duration = Duration::from_secs(2);

/// Why the registry gave no answer. What it did not show is unknown, not absent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached, has no leader, or its answer cannot be used.
    #[error("the registry cannot be used: {0}")]
    Unavailable(String),
    /// It does not know this incarnation (any more): register again.
    #[error("the registry does not know this node")]
    NotRegistered,
}

/// The incarnations that the registry shows at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Grows with every change; one that is smaller than before, or 0, means that the registry lost its memory.
    pub index: u64,
    /// Incarnations whose leases have not expired.
    pub present: BTreeSet<Incarnation>,
}

/// A registry of live nodes.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Registers an incarnation. It is not shown before its first heartbeat, and one that is shown stays so. Older
    /// incarnations of the same host are dropped.
    async fn register(&self, this_node: &Member) -> Result<(), RegistryError>;

    /// Renews the lease of an incarnation. Never waits longer than a fraction of the lease.
    async fn heartbeat(&self, incarnation: Incarnation) -> Result<(), RegistryError>;

    /// Waits until the view is newer than `after`, at most for `wait`; when either is 0 it returns at once.
    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError>;

    /// Reads the view from the registry's leader, past every cache.
    async fn confirm(&self) -> Result<View, RegistryError>;

    /// Ends the lease of an incarnation that leaves.
    async fn deregister(&self, incarnation: Incarnation) -> Result<(), RegistryError>;
}
