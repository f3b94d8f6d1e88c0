//! The actors of one node, behind the `Node` facade.

mod connection_tests;
mod idleness;
pub(crate) mod node_actors;
mod observation;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::*;
use async_trait::async_trait;
use engine::connection::ResolvedConnection;
use engine::ids::{Incarnation, InstanceId};
use engine::states::MemberState;
use tokio::sync::Notify;

use crate::execution::db_actor::write_one;
use crate::in_process::check_inbox_until;
use crate::local::connection_tests::test_from_group;
use crate::local::idleness::{POLL_INTERVAL, wait_until_idle};
use crate::local::node_actors::{MasterActors, NodeActors};
use crate::local::observation::observe_actor;
use crate::messages::limits::{LimitsChanged, LookOrigin};
use crate::messages::master::{
    CountInstances, HandOverInstances, HandoverSelection, InboxStatus, ObserveInstance, RunInstance,
};
use crate::messages::membership::LeaveRegistry;
use crate::messages::schedule::SchedulesChanged;
use crate::node_deps::NodeDeps;
use crate::ownership::failover_actor::FailoverActor;
use crate::ownership::master_actor::MasterActor;
use crate::worker::WorkerHandle;
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::connections::ConnectionTest;
use ports::health::{HealthIssue, HealthStatus};
use ports::node::{Node, SlotUsage};
use ports::peers::Peers;
use ports::rpc::client::RpcClient;
use ports::{NewInstance, NodeIdentity, RegistryError, Store, StoreError, Write, WriteOutcome};

/// The longest time for which a master may take to claim a new instance.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);

/// Failed batches after which the remaining instances are left to be claimed as orphans.
const HANDOVER_ATTEMPTS: u32 = 5;

/// The parts of a node in this process, with the ways to others.
pub struct LocalNode {
    this_node: NodeIdentity,
    clock: Clock,
    store: Arc<dyn Store>,
    commit_events: CommitBroadcast,
    actors: NodeActors,
    peers: Peers,
    rpc: RpcClient,
    health: HealthStatus,
    /// Notified when the node has to drain.
    drain_signal: Arc<Notify>,
    /// Set when this node accepts nothing new any more.
    draining: AtomicBool,
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
    /// Makes the facade over the actors that were started with `deps`.
    pub(crate) fn new(deps: NodeDeps, actors: NodeActors, commit_events: CommitBroadcast) -> Self {
        Self {
            this_node: deps.identity(),
            rpc: deps.rpc(),
            clock: deps.clock,
            store: deps.store,
            commit_events,
            actors,
            peers: deps.peers,
            health: deps.health,
            drain_signal: deps.drain_signal,
            draining: AtomicBool::new(false),
        }
    }

    /// Returns the supervisor of the instances of this node; none without that role.
    pub fn master(&self) -> Option<&Addr<MasterActor>> {
        self.actors.masters.as_ref().map(|masters| &masters.supervisor)
    }

    /// Returns the actor that receives suspicions; none without the master's role.
    pub fn failover(&self) -> Option<&Addr<FailoverActor>> {
        self.actors.masters.as_ref().map(|masters| &masters.failover)
    }

    /// Returns the worker of this node; none without that role.
    pub fn worker(&self) -> Option<&WorkerHandle> {
        self.actors.worker.as_ref()
    }

    /// Waits until a user asks this node to drain.
    pub async fn wait_for_drain_request(&self) {
        self.drain_signal.notified().await;
    }

    /// Stores the state of this incarnation.
    ///
    /// # Errors
    /// As the store reports.
    pub async fn store_state(&self, state: MemberState) -> Result<(), StoreError> {
        self.store
            .set_member_state(self.this_node.incarnation, state)
            .await
    }

