//! The actors of one node, behind the `Node` facade.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::*;
use async_trait::async_trait;
use engine::ids::{Epoch, Incarnation, InstanceId, Revision, Run};
use engine::instance::{InstanceRecord, InstanceRows};
use engine::states::{InstanceState, MemberState, OwnershipReason};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::execution::commit_events::CommitBroadcast;
use crate::execution::db_actor::{DbActor, write_one};
use crate::execution::dispatch_actor::DispatchActor;
use crate::membership::health::{HealthIssue, HealthStatus};
use crate::membership::peers::Peers;
use crate::membership::registry_actor::RegistryActor;
use crate::messages::master::{CountInstances, InboxStatus, ObserveInstance, RunInstance};
use crate::messages::{IsIdle, Observe, StartDrain};
use crate::node::{Node, SlotUsage};
use crate::ownership::balance_actor::BalanceActor;
use crate::ownership::failover_actor::FailoverActor;
use crate::ownership::master_actor::MasterActor;
use crate::ports::{
    ClaimedInstance, LoadedInstance, NewInstance, NodeIdentity, Store, StoreError, Write, WriteOutcome,
};
use crate::rpc::client::RpcClient;
use crate::rpc::in_process::check_inbox_until;
use crate::worker::WorkerHandle;

/// The longest time for which a master may take to claim a new instance.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);

/// The actors of a master.
#[derive(Clone)]
pub struct MasterActors {
    /// The supervisor of instances.
    pub supervisor: Addr<MasterActor>,
    /// The way to workers.
    pub dispatch: Addr<DispatchActor>,
    /// Takes over.
    pub failover: Addr<FailoverActor>,
    /// Set while this master accepts no instances, because another one reaches the workers.
    pub not_accepting: Arc<AtomicBool>,
    /// Hands instances to others; absent where that is switched off or there are none.
    pub balance: Option<Addr<BalanceActor>>,
}

/// The parts of a node in this process, with the ways to others.
pub struct LocalNode {
    /// This incarnation.
    pub this_node: NodeIdentity,
    /// The database's clock.
    pub clock: Clock,
    /// The store, for reading.
    pub store: Arc<dyn Store>,
    /// Where commits are published.
    pub commit_events: CommitBroadcast,
    /// The writer.
    pub db: Addr<DbActor>,
    /// Watches the members.
    pub registry: Addr<RegistryActor>,
    /// The master of this node.
    pub masters: Option<MasterActors>,
    /// The worker of this node.
    pub worker: Option<WorkerHandle>,
    /// The live members.
    pub peers: Peers,
    /// Calls other nodes.
    pub rpc: RpcClient,
    /// The health issues of this node.
    pub health: HealthStatus,
    /// Notified when the node has to drain.
    pub drain_signal: Arc<Notify>,
    /// Set when this node accepts nothing new any more.
    pub draining: Arc<AtomicBool>,
}

/// The master that checks the inbox of an instance.
enum InboxRoute {
    /// The master of this node.
    Local(Addr<MasterActor>),
    /// The master of another node.
    Remote(Incarnation),
    /// No master is known.
    Unknown,
}

impl LocalNode {
    /// Accepts nothing new from now on.
    pub fn start_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        if let Some(masters) = &self.masters {
            masters.supervisor.do_send(StartDrain);
            masters.failover.do_send(StartDrain);
            if let Some(balance) = &masters.balance {
                balance.do_send(StartDrain);
            }
        }
    }

    /// Whether nothing is left to be stored: the writer has no work, or no instance is left.
    pub async fn is_idle(&self) -> bool {
        let Some(masters) = &self.masters else { return true };
        self.db.send(IsIdle).await.unwrap_or(false)
            || masters.supervisor.send(CountInstances).await.unwrap_or(0) == 0
    }

    /// Returns the master of this node, while it accepts instances.
    fn accepting_master(&self) -> Option<&MasterActors> {
        self.masters
            .as_ref()
            .filter(|masters| !self.is_draining() && !masters.not_accepting.load(Ordering::Relaxed))
    }

    /// Finds the master that should check the inbox of an instance: its owner, or one that may claim it.
    async fn inbox_route(&self, id: InstanceId) -> InboxRoute {
        let owned = match self.store.find_owners(&[id]).await {
            Ok(owned) => owned.into_iter().next(),
            Err(error) => {
                tracing::debug!(instance = %id, %error, "the owner could not be read");
                return InboxRoute::Unknown;
            }
        };
        let this_node = self.this_node.incarnation;
        let owner = owned.and_then(|row| row.owner).map(|(owner, _)| owner);
        let owner = owner.filter(|owner| *owner == this_node || self.peers.get(*owner).is_some());
        match (owner, &self.masters, self.accepting_master()) {
            (Some(owner), Some(masters), _) if owner == this_node => {
                InboxRoute::Local(masters.supervisor.clone())
            }
            (Some(owner), _, _) => InboxRoute::Remote(owner),
            (None, _, Some(masters)) => InboxRoute::Local(masters.supervisor.clone()),
            (None, _, None) => self
                .other_master(id)
                .map_or(InboxRoute::Unknown, InboxRoute::Remote),
        }
    }

    /// Selects an active master other than this node for an instance.
    fn other_master(&self, id: InstanceId) -> Option<Incarnation> {
        let mut masters = self.peers.active_masters();
        masters.retain(|member| member.incarnation != self.this_node.incarnation);
        let index = usize::try_from(id.0).unwrap_or(0);
        masters
            .get(index % masters.len().max(1))
            .map(|member| member.incarnation)
    }
}

