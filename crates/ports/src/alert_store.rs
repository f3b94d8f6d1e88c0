//! The alerts of all nodes: events become alerts, alerts become deliveries, and deliveries are leased to one node at a
//! time.

use async_trait::async_trait;
use engine::ids::{DeliveryId, Incarnation, Timestamp};

use crate::alerts::{AlertView, ChannelName};
use crate::error::StoreError;

/// What one pass made of events and of times that have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertPass {
    /// Alerts that were made.
    pub alerts: u64,
    /// Whether events are left.
    pub has_more: bool,
}

/// The right to try deliveries, of one node at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryClaim {
    /// Who tries.
    pub owner: Incarnation,
    /// By the database's clock.
    pub at: Timestamp,
    /// For how long the others leave the deliveries alone, in milliseconds.
    pub lease_ms: i64,
    /// The most deliveries.
    pub limit: u32,
    /// Deliveries whose outcomes this node has yet to store: they are not claimed again.
    pub held: Vec<DeliveryId>,
}

/// A delivery that this node may try once.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// Which one.
    pub id: DeliveryId,
    /// A condition of storing its outcome; grows with each claim.
    pub epoch: i64,
    /// Where it goes.
    pub channel: ChannelName,
    /// When it was first tried: now, at the first try.
    pub first_try_at: Timestamp,
    /// The failures before this try.
    pub failures: u32,
    /// What it carries, the oldest first; without addresses.
    pub alerts: Vec<AlertView>,
}

/// What became of a delivery after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// The receiver has it.
    Delivered,
    /// It is not tried again.
    Failed {
        /// Why.
        error: String,
    },
    /// It is tried again.
    Waiting {
        /// Why.
        error: String,
        /// When.
        next_at: Timestamp,
    },
}

/// The outcome of a try, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Which delivery.
    pub id: DeliveryId,
    /// The epoch of the claim.
    pub epoch: i64,
    /// What became of it.
    pub end: DeliveryEnd,
}

/// What waits to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryBacklog {
    /// Deliveries that wait.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
    /// When the next of them is due.
    pub next_at: Option<Timestamp>,
}

/// Alerts and their deliveries.
#[async_trait]
pub trait AlertStore: Send + Sync + 'static {
    /// Makes alerts of stored events, and of times that have passed, in one transaction.
    async fn make_alerts(&self, at: Timestamp) -> Result<AlertPass, StoreError>;

    /// Claims deliveries that are due and that no live node has.
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<ClaimedDelivery>, StoreError>;

    /// Stores the outcome of a try; returns false when another node has the delivery now.
    async fn record_delivery(&self, record: &DeliveryRecord) -> Result<bool, StoreError>;

    /// Reads what waits.
    async fn delivery_backlog(&self) -> Result<DeliveryBacklog, StoreError>;
}
