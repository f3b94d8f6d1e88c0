//! The actors of one node, behind the `Node` facade.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::*;
use async_trait::async_trait;
use engine::ids::{Epoch, Incarnation, InstanceId, Millis, Rev, Run};
use engine::instance::Header;
use engine::states::{InstanceState, MemberState, OwnerWhy};
use tokio::sync::Notify;

use crate::ownership::balance_actor::BalanceActor;
use crate::clock::Clock;
use crate::membership::health::{HealthIssue, HealthStatus};
use crate::execution::db_actor;
use crate::execution::db_actor::DbActor;
use crate::execution::dispatch_actor::DispatchActor;
use crate::ownership::failover_actor::FailoverActor;
use crate::execution::commit_events::CommitBroadcast;
use crate::links::PeerLink;
use crate::rpc::in_process::InProcess;
use crate::messages::master::InboxStatus;
use crate::ownership::master_actor;
use crate::ownership::master_actor::MasterActor;
use crate::node::{Node, SlotUsage};
use crate::membership::peers::Peers;
use crate::ports::{ClaimedInstance, LoadedInstance, NewInstance, NodeIdentity, Store, StoreError, Write, WriteOutcome};
use crate::worker::WorkerHandle;

/// How long a master may take to claim a new instance before nobody waits for its answer any more.
const POKE_NEW: Duration = Duration::from_secs(2);

/// The actors of a master.
#[derive(Clone)]
pub struct MasterActors {
    /// The supervisor of instances.
    pub supervisor: Addr<MasterActor>,
    /// The way to workers.
    pub dispatch: Addr<DispatchActor>,
    /// Takes over.
    pub failover: Addr<FailoverActor>,
    /// Set while this master takes no instances, because another one reaches the workers.
    pub closed: Arc<AtomicBool>,
    /// Gives to others; not where that is switched off or there are none.
    pub balance: Option<Addr<BalanceActor>>,
}

/// The parts of a node in this process, with the ways to others.
pub struct LocalNode {
    /// This life.
    pub me: NodeIdentity,
    /// The database's clock.
    pub clock: Clock,
    /// The store, for reading.
    pub store: Arc<dyn Store>,
    /// Where commits are told.
    pub hub: CommitBroadcast,
    /// The writer.
    pub db: Addr<DbActor>,
    /// The master of this node.
    pub masters: Option<MasterActors>,
    /// The worker of this node.
    pub worker: Option<WorkerHandle>,
    /// Who lives.
    pub peers: Peers,
    /// The way to other nodes.
    pub link: Option<Arc<dyn PeerLink>>,
    /// What a user sees of troubles.
    pub condition: HealthStatus,
    /// Rung when the node is told to drain.
    pub drain_bell: Arc<Notify>,
    /// This node takes nothing new.
    pub draining: Arc<AtomicBool>,
}

/// Where an instance is looked after.
enum Place {
    Here(Addr<MasterActor>),
    At(Arc<dyn PeerLink>, Incarnation),
    Nowhere,
}

impl LocalNode {
    /// Takes nothing new from now on.
    pub fn start_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        if let Some(masters) = &self.masters {
            masters.supervisor.do_send(master::StartDrain);
            masters.failover.do_send(master::StartDrain);
            if let Some(balance) = &masters.balance {
                balance.do_send(master::StartDrain);
            }
        }
    }

    /// The master of this node, as long as it takes instances.
    fn taking(&self) -> Option<&MasterActors> {
        self.masters
            .as_ref()
            .filter(|masters| !self.is_draining() && !masters.closed.load(Ordering::Relaxed))
    }

    /// Finds who should look at the inbox of an instance: its owner, or a master that may take it.
    async fn place_of(&self, id: InstanceId) -> Place {
        let owned = match self.store.owners(&[id]).await {
            Ok(owned) => owned.into_iter().next(),
            Err(error) => {
                tracing::debug!(instance = %id, %error, "the owner could not be read");
                return Place::Nowhere;
            }
        };
        let owner = owned.and_then(|row| row.owner).map(|(owner, _)| owner);
        let owner = owner.filter(|owner| *owner == self.me.incarnation || self.peers.get(*owner).is_some());
        match (owner, &self.masters, self.taking()) {
            (Some(owner), Some(masters), _) if owner == self.me.incarnation => {
                Place::Here(masters.supervisor.clone())
            }
            (Some(owner), _, _) => self.at(Some(owner)),
            (None, _, Some(masters)) => Place::Here(masters.supervisor.clone()),
            (None, _, None) => self.at(self.some_master(id)),
        }
    }

    fn at(&self, whom: Option<Incarnation>) -> Place {
        match (&self.link, whom) {
            (Some(link), Some(whom)) => Place::At(Arc::clone(link), whom),
            _ => Place::Nowhere,
        }
    }

    /// Chooses an active master other than this node for an instance.
    fn some_master(&self, id: InstanceId) -> Option<Incarnation> {
        let mut masters = self.peers.active_masters();
        masters.retain(|member| member.incarnation != self.me.incarnation);
        let turn = usize::try_from(id.0).unwrap_or(0);
        masters
            .get(turn % masters.len().max(1))
            .map(|member| member.incarnation)
    }
}

