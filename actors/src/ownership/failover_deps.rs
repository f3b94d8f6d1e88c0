//! What the take-over of instances works with.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix::prelude::*;

use crate::execution::db_actor::DbActor;
use crate::execution::slots::Slots;
use crate::ownership::master_actor::MasterActor;
use ports::clock::Clock;
use ports::health::HealthStatus;
use ports::rpc::client::RpcClient;
use ports::{FailoverStore, NodeIdentity, Registry};

/// What the failover actor works with.
#[derive(Clone)]
pub struct FailoverDeps {
    /// This incarnation of this node.
    pub this_node: NodeIdentity,
    /// The database's clock.
    pub clock: Clock,
    /// Members and declarations.
    pub store: Arc<dyn FailoverStore>,
    /// The writer, through which claims go.
    pub db: Addr<DbActor>,
    /// Starts the actors of claimed instances.
    pub master: Addr<MasterActor>,
    /// The first witness of a death, asked again.
    pub registry: Arc<dyn Registry>,
    /// Calls other nodes.
    pub rpc: RpcClient,
    /// The workers as this master reaches them.
    pub slots: Slots,
    /// The health issues of this node.
    pub health: HealthStatus,
    /// Set while this master accepts no instances, because another one reaches the workers.
    pub not_accepting: Arc<AtomicBool>,
}
