//! The catalog is everything in the database that users read and change through the API.
//!
//! It never writes what an owner writes: an instance is changed by posting a command, whose row its owner applies.
//! Each change, its audit row and its request key are one transaction. Nothing that a user typed becomes a part
//! of an SQL text, and no SQL text leaves this crate.

mod audit;
mod audited_transaction;
mod columns;
mod context;
mod entity;
mod error;
mod grants;
mod history;
mod instance_filter;
mod instances;
mod log_removals;
mod nodes;
mod operations;
mod page;
mod permission;
mod projects;
mod request_keys;
mod save_version;
mod start_target;
mod tasks;
mod tokens;
mod transitions;
mod users;
mod visibility;
mod workflows;

use store::Store;

pub use actors::ports::RequestKey;

pub use self::audit::{AuditEntry, AuditLog, AuditOutcome, AuditRow};
pub use self::context::AuditContext;
pub use self::entity::{create_index_statements, create_table_statements};
pub use self::error::CatalogError;
pub use self::grants::{Grant, Grants};
pub use self::history::{History, HistoryEntry, OwnerEntry, Ownership, OwnershipState};
pub use self::instance_filter::InstanceFilter;
pub use self::instances::{DeleteOutcome, InstanceRow, Instances, TaskCounts};
pub use self::log_removals::LogRemovals;
pub use self::nodes::{DatabaseInfo, FailoverRow, FailoverSide, NodeRow, Nodes};
pub use self::operations::{Operation, Operations, PostCommand, PostOutcome, PostedCommand};
pub use self::page::{Page, PageRequest};
pub use self::permission::Permission;
pub use self::projects::{NewProject, Project, ProjectEdit, ProjectId, Projects};
pub use self::request_keys::{KnownRequest, RequestKeys};
pub use self::save_version::{IfMatch, NewVersion, SaveOutcome, SavedVersion};
pub use self::start_target::{StartCandidate, StartTarget};
pub use self::tasks::{AttemptRow, TaskDetail, TaskRow, Tasks};
pub use self::tokens::{Identity, NewToken, Token, TokenId, TokenKind, Tokens};
pub use self::transitions::{TransitionEntry, TransitionFilter, Transitions};
pub use self::users::{Access, Credentials, NewUser, User, UserEdit, UserId, UserRole, Users};
pub use self::visibility::VisibilityScope;
pub use self::workflows::{
    SourceFormat, VersionSummary, WorkflowId, WorkflowSummary, WorkflowVersion, Workflows,
};

/// What users read and change, by noun, on the store's connections.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Store,
}

impl Catalog {
    /// Serves what this store holds.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Returns the audit log.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog::new(&self.store)
    }

    /// Returns the permissions of users on projects.
    pub fn grants(&self) -> Grants<'_> {
        Grants::new(&self.store)
    }

    /// Returns the histories of instances.
    pub fn history(&self) -> History<'_> {
        History::new(&self.store)
    }

    /// Returns the workflow instances.
    pub fn instances(&self) -> Instances<'_> {
        Instances::new(&self.store)
    }

    /// Returns the requests to remove logs.
    pub fn log_removals(&self) -> LogRemovals<'_> {
        LogRemovals::new(&self.store)
    }

    /// Returns the nodes, with their take-overs and the database.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes::new(&self.store)
    }

    /// Returns the control operations.
    pub fn operations(&self) -> Operations<'_> {
        Operations::new(&self.store)
    }

    /// Returns the projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects::new(&self.store)
    }

    /// Returns the idempotency keys of requests.
    pub fn request_keys(&self) -> RequestKeys<'_> {
        RequestKeys::new(&self.store)
    }

    /// Returns the tasks of instances.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks::new(&self.store)
    }

    /// Returns the tokens.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens::new(&self.store)
    }

    /// Returns the stored steps of all instances.
    pub fn transitions(&self) -> Transitions<'_> {
        Transitions::new(&self.store)
    }

    /// Returns the users.
    pub fn users(&self) -> Users<'_> {
        Users::new(&self.store)
    }

    /// Returns the workflows.
    pub fn workflows(&self) -> Workflows<'_> {
        Workflows::new(&self.store)
    }
}
