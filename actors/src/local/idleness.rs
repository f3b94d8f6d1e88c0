//! Whether a node that drains has anything left to store.

use std::time::{Duration, Instant};

use actix::prelude::*;

use crate::execution::db_actor::DbActor;
use crate::local::node_actors::MasterActors;
use crate::messages::IsIdle;
use crate::messages::master::CountInstances;

/// The interval at which the actors of a node that drains are asked.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Waits until nothing is left to be stored: the writer has no work, or no instance is left, and no outcome of a delivery
/// is missing, without which its message would be sent again.
pub(crate) async fn wait_until_idle(db: &Addr<DbActor>, masters: &MasterActors, within: Duration) {
    let until = Instant::now() + within;
    while Instant::now() < until && !is_idle(db, masters).await {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn is_idle(db: &Addr<DbActor>, masters: &MasterActors) -> bool {
    let delivers = match &masters.alerts {
        Some(alerts) => !alerts.send(IsIdle).await.unwrap_or(true),
        None => false,
    };
    let stores = !db.send(IsIdle).await.unwrap_or(false);
    !delivers && (!stores || masters.supervisor.send(CountInstances).await.unwrap_or(0) == 0)
}
