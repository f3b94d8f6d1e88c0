//! The client of all nodes: one method per call.

use std::sync::Arc;
use std::time::Duration;

use engine::connection::ResolvedConnection;
use engine::ids::{DispatchId, Incarnation, InstanceId, TaskIndex};

use super::calls::{Call, MasterCall, MasterReply, NodeCall, NodeReply, Reply, WorkerCall, WorkerReply};
use super::transport::{CallError, Destination, Transport};
use crate::connections::ConnectionTest;
use crate::protocol::{
    Dispatch, DispatchReply, Kill, KillAnswer, LeaseAnswer, LeaseRequest, Owner, ReattachAnswer,
    ReattachRequest, Report, ReportAnswer,
};
use crate::{LimitKey, LogPart};

/// What a ping found at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingOutcome {
    /// This incarnation answered.
    Alive(Incarnation),
    /// No process listens there: the connection was refused.
    Refused,
    /// No reply in time, or none that can be believed.
    Silent,
}

/// Calls nodes over a transport; clones share it.
///
/// # Errors
/// Every method fails as [`Transport::call`] does: after `NoAnswer` the call may have had its effect.
#[derive(Clone)]
pub struct RpcClient(Arc<dyn Transport>);

#[expect(clippy::missing_errors_doc, reason = "all calls fail alike, as the type says")]
impl RpcClient {
    /// Makes a client over a transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self(transport)
    }

    /// Sends attempts to a worker.
    pub async fn dispatch(&self, to: Incarnation, batch: Vec<Dispatch>) -> Result<DispatchReply, CallError> {
        match self.call_worker(to, WorkerCall::Dispatch { batch }).await? {
            WorkerReply::Dispatched(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    /// Orders attempts to end; the answers are in the order of the batch.
    pub async fn kill(&self, to: Incarnation, batch: Vec<Kill>) -> Result<Vec<KillAnswer>, CallError> {
        match self.call_worker(to, WorkerCall::Kill { batch }).await? {
            WorkerReply::Killing { answers } => Ok(answers),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks a worker for the state of open attempts; the answers are in the order of the batch.
    pub async fn reattach(
        &self,
        to: Incarnation,
        batch: Vec<ReattachRequest>,
    ) -> Result<Vec<ReattachAnswer>, CallError> {
        match self.call_worker(to, WorkerCall::Reattach { batch }).await? {
            WorkerReply::Reattached { answers } => Ok(answers),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for the slots that this master may use beyond what it has in flight.
    pub async fn poll_slots(&self, to: Incarnation, from: &Owner) -> Result<u32, CallError> {
        let from = from.clone();
        match self.call_worker(to, WorkerCall::PollSlots { from }).await? {
            WorkerReply::FreeSlots { free } => Ok(free),
            other => Err(unexpected(&other)),
        }
    }

    /// Lets a worker connect and log in by a connection.
    pub async fn test_connection(
        &self,
        to: Incarnation,
        connection: ResolvedConnection,
    ) -> Result<ConnectionTest, CallError> {
        match self
            .call_worker(to, WorkerCall::TestConnection { connection })
            .await?
        {
            WorkerReply::ConnectionTested(test) => Ok(test),
            other => Err(unexpected(&other)),
        }
    }

    /// Reports to the owner of the attempts; returns after the owner has stored them, with answers in the batch's
    /// order.
    pub async fn report(&self, owner: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, CallError> {
        let (to, owner) = (Destination::from(owner), owner.clone());
        match self.call_master(to, MasterCall::Report { owner, batch }).await? {
            MasterReply::Reported { answers } => Ok(answers),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives results to a master that is not the owner, because the owner cannot be reached; returns after they are
    /// stored for the owner, with answers in the batch's order.
    pub async fn relay(&self, to: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, CallError> {
        let to = Destination::Incarnation(to);
        match self.call_master(to, MasterCall::Relay { batch }).await? {
            MasterReply::Reported { answers } => Ok(answers),
            other => Err(unexpected(&other)),
        }
    }

    /// Announces to a master that slots were released.
    pub async fn offer_slots(&self, owner: &Owner, worker: Incarnation, free: u32) -> Result<(), CallError> {
        let (to, owner) = (Destination::from(owner), owner.clone());
        let call = MasterCall::OfferSlots { owner, worker, free };
        master_done(self.call_master(to, call).await?)
    }

    /// Asks the owner for leases of exclusive attempts, which count from when this was sent. Returns one
    /// answer per request, in their order.
    pub async fn renew_leases(
        &self,
        owner: &Owner,
        worker: Incarnation,
        batch: Vec<LeaseRequest>,
    ) -> Result<Vec<LeaseAnswer>, CallError> {
        let (to, owner) = (Destination::from(owner), owner.clone());
        let call = MasterCall::RenewLeases { owner, worker, batch };
        match self.call_master(to, call).await? {
            MasterReply::Leases { answers } => Ok(answers),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a master look at the queues of limits.
    pub async fn check_limits(&self, to: Incarnation, limits: Vec<LimitKey>) -> Result<(), CallError> {
        let call = MasterCall::CheckLimits { limits };
        master_done(self.call_master(Destination::Incarnation(to), call).await?)
    }

    /// Makes a master read the inbox of an instance, and claim the instance when it needs an owner. Returns when that
    /// is decided, at the latest after `wait`.
    pub async fn check_inbox(
        &self,
        to: Incarnation,
        instance: InstanceId,
        wait: Duration,
    ) -> Result<(), CallError> {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let call = MasterCall::CheckInbox { instance, wait_ms };
        master_done(self.call_master(Destination::Incarnation(to), call).await?)
    }

    /// Makes instances of a master look again at what they wait for: all their tasks, or single ones.
    pub async fn look_again(
        &self,
        to: Incarnation,
        instances: Vec<InstanceId>,
        tasks: Vec<(InstanceId, TaskIndex)>,
    ) -> Result<(), CallError> {
        let call = MasterCall::LookAgain { instances, tasks };
        master_done(self.call_master(Destination::Incarnation(to), call).await?)
    }

    /// Makes a master that was given instances compare what it owns with what it runs.
    pub async fn request_reconcile(&self, to: Incarnation) -> Result<(), CallError> {
        let call = MasterCall::Reconcile {};
        master_done(self.call_master(Destination::Incarnation(to), call).await?)
    }

    /// Asks a master for the workers that answer it.
    pub async fn reachable_workers(&self, to: Incarnation) -> Result<Vec<Incarnation>, CallError> {
        let call = MasterCall::ReachableWorkers {};
        match self.call_master(Destination::Incarnation(to), call).await? {
            MasterReply::ReachableWorkers { workers } => Ok(workers),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for the incarnation that listens at an address; waits at most 500 ms.
    pub async fn ping(&self, host: &str) -> PingOutcome {
        let to = Destination::Address(host.to_owned());
        PingOutcome::from(self.0.call(to, Call::Node(NodeCall::Ping {})).await)
    }

    /// Holds a call open at a node until it is answered, or the connection ends.
    pub async fn watch(&self, to: Incarnation) -> Result<(), CallError> {
        node_done(
            self.call_node(Destination::Incarnation(to), NodeCall::Watch {})
                .await?,
        )
    }

    /// Begins the drain of a node.
    pub async fn drain(&self, to: Incarnation) -> Result<(), CallError> {
        node_done(
            self.call_node(Destination::Incarnation(to), NodeCall::Drain {})
                .await?,
        )
    }

    /// Reads a part of a log from the node where its attempt ran.
    pub async fn read_log(
        &self,
        to: Incarnation,
        uid: &DispatchId,
        (offset, limit): (u64, u64),
    ) -> Result<LogPart, CallError> {
        let call = NodeCall::ReadLog {
            uid: *uid,
            offset,
            limit,
        };
        match self.call_node(Destination::Incarnation(to), call).await? {
            NodeReply::Log(part) => Ok(part),
            other => Err(unexpected(&other)),
        }
    }

    async fn call_worker(&self, to: Incarnation, call: WorkerCall) -> Result<WorkerReply, CallError> {
        match self
            .0
            .call(Destination::Incarnation(to), Call::Worker(call))
            .await?
        {
            Reply::Worker(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    async fn call_master(&self, to: Destination, call: MasterCall) -> Result<MasterReply, CallError> {
        match self.0.call(to, Call::Master(call)).await? {
            Reply::Master(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    async fn call_node(&self, to: Destination, call: NodeCall) -> Result<NodeReply, CallError> {
        match self.0.call(to, Call::Node(call)).await? {
            Reply::Node(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }
}

fn master_done(reply: MasterReply) -> Result<(), CallError> {
    match reply {
        MasterReply::Done {} => Ok(()),
        other => Err(unexpected(&other)),
    }
}

fn node_done(reply: NodeReply) -> Result<(), CallError> {
    match reply {
        NodeReply::Done {} => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// A reply to another call proves nothing about this one.
fn unexpected(reply: &dyn std::fmt::Debug) -> CallError {
    tracing::warn!(?reply, "a reply belongs to another call");
    CallError::NoAnswer("the called node".to_owned())
}

impl From<Result<Reply, CallError>> for PingOutcome {
    fn from(reply: Result<Reply, CallError>) -> Self {
        match reply {
            Ok(Reply::Node(NodeReply::Alive { incarnation })) => Self::Alive(incarnation),
            Err(CallError::Refused(_)) => Self::Refused,
            Ok(_) | Err(_) => Self::Silent,
        }
    }
}
