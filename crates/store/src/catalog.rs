//! The catalog is everything in the database that users read and change through the API.
//!
//! It never writes what an owner writes: an instance is changed by posting a verb, whose row its owner decides.
//! Each change, its audit row and its request key are one transaction. Nothing that a user typed becomes a part
//! of an SQL text, and no SQL text leaves this module.

mod audit;
mod change;
mod feed;
mod grants;
mod history;
mod instances;
mod nodes;
mod operations;
mod page;
mod projects;
mod put;
mod requests;
mod sql;
mod tasks;
mod tokens;
mod users;
mod workflows;

use actors::ports::StoreError;
use engine::ids::Timestamp;

use crate::pool::{Pool, Transaction};
use crate::store::Store;

pub use actors::ports::RequestKey;

pub use self::audit::{AuditEntry, AuditOutcome, AuditRow};
pub use self::feed::{FeedEntry, FeedFilter};
pub use self::grants::{Grant, Permission, Visible};
pub use self::history::{HistoryEntry, OwnerEntry, Ownership, OwnershipState};
pub use self::instances::{Deleted, InstanceFilter, InstanceRow, TaskCounts};
pub use self::nodes::{Database, FailoverRow, FailoverSide, NodeRow};
pub use self::operations::{Operation, PostVerb, Posted, VerbPosted};
pub use self::page::{Page, PageRequest};
pub use self::projects::{NewProject, Project, ProjectEdit, ProjectId};
pub use self::put::{IfMatch, NewVersion, Put, PutOutcome};
pub use self::requests::KnownRequest;
pub use self::tasks::{AttemptRow, TaskDetail, TaskRow};
pub use self::tokens::{Identity, NewToken, Token, TokenId, TokenKind};
pub use self::users::{Access, Credentials, NewUser, Role, User, UserEdit, UserId};
pub use self::workflows::{
    Format, StartTarget, Startable, VersionSummary, WorkflowId, WorkflowSummary, WorkflowVersion,
};

/// Why the catalog did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The named thing does not exist; tell the user.
    #[error("there is no {what}")]
    NotFound {
        /// What and which, for example ``project `retail` ``.
        what: String,
    },
    /// The change does not fit what is stored; nothing was changed. Tell the user.
    #[error("{detail}")]
    Conflict {
        /// Stable, upper snake, for example `PROJECT_EXISTS`.
        code: &'static str,
        /// In words.
        detail: String,
    },
    /// The database cannot be reached or is overloaded; nothing is known to be changed. Try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The request itself cannot be served, such as a cursor that is none. Tell the user.
    #[error("{0}")]
    Rejected(String),
}

impl From<StoreError> for CatalogError {
    /// Keeps the database's own words out of what users read; the log has them.
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the database did not do what it was asked");
        Self::Unavailable("the database cannot be reached or did not answer".into())
    }
}

/// Who changes something, from where, and the key that makes a repetition harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The user's name.
    pub user: String,
    /// The address that the request came from.
    pub source: String,
    /// The id under which it is logged.
    pub request_id: String,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// From `Idempotency-Key`; stored in the transaction of the change.
    pub key: Option<RequestKey>,
}

/// What users read and change, on the store's connections.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Store,
}

impl Catalog {
    /// Serves what this store holds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    fn reader(&self) -> &Pool {
        self.store.reader()
    }

    async fn begin(&self) -> Result<Transaction, CatalogError> {
        Ok(self.store.begin().await?)
    }
}

impl Request {
    /// What a node does by itself.
    fn of_the_node(at: Timestamp) -> Self {
        Self {
            user: "system".into(),
            source: String::new(),
            request_id: String::new(),
            at,
            key: None,
        }
    }
}