#[async_trait]
impl Node for LocalNode {
    fn me(&self) -> NodeIdentity {
        self.me.clone()
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn hub(&self) -> CommitBroadcast {
        self.hub.clone()
    }

    async fn create(&self, mut new: NewInstance) -> Result<WriteOutcome, StoreError> {
        new.owner = self.taking().map(|_| self.me.clone());
        let written = db::write(&self.db, Write::Create(new.clone())).await?;
        let WriteOutcome::Created { id } = written else {
            return Ok(written);
        };
        match self.taking() {
            Some(masters) if new.owner.is_some() => {
                let claimed = ClaimedInstance {
                    id,
                    epoch: Epoch(1),
                    why: OwnerWhy::Start,
                    from_owner: None,
                    from_host: None,
                };
                let fresh = Some(Box::new(newborn(id, new, &self.me)));
                masters.supervisor.do_send(master::Adopt { claimed, fresh });
            }
            _ => {
                if let Place::At(link, whom) = self.at(self.some_master(id)) {
                    // A poke that is lost costs one interval of the masters' own look for unowned instances.
                    actix_rt::spawn(async move { link.poke(whom, id, POKE_NEW).await.ok() });
                }
            }
        }
        Ok(written)
    }

    async fn poke(&self, id: InstanceId, wait: Duration) {
        let deadline = Instant::now() + wait;
        if let Some(masters) = self.taking()
            && here(&masters.supervisor).poke_until(id, deadline).await != InboxStatus::Elsewhere
        {
            return;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match self.place_of(id).await {
            Place::Here(master) => {
                here(&master).poke_until(id, deadline).await;
            }
            Place::At(link, whom) => {
                // The caller looks at its row until its deadline, whatever became of the poke.
                if let Err(error) = link.poke(whom, id, left).await {
                    tracing::debug!(instance = %id, owner = %whom, %error, "the owner could not be poked");
                }
            }
            Place::Nowhere => {}
        }
    }

    async fn drain(&self, node: Incarnation) -> Result<(), StoreError> {
        if node == self.me.incarnation {
            self.drain_bell.notify_one();
            return Ok(());
        }
        self.store.set_member_state(node, MemberState::Draining).await?;
        if let Some(link) = &self.link
            && let Err(error) = link.drain(node).await
        {
            tracing::debug!(%node, %error, "not told to drain; its next beat tells it");
        }
        Ok(())
    }

    fn slots(&self) -> SlotUsage {
        self.worker.as_ref().map(WorkerHandle::slots).unwrap_or_default()
    }

    fn troubles(&self) -> Vec<HealthIssue> {
        self.condition.list()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    async fn observe(&self) -> serde_json::Value {
        let worker = match &self.worker {
            Some(worker) => worker.observe().await,
            None => serde_json::Value::Null,
        };
        let masters = self.masters.as_ref();
        let (mut master, mut dispatch) = (None, None);
        if let Some(masters) = masters {
            master = masters.supervisor.send(master::Observe).await.ok();
            dispatch = masters.dispatch.send(crate::messages::Observe).await.ok();
        }
        serde_json::json!({
            "master": master,
            "db": self.db.send(db::Observe).await.ok(),
            "dispatch": dispatch,
            "worker": worker,
        })
    }
}

fn here(master: &Addr<MasterActor>) -> InProcess {
    InProcess {
        master: master.clone(),
    }
}

/// The rows of an instance as its creation has just stored them.
fn newborn(id: InstanceId, new: NewInstance, me: &NodeIdentity) -> LoadedInstance {
    LoadedInstance {
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
