//! The actors of one node, behind the `Node` facade.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use async_trait::async_trait;
use engine::ids::{Epoch, InstanceId, Millis, Rev, Run};
use engine::instance::Header;
use engine::states::{InstanceState, OwnerWhy};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::db::{self, DbActor};
use crate::dispatch::DispatchActor;
use crate::hub::Hub;
use crate::links::{InProcess, LocalMaster};
use crate::master::{self, MasterActor};
use crate::node::{Node, SlotUse};
use crate::ports::{Claimed, Loaded, Me, NewInstance, StoreError, Write, Written};
use crate::worker::WorkerHandle;

/// A node with a master and perhaps a worker, all in this process.
pub struct LocalNode {
    /// This life.
    pub me: Me,
    /// The database's clock.
    pub clock: Clock,
    /// Where commits are told.
    pub hub: Hub,
    /// The writer.
    pub db: Addr<DbActor>,
    /// The supervisor of instances.
    pub master: Addr<MasterActor>,
    /// The way to workers.
    pub dispatch: Addr<DispatchActor>,
    /// The worker of this node.
    pub worker: Option<WorkerHandle>,
    /// Rung when the node is told to drain.
    pub drain_bell: Arc<Notify>,
}

#[async_trait]
impl Node for LocalNode {
    fn me(&self) -> Me {
        self.me.clone()
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn hub(&self) -> Hub {
        self.hub.clone()
    }

    async fn create(&self, mut new: NewInstance) -> Result<Written, StoreError> {
        new.owner = Some(self.me.clone());
        let written = db::write(&self.db, Write::Create(new.clone())).await?;
        if let Written::Created { id } = written {
            let claimed = Claimed {
                id,
                epoch: Epoch(1),
                why: OwnerWhy::Start,
                from_owner: None,
                from_host: None,
            };
            let fresh = Some(Box::new(newborn(id, new, &self.me)));
            self.master.do_send(master::Adopt { claimed, fresh });
        }
        Ok(written)
    }

    async fn poke(&self, id: InstanceId, wait: Duration) {
        let master = InProcess {
            master: self.master.clone(),
        };
        // The caller looks at its inbox row in any case.
        master.poke(id, wait).await.ok();
    }

    fn drain(&self) {
        self.drain_bell.notify_one();
    }

    fn slots(&self) -> SlotUse {
        self.worker.as_ref().map(WorkerHandle::slots).unwrap_or_default()
    }

    async fn observe(&self) -> serde_json::Value {
        let worker = match &self.worker {
            Some(worker) => worker.observe().await,
            None => serde_json::Value::Null,
        };
        serde_json::json!({
            "master": self.master.send(master::Observe).await.ok(),
            "db": self.db.send(db::Observe).await.ok(),
            "dispatch": self.dispatch.send(crate::dispatch::Observe).await.ok(),
            "worker": worker,
        })
    }
}

/// The rows of an instance as its creation has just stored them.
fn newborn(id: InstanceId, new: NewInstance, me: &Me) -> Loaded {
    Loaded {
        id,
        project: new.project,
        workflow: new.workflow,
        workflow_id: new.workflow_id,
        version: new.version,
        project_params: new.project_params,
        start: new.start,
        generation: me.generation,
        epoch: Epoch(1),
        rev: Rev(0),
        created_at: new.at,
        header: first_header(),
        tasks: Vec::new(),
        stray: Vec::new(),
        verbs: Vec::new(),
        results: Vec::new(),
    }
}

/// The row of an instance that nobody has worked on; the store writes the same.
fn first_header() -> Header {
    Header {
        state: InstanceState::Running,
        reason: Some("waiting for a master".to_owned()),
        attention: None,
        run: Run(1),
        due_at: None,
        time_left_ms: None,
        timed_out: false,
        started_at: None::<Millis>,
        ended_at: None,
        outputs: Default::default(),
    }
}