    /// Accepts nothing new from now on.
    pub fn start_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        if let Some(masters) = &self.actors.masters {
            masters.start_drain();
        }
    }

    /// Hands instances over to the other active masters in turn, while there are any of either.
    pub async fn hand_over_instances(&self, within: Duration) {
        let Some(master) = self.master() else { return };
        let until = Instant::now() + within;
        let mut failures = 0;
        for turn in 0.. {
            let targets = self.other_masters();
            let Some(&target) = targets.get(turn % targets.len().max(1)) else {
                return;
            };
            let before = master.send(CountInstances).await.unwrap_or(0);
            if before == 0 || Instant::now() >= until || failures >= HANDOVER_ATTEMPTS {
                return;
            }
            let batch = HandOverInstances {
                target,
                selection: HandoverSelection::Any,
            };
            let handed_over = tokio::time::timeout_at(until.into(), master.send(batch)).await;
            // Without an answer in time the rest stays with a node that leaves, and is claimed when it has left.
            let Ok(left) = handed_over else { return };
            if left.unwrap_or(0) < before {
                failures = 0;
                // If the call is lost, the target finds them at its next poll.
                self.rpc.request_reconcile(target).await.ok();
            } else {
                failures += 1;
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    /// Waits until nothing is left to be stored: no commit, and no outcome of a delivery that was begun.
    pub async fn wait_until_idle(&self, within: Duration) {
        if let Some(masters) = &self.actors.masters {
            wait_until_idle(&self.actors.db, masters, within).await;
        }
    }

    /// Deregisters this incarnation; nothing registers it again.
    ///
    /// # Errors
    /// As the registry reports: it notices the end of the node by itself.
    pub async fn deregister(&self) -> Result<(), RegistryError> {
        let left = self.actors.registry.send(LeaveRegistry).await;
        left.unwrap_or_else(|error| Err(RegistryError::Unavailable(error.to_string())))
    }

    /// Returns the master of this node, while it accepts instances.
    fn accepting_master(&self) -> Option<&MasterActors> {
        let masters = self.actors.masters.as_ref();
        masters.filter(|masters| !self.is_draining() && !masters.not_accepting.load(Ordering::Relaxed))
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
        match (owner, self.master(), self.accepting_master()) {
            (Some(owner), Some(master), _) if owner == this_node => InboxRoute::Local(master.clone()),
            (Some(owner), _, _) => InboxRoute::Remote(owner),
            (None, _, Some(masters)) => InboxRoute::Local(masters.supervisor.clone()),
            (None, _, None) => self
                .other_master(id)
                .map_or(InboxRoute::Unknown, InboxRoute::Remote),
        }
    }

    /// Selects an active master other than this node for an instance.
    fn other_master(&self, id: InstanceId) -> Option<Incarnation> {
        let masters = self.other_masters();
        let index = usize::try_from(id.0).unwrap_or(0);
        masters.get(index % masters.len().max(1)).copied()
    }

    /// Lets another master claim an instance. If the call is lost, the masters' own scan for orphans finds it.
    fn offer_instance(&self, id: InstanceId) {
        let Some(master) = self.other_master(id) else {
            return;
        };
        let rpc = self.rpc.clone();
        actix_rt::spawn(async move { rpc.check_inbox(master, id, CLAIM_TIMEOUT).await.ok() });
    }

    /// Returns the active masters other than this node.
    fn other_masters(&self) -> Vec<Incarnation> {
        let masters = self.peers.active_masters();
        let others = masters.iter().map(|member| member.incarnation);
        others
            .filter(|master| *master != self.this_node.incarnation)
            .collect()
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
        let outcome = write_one(&self.actors.db, Write::Create(new.clone())).await?;
        let WriteOutcome::Created { id, owner, admission } = &outcome else {
            return Ok(outcome);
        };
        let id = *id;
        match self.accepting_master() {
            Some(masters) if owner.is_some() => {
                let run = RunInstance::created(new, id, self.this_node.generation);
                masters.supervisor.do_send(run.with_admission(admission));
            }
            _ if admission.is_running() => self.offer_instance(id),
            _ => self.places_changed(),
        }
        Ok(outcome)
    }

    fn places_changed(&self) {
        self.commit_events.notify_places();
    }

    fn schedules_changed(&self) {
        if let Some(masters) = &self.actors.masters {
            masters.schedules.do_send(SchedulesChanged);
        }
    }

    fn limits_changed(&self) {
        if let Some(masters) = &self.actors.masters {
            let origin = LookOrigin::User;
            masters.limits.do_send(LimitsChanged { keys: None, origin });
        }
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

    async fn test_connection(&self, worker_group: &str, connection: ResolvedConnection) -> ConnectionTest {
        test_from_group(&self.peers, &self.rpc, worker_group, connection).await
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
        self.worker().map(WorkerHandle::slots).unwrap_or_default()
    }

    fn health_issues(&self) -> Vec<HealthIssue> {
        self.health.issues()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    async fn observe(&self) -> serde_json::Value {
        let worker = match self.worker() {
            Some(worker) => Some(worker.observe().await),
            None => None,
        };
        let masters = self.actors.masters.as_ref();
        serde_json::json!({
            "master": observe_actor(self.master()).await,
            "failover": observe_actor(self.failover()).await,
            "schedules": observe_actor(masters.map(|masters| &masters.schedules)).await,
            "balance": observe_actor(masters.and_then(|masters| masters.balance.as_ref())).await,
            "dependencies": observe_actor(masters.map(|masters| &masters.dependencies)).await,
            "backfill": observe_actor(masters.map(|masters| &masters.backfill)).await,
            "admission": observe_actor(masters.map(|masters| &masters.admission)).await,
            "alerts": observe_actor(masters.and_then(|masters| masters.alerts.as_ref())).await,
            "dispatch": observe_actor(masters.map(|masters| &masters.dispatch)).await,
            "limits": observe_actor(masters.map(|masters| &masters.limits)).await,
            "db": observe_actor(Some(&self.actors.db)).await,
            "registry": observe_actor(Some(&self.actors.registry)).await,
            "worker": worker,
        })
    }

    async fn observe_instance(&self, id: InstanceId) -> Option<serde_json::Value> {
        self.master()?.send(ObserveInstance(id)).await.ok().flatten()
    }
}
