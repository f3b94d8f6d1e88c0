//! What the actor of backfills is made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::prelude::*;

use crate::execution::db_actor::DbActor;
use crate::ownership::master_actor::MasterActor;
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::{NodeIdentity, Store};

/// What the actor of backfills is made of.
#[derive(Clone)]
pub struct BackfillDeps {
    /// This incarnation of this node: the owner of new instances.
    pub this_node: NodeIdentity,
    /// The database's clock.
    pub clock: Clock,
    /// The store, for reading.
    pub store: Arc<dyn Store>,
    /// The writer.
    pub db: Addr<DbActor>,
    /// Runs new instances.
    pub master: Addr<MasterActor>,
    /// Says which backfills change.
    pub commit_events: CommitBroadcast,
    /// Set while this master accepts no instances.
    pub not_accepting: Arc<AtomicBool>,
}

impl BackfillDeps {
    /// Whether this master accepts new instances.
    pub(crate) fn is_accepting(&self) -> bool {
        !self.not_accepting.load(Ordering::Relaxed)
    }
}
