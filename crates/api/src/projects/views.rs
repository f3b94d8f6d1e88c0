//! Projects in answers.

use std::collections::BTreeMap;

use catalog as stored;
use catalog::Permission;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub(crate) struct ProjectView {
    name: String,
    description: String,
    /// Parameters of every instance in it.
    params: BTreeMap<String, String>,
    /// What holds where its tasks and documents are silent.
    #[schema(value_type = DefaultsView)]
    defaults: Value,
    /// For how long ended instances are kept; null for the server's limit.
    retention: Option<String>,
    /// The most instances that may be open at a time; null for no cap.
    max_instances: Option<u32>,
    /// The most attempts on workers at once; null without a cap.
    max_tasks: Option<u32>,
    /// Its share of slots among projects that wait for them.
    weight: u32,
    /// What the caller may do in it.
    permission: PermissionName,
    created_at: String,
    updated_at: String,
}

/// Values for what documents leave open, fixed for an instance when it is created; in the notation of documents.
#[derive(ToSchema)]
#[schema(as = ProjectDefaults)]
#[expect(
    dead_code,
    reason = "describes the values for readers; the engine parses and writes them"
)]
pub(crate) struct DefaultsView {
    /// The worker group of documents without one.
    worker_group: Option<String>,
    /// `highest`, `high`, `medium`, `low` or `lowest`, of documents without one.
    priority: Option<String>,
    /// Of tasks on workers: `max`, `delay`, `backoff` and `max_delay`.
    #[schema(value_type = Option<Object>)]
    retry: Option<Value>,
    /// The limit of one attempt of tasks on workers, for example `2h`.
    timeout: Option<String>,
}

/// A permission in a project; each includes those before it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PermissionName {
    Read,
    Execute,
    Write,
    Owner,
}

impl From<PermissionName> for Permission {
    fn from(name: PermissionName) -> Self {
        match name {
            PermissionName::Read => Self::Read,
            PermissionName::Execute => Self::Execute,
            PermissionName::Write => Self::Write,
            PermissionName::Owner => Self::Owner,
        }
    }
}

impl From<Permission> for PermissionName {
    fn from(permission: Permission) -> Self {
        match permission {
            Permission::Read => Self::Read,
            Permission::Execute => Self::Execute,
            Permission::Write => Self::Write,
            Permission::Owner => Self::Owner,
        }
    }
}

impl ProjectView {
    /// Shows a project to a caller who may do this in it.
    pub(crate) fn new(row: stored::Project, permission: Permission) -> Self {
        Self {
            name: row.name,
            description: row.description,
            params: row.params,
            defaults: row.defaults.to_document(),
            retention: row.retention.map(|limit| limit.to_string()),
            max_instances: row.max_instances,
            max_tasks: row.max_tasks,
            weight: row.weight,
            created_at: format_time(row.created_at),
            permission: permission.into(),
            updated_at: format_time(row.updated_at),
        }
    }
}