#[async_trait]
impl Node for LocalNode {
    fn this_node(&self) -> NodeIdentity {
        self.this_node.clone()
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn commit_events(&self) -> CommitBroadcast {
        self.commit_events.clone()
    }

    async fn create_instance(&self, mut new: NewInstance) -> Result<WriteOutcome, StoreError> {
        new.owner = self.accepting_master().map(|_| self.this_node.clone());
        let outcome = write_one(&self.db, Write::Create(new.clone())).await?;
        let WriteOutcome::Created { id, owner } = &outcome else {
            return Ok(outcome);
        };
        let id = *id;
        match self.accepting_master() {
            Some(masters) if owner.is_some() => {
                let claimed = ClaimedInstance {
                    id,
                    epoch: Epoch(1),
                    reason: OwnershipReason::Start,
                    from_owner: None,
                    from_host: None,
                };
                let new_instance = Some(Box::new(created_instance(id, new, &self.this_node)));
                masters.supervisor.do_send(RunInstance {
                    claimed,
                    new_instance,
                });
            }
            _ => {
                if let Some(master) = self.other_master(id) {
                    let rpc = self.rpc.clone();
                    // If it is lost, the masters' own scan for orphans finds the instance.
                    actix_rt::spawn(async move { rpc.check_inbox(master, id, CLAIM_TIMEOUT).await.ok() });
                }
            }
        }
        Ok(outcome)
    }

    async fn notify_owner(&self, id: InstanceId, wait: Duration) {
        let deadline = Instant::now() + wait;
        if let Some(masters) = self.accepting_master()
            && check_inbox_until(&masters.supervisor, id, deadline).await != InboxStatus::OwnedElsewhere
        {
            return;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match self.inbox_route(id).await {
            InboxRoute::Local(master) => {
                check_inbox_until(&master, id, deadline).await;
            }
            InboxRoute::Remote(master) => {
                // The caller polls the row until its deadline, whatever the answer.
                if let Err(error) = self.rpc.check_inbox(master, id, left).await {
                    tracing::debug!(instance = %id, owner = %master, %error, "the owner could not be notified");
                }
            }
            InboxRoute::Unknown => {}
        }
    }

    async fn drain_node(&self, node: Incarnation) -> Result<(), StoreError> {
        if node == self.this_node.incarnation {
            self.drain_signal.notify_one();
            return Ok(());
        }
        self.store.set_member_state(node, MemberState::Draining).await?;
        if let Err(error) = self.rpc.drain(node).await {
            tracing::debug!(%node, %error, "the node could not be notified; it reads its state at its next heartbeat");
        }
        Ok(())
    }

    fn slot_usage(&self) -> SlotUsage {
        self.worker.as_ref().map(WorkerHandle::slots).unwrap_or_default()
    }

    fn health_issues(&self) -> Vec<HealthIssue> {
        self.health.issues()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    async fn observe(&self) -> serde_json::Value {
        let worker = match &self.worker {
            Some(worker) => Some(worker.observe().await),
            None => None,
        };
        let masters = self.masters.as_ref();
        serde_json::json!({
            "master": observe_actor(masters.map(|masters| &masters.supervisor)).await,
            "failover": observe_actor(masters.map(|masters| &masters.failover)).await,
            "balance": observe_actor(masters.and_then(|masters| masters.balance.as_ref())).await,
            "dispatch": observe_actor(masters.map(|masters| &masters.dispatch)).await,
            "db": observe_actor(Some(&self.db)).await,
            "registry": observe_actor(Some(&self.registry)).await,
            "worker": worker,
        })
    }

    async fn observe_instance(&self, id: InstanceId) -> Option<serde_json::Value> {
        let masters = self.masters.as_ref()?;
        masters.supervisor.send(ObserveInstance(id)).await.ok().flatten()
    }
}

async fn observe_actor<A>(actor: Option<&Addr<A>>) -> Option<serde_json::Value>
where
    A: Actor<Context = Context<A>> + Handler<Observe>,
{
    actor?.send(Observe).await.ok()
}

/// Returns an instance as its creation has just stored it.
fn created_instance(id: InstanceId, new: NewInstance, owner: &NodeIdentity) -> LoadedInstance {
    LoadedInstance {
        rows: InstanceRows {
            id,
            generation: owner.generation,
            epoch: Epoch(1),
            revision: Revision(0),
            created_at: new.at,
            record: created_record(),
            tasks: Default::default(),
        },
        project: new.project,
        workflow: new.workflow,
        workflow_id: new.workflow_id,
        version: new.version,
        project_params: new.project_params,
        start: new.start,
        duplicate_open_attempts: Vec::new(),
        commands: Vec::new(),
        results: Vec::new(),
    }
}

/// Returns the row of an instance that no owner has worked on; the store writes the same.
fn created_record() -> InstanceRecord {
    InstanceRecord {
        state: InstanceState::Running,
        reason: Some("waiting for a master".to_owned()),
        attention: None,
        run: Run(1),
        due_at: None,
        time_left_ms: None,
        timed_out: false,
        started_at: None,
        ended_at: None,
        outputs: Default::default(),
    }
}
