//! What the workflow actors of one master share.

use std::sync::Arc;

use actix::prelude::*;

use crate::clock::Clock;
use crate::execution::commit_events::CommitBroadcast;
use crate::execution::db_actor::DbActor;
use crate::execution::dispatch_actor::DispatchActor;
use crate::execution::instance_loader::InstanceLoader;
use crate::execution::lease_grants::LeaseGrants;
use crate::execution::slots::Slots;
use crate::ports::{NodeIdentity, Store};

/// What the workflow actors of one master share.
#[derive(Clone)]
pub struct WorkflowDeps {
    /// This incarnation of this node.
    pub this_node: NodeIdentity,
    /// The database's clock.
    pub clock: Clock,
    /// The store, for reading.
    pub store: Arc<dyn Store>,
    /// The writer.
    pub db: Addr<DbActor>,
    /// The way to workers.
    pub dispatch: Addr<DispatchActor>,
    /// Slots of workers.
    pub slots: Slots,
    /// Where commits are published.
    pub commit_events: CommitBroadcast,
    /// The reader of instances.
    pub loader: InstanceLoader,
    /// Leases of exclusive attempts.
    pub leases: LeaseGrants,
}
