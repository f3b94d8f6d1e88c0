//! The catalog is everything in the database that users read and change through the API. It never writes what an owner
//! writes: an instance is changed by posting a command, whose row its owner applies.
//!
//! Each change, its audit row and its request key are one transaction. Nothing that a user typed becomes a part of an SQL
//! text, and no SQL text leaves this crate.

mod alerts;
mod audit;
mod audited_transaction;
mod backfills;
mod bulk;
mod catalog;
mod columns;
mod context;
mod entity;
mod error;
mod grants;
mod history;
mod instance_filter;
mod instance_trigger;
mod instances;
mod limits;
mod log_removals;
mod nodes;
mod operations;
mod overviews;
mod page;
mod permission;
mod projects;
mod request_keys;
mod retention;
mod save_version;
mod schedules;
mod silences;
mod start_target;
mod tasks;
mod tokens;
mod transitions;
mod users;
mod visibility;
mod workflow_edit;
mod workflows;

pub use ports::RequestKey;

pub use self::alerts::{AlertFilter, AlertRow, Alerts, DeliveryRow, DeliveryState, RuleOwner};
pub use self::audit::{AuditEntry, AuditLog, AuditOutcome, AuditRow};
pub use self::backfills::*;
pub use self::bulk::*;
pub use self::catalog::Catalog;
pub use self::context::AuditContext;
pub use self::entity::{create_index_statements, create_table_statements};
pub use self::error::CatalogError;
pub use self::grants::{Grant, Grants};
pub use self::history::{History, HistoryEntry, OwnerEntry, Ownership, OwnershipState};
pub use self::instance_filter::{InstanceFilter, LabelFilter, TimeRange};
pub use self::instances::{Continuation, DeleteOutcome, InstanceEdit, InstanceRow, Instances, TaskCounts};
pub use self::limits::{LimitChange, LimitOwner, Limits, NewLimit, QueueEntry, QueueEntryState, StoredLimit};
pub use self::log_removals::LogRemovals;
pub use self::nodes::{DatabaseInfo, FailoverRow, FailoverSide, NodeRow, Nodes};
pub use self::operations::{
    ApprovalStage, CommandSubject, Operation, Operations, PostCommand, PostOutcome, PostedCommand,
};
pub use self::overviews::*;
pub use self::page::{Page, PageRequest};
pub use self::permission::Permission;
pub use self::projects::{NewProject, Project, ProjectEdit, ProjectId, Projects};
pub use self::request_keys::{KnownRequest, RequestKeys};
pub use self::retention::{Retention, RetentionRequest, RetentionRun};
pub use self::save_version::{IfMatch, NewVersion, SaveOutcome, SavedVersion, VersionOrigin};
pub use self::schedules::*;
pub use self::silences::{NewSilence, SilenceChange, Silences, StoredSilence};
pub use self::start_target::{StartCandidate, StartTarget};
pub use self::tasks::{AttemptRow, ChildRow, ChildState, Children, TaskDetail, TaskRow, Tasks};
pub use self::tokens::{Identity, NewToken, Token, TokenId, TokenKind, Tokens};
pub use self::transitions::{TransitionEntry, TransitionFilter, Transitions};
pub use self::users::{Access, Credentials, NewUser, Preferences, User, UserEdit, UserId, UserRole, Users};
pub use self::visibility::VisibilityScope;
pub use self::workflow_edit::WorkflowEdit;
pub use self::workflows::*;
