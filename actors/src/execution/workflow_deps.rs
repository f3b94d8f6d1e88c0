//! What the workflow actors of one master share.

use std::sync::Arc;

use actix::prelude::*;
use engine::ids::Epoch;

use crate::execution::child_requests::ChildRequests;
use crate::execution::db_actor::DbActor;
use crate::execution::dependency_requests::DependencyRequests;
use crate::execution::dispatch_actor::DispatchActor;
use crate::execution::instance_loader::InstanceLoader;
use crate::execution::instance_notices::InstanceNotices;
use crate::execution::lease_grants::LeaseGrants;
use crate::execution::limit_board::LimitBoard;
use crate::execution::slots::Slots;
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::protocol::Owner;
use ports::{NodeIdentity, Store};

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
    /// Limits of tasks.
    pub limits: LimitBoard,
    /// Where commits are published.
    pub commit_events: CommitBroadcast,
    /// The reader of instances.
    pub loader: InstanceLoader,
    /// Leases of exclusive attempts.
    pub leases: LeaseGrants,
    /// Requests about the children of tasks.
    pub children: ChildRequests,
    /// Looks of dependent tasks.
    pub dependencies: DependencyRequests,
    /// Notices to the owners of other instances.
    pub notices: InstanceNotices,
}

impl WorkflowDeps {
    /// Describes this node as the owner of an instance under an epoch.
    pub(crate) fn owner(&self, epoch: Epoch) -> Owner {
        Owner {
            incarnation: self.this_node.incarnation,
            host: self.this_node.host.clone(),
            generation: self.this_node.generation,
            epoch,
        }
    }
}
