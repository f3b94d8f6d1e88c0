//! Whether a node that drains has anything left to store.

use std::time::{Duration, Instant};

use actix::prelude::*;

use crate::execution::db_actor::DbActor;
use crate::messages::IsIdle;
use crate::messages::master::CountInstances;
use crate::ownership::master_actor::MasterActor;

/// The interval at which the actors of a node that drains are asked.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Waits until nothing is left to be stored: the writer has no work, or no instance is left.
pub(crate) async fn wait_until_idle(db: &Addr<DbActor>, master: &Addr<MasterActor>, within: Duration) {
    let until = Instant::now() + within;
    while Instant::now() < until && !is_idle(db, master).await {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn is_idle(db: &Addr<DbActor>, master: &Addr<MasterActor>) -> bool {
    db.send(IsIdle).await.unwrap_or(false) || master.send(CountInstances).await.unwrap_or(0) == 0
}
