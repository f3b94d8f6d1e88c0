//! Answers the calls to this process: its own without a network, those of other nodes after the server.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix::prelude::*;
use async_trait::async_trait;
use engine::ids::InstanceId;
use tokio::sync::Notify;

use crate::messages::master::{
    CheckInbox, CheckLimits, DeliverReports, FreeSlots, GetReachableWorkers, InboxStatus, LookAgainAt,
    LookTarget, ReconcileNow, RelayReports, RenewLeases,
};
use crate::ownership::master_actor::MasterActor;
use crate::worker::WorkerHandle;
use ports::rpc::calls::{
    Call, MasterCall, MasterReply, NodeCall, NodeReply, Reply, WATCH_DURATION, WorkerCall, WorkerReply,
};
use ports::rpc::transport::{CallError, Destination, Transport};
use ports::{LogSource, NodeIdentity};

/// Longest time for which a caller may wait for an inbox.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Pause before `CheckInbox` is repeated after it met an ending actor.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// The roles of this process, each from when it runs; a node without a role never has it. Clones share them.
///
/// The server may be open before the actors run: until then a call to a role is not delivered.
#[derive(Clone)]
pub struct InProcess {
    this_node: NodeIdentity,
    worker: Arc<OnceLock<WorkerHandle>>,
    master: Arc<OnceLock<Addr<MasterActor>>>,
    logs: Arc<dyn LogSource>,
    drain_signal: Arc<Notify>,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess")
            .field("this_node", &self.this_node.incarnation)
            .field("worker", &self.worker.get().is_some())
            .field("master", &self.master.get().is_some())
            .finish_non_exhaustive()
    }
}

impl InProcess {
    /// Makes a node without roles. `drain_signal` is notified when the node has to drain.
    pub fn new(this_node: NodeIdentity, logs: Arc<dyn LogSource>, drain_signal: Arc<Notify>) -> Self {
        Self {
            this_node,
            worker: Arc::default(),
            master: Arc::default(),
            logs,
            drain_signal,
        }
    }

    /// Adds the worker; the first one stays.
    pub fn set_worker(&self, worker: WorkerHandle) {
        self.worker.set(worker).ok();
    }

    /// Adds the master; the first one stays.
    pub fn set_master(&self, master: Addr<MasterActor>) {
        self.master.set(master).ok();
    }

    fn has_no(&self, role: &str) -> CallError {
        CallError::NotDelivered(format!("the {role} of node {}", self.this_node.incarnation))
    }

    async fn answer_as_worker(&self, to: &Destination, call: WorkerCall) -> Result<WorkerReply, CallError> {
        let worker = self.worker.get().ok_or_else(|| self.has_no("worker"))?;
        // The worker itself refuses attempts for another incarnation, and says why.
        let to = match to {
            Destination::Incarnation(to) | Destination::Owner { incarnation: to, .. } => *to,
            Destination::Address(_) => self.this_node.incarnation,
        };
        worker.answer(to, call).await
    }

    async fn answer_as_master(&self, call: MasterCall) -> Result<MasterReply, CallError> {
        let master = self.master.get().ok_or_else(|| self.has_no("master"))?;
        match call {
            MasterCall::Report { owner: _, batch } => {
                let answers = send(master, DeliverReports(batch)).await?;
                Ok(MasterReply::Reported { answers })
            }
            MasterCall::Relay { batch } => {
                let answers = send(master, RelayReports(batch)).await?;
                Ok(MasterReply::Reported { answers })
            }
            MasterCall::OfferSlots {
                owner: _,
                worker,
                free,
            } => {
                send(master, FreeSlots { worker, free }).await?;
                Ok(MasterReply::Done {})
            }
            MasterCall::RenewLeases {
                owner: _,
                worker,
                batch,
            } => {
                let answers = send(master, RenewLeases { worker, batch }).await?;
                Ok(MasterReply::Leases { answers })
            }
            MasterCall::CheckInbox { instance, wait_ms } => {
                let wait = Duration::from_millis(wait_ms).min(LONGEST_WAIT);
                let deadline = Instant::now() + wait;
                check_inbox_until(master, instance, deadline).await;
                Ok(MasterReply::Done {})
            }
            MasterCall::LookAgain { instances, tasks } => {
                let whole = instances.into_iter().map(LookTarget::instance);
                let single = tasks
                    .into_iter()
                    .map(|(instance, task)| LookTarget::task(instance, task));
                send(master, LookAgainAt(whole.chain(single).collect())).await?;
                Ok(MasterReply::Done {})
            }
            MasterCall::Reconcile {} => {
                send(master, ReconcileNow).await?;
                Ok(MasterReply::Done {})
            }
            MasterCall::CheckLimits { limits } => {
                send(master, CheckLimits(limits)).await?;
                Ok(MasterReply::Done {})
            }
            MasterCall::ReachableWorkers {} => {
                let workers = send(master, GetReachableWorkers).await?;
                Ok(MasterReply::ReachableWorkers { workers })
            }
        }
    }

    async fn answer_as_node(&self, call: NodeCall) -> Result<NodeReply, CallError> {
        match call {
            NodeCall::Ping {} => Ok(NodeReply::Alive {
                incarnation: self.this_node.incarnation,
            }),
            NodeCall::Watch {} => {
                tokio::time::sleep(WATCH_DURATION).await;
                Ok(NodeReply::Done {})
            }
            NodeCall::Drain {} => {
                self.drain_signal.notify_one();
                Ok(NodeReply::Done {})
            }
            NodeCall::ReadLog { uid, offset, limit } => {
                let part = self.logs.read(&self.this_node.name, &uid, (offset, limit)).await;
                part.map(NodeReply::Log)
                    .map_err(|error| CallError::NoAnswer(error.to_string()))
            }
        }
    }

    /// Whether a call to a master or a node is for this process. An owner may be an earlier incarnation of a standalone
    /// node, whose only master answers for it.
    fn is_for_this_node(&self, to: &Destination) -> bool {
        match to {
            Destination::Incarnation(incarnation) => *incarnation == self.this_node.incarnation,
            Destination::Owner { .. } => true,
            Destination::Address(_) => false,
        }
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn call(&self, to: Destination, call: Call) -> Result<Reply, CallError> {
        match call {
            Call::Worker(call) => self.answer_as_worker(&to, call).await.map(Reply::Worker),
            _ if !self.is_for_this_node(&to) => Err(CallError::NotDelivered(to.to_string())),
            Call::Master(call) => self.answer_as_master(call).await.map(Reply::Master),
            Call::Node(call) => self.answer_as_node(call).await.map(Reply::Node),
        }
    }
}

/// Repeats `CheckInbox` until the inbox is decided, at the latest until the deadline.
pub(crate) async fn check_inbox_until(
    master: &Addr<MasterActor>,
    id: InstanceId,
    deadline: Instant,
) -> InboxStatus {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, send(master, CheckInbox(id))).await {
            Ok(Ok(InboxStatus::Retry)) if left > RETRY_PAUSE => tokio::time::sleep(RETRY_PAUSE).await,
            Ok(Ok(status)) => return status,
            Ok(Err(_)) | Err(_) => return InboxStatus::Retry,
        }
    }
}

async fn send<M>(master: &Addr<MasterActor>, message: M) -> Result<M::Result, CallError>
where
    M: Message + Send + 'static,
    M::Result: Send,
    MasterActor: Handler<M>,
    Context<MasterActor>: actix::dev::ToEnvelope<MasterActor, M>,
{
    let answer = master.send(message).await;
    answer.map_err(|_| CallError::NoAnswer("the master".to_owned()))
}
