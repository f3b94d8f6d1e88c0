//! Nodes, takeovers, the cluster in answers.

use catalog::{self as stored, DatabaseInfo, FailoverRow, NodeRow};
use engine::ids::Timestamp;
use engine::timezone::ZONE_DATA_VERSION;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::timestamp::{format_optional_time, format_time};
use crate::state::{ApiState, Mode};

/// Slots of the worker on a node.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SlotUsage {
    total: u32,
    used: u32,
}

/// One incarnation of a node.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct NodeView {
    name: String,
    incarnation: String,
    host: String,
    roles: Vec<String>,
    /// `joining`, `active`, `draining`, `left` or `dead`.
    state: String,
    joined_at: String,
    /// How many instances it owns.
    instances: u32,
    slots: SlotUsage,
    worker_group: String,
    version: String,
}

impl From<NodeRow> for NodeView {
    fn from(row: NodeRow) -> Self {
        Self {
            name: row.name,
            incarnation: row.incarnation.to_string(),
            host: row.host,
            roles: row.roles,
            state: row.state.to_string(),
            joined_at: format_time(row.joined_at),
            instances: row.instances,
            slots: SlotUsage {
                total: row.slots_total,
                used: row.slots_used,
            },
            worker_group: row.worker_group,
            version: row.version,
        }
    }
}

/// One of the two incarnations of a takeover.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailoverSide {
    incarnation: String,
    host: String,
}

/// The takeover from one dead incarnation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failover {
    id: String,
    dead: FailoverSide,
    survivor: FailoverSide,
    reason: String,
    suspected_at: Option<String>,
    declared_at: String,
    acknowledged_at: Option<String>,
    instances: u32,
    attempts_reattached: u32,
    attempts_lost: u32,
}

impl From<FailoverRow> for Failover {
    fn from(row: FailoverRow) -> Self {
        let side = |side: stored::FailoverSide| FailoverSide {
            incarnation: side.incarnation.to_string(),
            host: side.host,
        };
        Self {
            id: row.id.to_string(),
            dead: side(row.dead),
            survivor: side(row.survivor),
            reason: row.reason,
            suspected_at: format_optional_time(row.suspected_at),
            declared_at: format_time(row.declared_at),
            acknowledged_at: format_optional_time(row.acknowledged_at),
            instances: row.instances,
            attempts_reattached: row.attempts_reattached,
            attempts_lost: row.attempts_lost,
        }
    }
}

/// The database.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatabaseView {
    /// `sqlite` or `postgres`.
    backend: String,
    /// The newest migration that was applied.
    schema_version: String,
}

/// The registry by which members find each other.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistryView {
    /// `local` or `consul`.
    kind: String,
}

/// A fault of the node that answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthIssue {
    code: String,
    detail: String,
    since: String,
}

impl HealthIssue {
    pub(crate) fn new(code: &str, detail: &str, since: Timestamp) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.to_owned(),
            since: format_time(since),
        }
    }
}

/// The keys of secret values on this node.
#[derive(Debug, Serialize, ToSchema)]
struct SecretKeysView {
    /// Their ids, the first 8 hex digits of their SHA-256; the first key encrypts.
    keys: Vec<String>,
}

/// The cluster as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClusterView {
    /// `standalone` or `cluster`.
    mode: String,
    version: String,
    database: DatabaseView,
    registry: RegistryView,
    /// The version of the time zone data, for example `2025b`.
    zone_data: String,
    secrets: SecretKeysView,
    /// Empty when all is well.
    degraded: Vec<HealthIssue>,
}

impl ClusterView {
    pub(crate) fn new(state: &ApiState, database: DatabaseInfo, degraded: Vec<HealthIssue>) -> Self {
        let (mode, registry) = match state.mode {
            Mode::Standalone => ("standalone", "local"),
            Mode::Cluster => ("cluster", "consul"),
        };
        Self {
            mode: mode.to_owned(),
            version: state.version.to_owned(),
            database: DatabaseView {
                backend: database.backend.to_owned(),
                schema_version: database.schema_version,
            },
            registry: RegistryView {
                kind: registry.to_owned(),
            },
            zone_data: ZONE_DATA_VERSION.to_owned(),
            secrets: SecretKeysView {
                keys: state
                    .catalog
                    .keys()
                    .current()
                    .ids()
                    .map(ToString::to_string)
                    .collect(),
            },
            degraded,
        }
    }
}
