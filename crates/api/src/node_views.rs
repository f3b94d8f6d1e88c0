//! How nodes and take-overs look in answers.

use serde::Serialize;
use utoipa::ToSchema;

use super::views::{maybe_time, time};
use store::catalog::{self as stored, FailoverRow, NodeRow};

/// Slots of the worker on a node.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Slots {
    total: u32,
    used: u32,
}

/// One life of a node.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct NodeView {
    name: String,
    incarnation: String,
    host: String,
    roles: Vec<String>,
    /// `joining`, `active`, `draining`, `left` or `dead`.
    state: String,
    joined_at: String,
    /// How many instances it owns.
    instances: u32,
    slots: Slots,
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
            joined_at: time(row.joined_at),
            instances: row.instances,
            slots: Slots {
                total: row.slots_total,
                used: row.slots_used,
            },
            worker_group: row.worker_group,
            version: row.version,
        }
    }
}

/// One of the two lives of a take-over.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailoverSide {
    incarnation: String,
    host: String,
}

/// One death and what became of the instances.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Failover {
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
            suspected_at: maybe_time(row.suspected_at),
            declared_at: time(row.declared_at),
            acknowledged_at: maybe_time(row.acknowledged_at),
            instances: row.instances,
            attempts_reattached: row.attempts_reattached,
            attempts_lost: row.attempts_lost,
        }
    }
}
