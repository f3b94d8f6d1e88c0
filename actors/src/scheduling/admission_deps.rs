//! What the actor of admissions is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::prelude::*;

use crate::ownership::master_actor::MasterActor;
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::rpc::client::RpcClient;
use ports::{NodeIdentity, Store};

/// What the actor of admissions is made of.
#[derive(Clone)]
pub struct AdmissionDeps {
    /// This incarnation of this node: the owner of what it admits.
    pub this_node: NodeIdentity,
    /// The database's clock.
    pub clock: Clock,
    /// The store.
    pub store: Arc<dyn Store>,
    /// Runs what was admitted.
    pub master: Addr<MasterActor>,
    /// The way to the owners of instances that have to stop.
    pub rpc: RpcClient,
    /// Says when a place may have come free.
    pub commit_events: CommitBroadcast,
    /// Set while this master accepts no instances.
    pub not_accepting: Arc<AtomicBool>,
}

impl AdmissionDeps {
    /// Whether this master accepts instances.
    pub(crate) fn is_accepting(&self) -> bool {
        !self.not_accepting.load(Ordering::Relaxed)
    }
}
