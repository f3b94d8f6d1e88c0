//! What the dispatch actor is started with.

use std::sync::Arc;

use actix::prelude::*;

use crate::execution::lease_grants::LeaseGrants;
use crate::execution::slots::Slots;
use crate::messages::workflow::WorkerDead;
use ports::MembershipStore;
use ports::clock::Clock;
use ports::connections::ConnectionSource;
use ports::rpc::client::RpcClient;
use ports::secrets::SecretSource;

/// What the actor works with.
#[derive(Clone)]
pub struct DispatchDeps {
    /// Calls workers.
    pub rpc: RpcClient,
    /// The members.
    pub store: Arc<dyn MembershipStore>,
    /// The values of secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// Leases of exclusive attempts.
    pub leases: LeaseGrants,
    /// Slots of workers.
    pub slots: Slots,
    /// Receives the workers that are dead.
    pub deaths: Recipient<WorkerDead>,
    /// The connections that tasks name.
    pub connections: Arc<dyn ConnectionSource>,
    /// The database's time.
    pub clock: Clock,
}
