//! What happened to an instance, step by step and owner by owner.

use engine::ids::{AttemptNumber, Epoch, Incarnation, InstanceId, Millis};
use engine::states::OwnerWhy;

use super::{Catalog, CatalogError, Page, PageRequest};

/// One stored step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The transition's id; grows within an instance.
    pub id: i64,
    /// When.
    pub at: Millis,
    /// The state before; none at birth.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// Why, in words.
    pub why: String,
    /// The task; none for the instance's own.
    pub task: Option<String>,
    /// The attempt.
    pub attempt: Option<AttemptNumber>,
    /// The address of the owner that stored it.
    pub host: Option<String>,
    /// Its epoch.
    pub epoch: Epoch,
}

/// Whether an instance has an owner, and needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnershipState {
    /// It has an owner that lives.
    Owned,
    /// It needs an owner, and has none or a dead one.
    Moving,
    /// At rest.
    Unowned,
    /// Final.
    Final,
}

impl OwnershipState {
    /// Returns the shown name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Moving => "moving",
            Self::Unowned => "unowned",
            Self::Final => "final",
        }
    }
}

/// One change to a new owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerEntry {
    /// The epoch that began.
    pub epoch: Epoch,
    /// The new owner.
    pub owner: Incarnation,
    /// Its address.
    pub host: String,
    /// The address of the owner before; none when the instance was at rest.
    pub from_host: Option<String>,
    /// When.
    pub at: Millis,
    /// Why.
    pub why: OwnerWhy,
}

/// Who owns an instance, and who did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Whether it has an owner.
    pub state: OwnershipState,
    /// The owner's address.
    pub host: Option<String>,
    /// The owner.
    pub owner: Option<Incarnation>,
    /// The epoch.
    pub epoch: Epoch,
    /// Every change, oldest first.
    pub log: Vec<OwnerEntry>,
}

impl Catalog {
    /// Lists the steps of an instance, oldest first.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance. `Rejected`: the cursor is none of ours.
    pub async fn history(
        &self,
        id: InstanceId,
        page: &PageRequest,
    ) -> Result<Page<HistoryEntry>, CatalogError> {
        self.later()
    }

    /// Reads who owns an instance and who did; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn ownership(&self, id: InstanceId) -> Result<Option<Ownership>, CatalogError> {
        self.later()
    }
}
