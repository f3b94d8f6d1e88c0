//! Nodes, take-overs and the database itself as readers see them.

use engine::ids::{Incarnation, Millis};
use engine::states::MemberState;

use super::{Catalog, CatalogError, Page, PageRequest};

/// One life of a node as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Which life.
    pub incarnation: Incarnation,
    /// The node's name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Where it is in its life.
    pub state: MemberState,
    /// When it joined.
    pub joined_at: Millis,
    /// How many instances it owns.
    pub instances: u32,
    /// Slots of its worker.
    pub slots_total: u32,
    /// Attempts that are created or running there.
    pub slots_used: u32,
    /// The group of its worker.
    pub worker_group: String,
    /// The program's version.
    pub version: String,
}

/// One of the two lives of a take-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverSide {
    /// Which life.
    pub incarnation: Incarnation,
    /// Its address.
    pub host: String,
}

/// One death and what became of the instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverRow {
    /// Its row; grows.
    pub id: i64,
    /// Who was declared dead.
    pub dead: FailoverSide,
    /// Who took over; none until somebody did.
    pub survivor: Option<FailoverSide>,
    /// Why it was declared dead, in words.
    pub reason: String,
    /// When it was first suspected.
    pub suspected_at: Option<Millis>,
    /// When it was declared dead.
    pub declared_at: Millis,
    /// When the last of its instances had a new owner.
    pub acknowledged_at: Option<Millis>,
    /// How many instances moved.
    pub instances: u32,
    /// How many attempts went on.
    pub attempts_reattached: u32,
    /// How many attempts were lost.
    pub attempts_lost: u32,
}

/// What is behind the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
    /// The name of the newest migration that was applied.
    pub schema_version: String,
}

impl Catalog {
    /// Lists the nodes that live, and those that ended within the day before `at`, newest first.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn nodes(&self, at: Millis) -> Result<Vec<NodeRow>, CatalogError> {
        self.later()
    }

    /// Lists take-overs, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn failovers(&self, page: &PageRequest) -> Result<Page<FailoverRow>, CatalogError> {
        self.later()
    }

    /// Asks the database what it is; an error means that it cannot be reached.
    ///
    /// # Errors
    /// `Unavailable`: it cannot be reached.
    pub async fn database(&self) -> Result<Database, CatalogError> {
        self.later()
    }
}
