//! Instances that wait for a place, and their admission.

use async_trait::async_trait;
use engine::ids::{BackfillId, Epoch, Incarnation, InstanceId, Timestamp};

use crate::error::StoreError;
use crate::instances::NewInstance;
use crate::membership::NodeIdentity;
use crate::ownership::ClaimedInstance;

/// One pass over the places that came free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionPass {
    /// The owner of what is admitted; nothing is done for one that is not an active member.
    pub claimant: NodeIdentity,
    /// When it happens.
    pub at: Timestamp,
}

/// What a pass stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdmissionReport {
    /// Instances that run now, with their ownership.
    pub admitted: Vec<ClaimedInstance>,
    /// Instances that ended while they waited.
    pub ended: Vec<EndedWaiter>,
    /// Instances that have to stop for others; the command is in their inboxes.
    pub stopping: Vec<StoppingHolder>,
    /// Places have come free, so that dates of backfills may start.
    pub has_releases: bool,
    /// More may be admitted at once.
    pub has_more: bool,
}

/// An instance that ended while it waited for a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedWaiter {
    /// The instance.
    pub id: InstanceId,
    /// The epoch of its last owner; 0 when it had none.
    pub epoch: Epoch,
    /// The backfill that it is a date of.
    pub backfill: Option<BackfillId>,
    /// Why it ended.
    pub cause: WaitEnd,
}

/// Why an instance ended while it waited for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitEnd {
    /// It was queued longer than `start_within`.
    Expired,
    /// A later one of its key took its turn.
    Replaced,
    /// No place was free when the project's cap admitted it.
    Discarded,
}

impl WaitEnd {
    /// Returns the label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Discarded => "discarded",
        }
    }
}

/// An instance that holds a place which another one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoppingHolder {
    /// The instance.
    pub id: InstanceId,
    /// Its owner, to be notified; none while it is paused.
    pub owner: Option<Incarnation>,
}

/// The places of instances.
#[async_trait]
pub trait PlaceStore: Send + Sync + 'static {
    /// Whether a place came free, or an instance was queued for too long, since the last pass. One cheap read.
    async fn has_place_work(&self, at: Timestamp) -> Result<bool, StoreError>;

    /// Admits what waits for the places that came free, and ends what does not wait any longer, in one transaction. What
    /// is admitted has the claimant as its owner in the same commit.
    async fn admit_waiting(&self, pass: &AdmissionPass) -> Result<AdmissionReport, StoreError>;

    /// Says for each of these starts, in their order, what it would wait for if those before it were admitted; none where
    /// a place of its workflow is free.
    async fn find_missing_places(&self, starts: &[NewInstance]) -> Result<Vec<Option<String>>, StoreError>;

    /// Has the next pass look at every project in which an instance waits; behind releases that were lost.
    async fn recheck_places(&self) -> Result<(), StoreError>;
}
