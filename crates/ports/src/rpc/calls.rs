//! The calls between nodes with their replies, one enum of each per role.
//!
//! Every call may arrive twice, late, or after a newer one: an attempt is started at most once by its uid, older epochs
//! are refused, and the rest only asks for a reading. A variant or field that is added must not break a node of the
//! version before: it has a default, no variant or field changes its name, and unknown fields are ignored.

use std::fmt;
use std::time::Duration;

use engine::connection::ResolvedConnection;
use engine::ids::{DispatchId, Incarnation, InstanceId, TaskIndex};
use serde::{Deserialize, Serialize};

use crate::connections::ConnectionTest;
use crate::protocol::{
    Dispatch, DispatchReply, Kill, KillAnswer, LeaseAnswer, LeaseRequest, Owner, ReattachAnswer,
    ReattachRequest, Report, ReportAnswer,
};
use crate::{LimitKey, LogPart};

/// The version of the calls and replies; it grows with every change of their shape.
pub const PROTOCOL_VERSION: u32 = 1;

/// Time that a node holds a `Watch` call open before it answers.
pub const WATCH_DURATION: Duration = Duration::from_secs(20);

/// Time that a reply may take beyond the wait that its call grants.
const REPLY_MARGIN: Duration = Duration::from_secs(1);

/// A call to the worker of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerCall {
    /// Runs attempts; answered when they are journaled.
    Dispatch {
        /// The attempts.
        batch: Vec<Dispatch>,
    },
    /// Ends attempts.
    Kill {
        /// The orders.
        batch: Vec<Kill>,
    },
    /// Asks a worker for the state of open attempts; it reports them to the new owner from then on.
    Reattach {
        /// The attempts.
        batch: Vec<ReattachRequest>,
    },
    /// Asks for the slots that a master may use beyond what it has in flight.
    PollSlots {
        /// The master.
        from: Owner,
    },
    /// Connects and logs in by a connection.
    TestConnection {
        /// The connection with its secrets.
        connection: ResolvedConnection,
    },
}

/// The reply of a worker. Answers are in the order of the batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerReply {
    /// To `Dispatch`.
    Dispatched(DispatchReply),
    /// To `Kill`.
    Killing {
        /// One per order.
        answers: Vec<KillAnswer>,
    },
    /// To `Reattach`.
    Reattached {
        /// One per attempt.
        answers: Vec<ReattachAnswer>,
    },
    /// To `PollSlots`.
    FreeSlots {
        /// The number of free slots.
        free: u32,
    },
    /// To `TestConnection`.
    ConnectionTested(ConnectionTest),
}

/// A call to the master of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterCall {
    /// Reports to the owner of the attempts; answered after the owner has stored them.
    Report {
        /// The owner, as the worker knows it.
        owner: Owner,
        /// The reports.
        batch: Vec<Report>,
    },
    /// Gives results to a master other than the owner, which cannot be reached; answered after they are stored for it.
    Relay {
        /// The reports.
        batch: Vec<Report>,
    },
    /// Announces slots that were released.
    OfferSlots {
        /// The master, as the worker knows it.
        owner: Owner,
        /// The worker incarnation.
        worker: Incarnation,
        /// The number of free slots.
        free: u32,
    },
    /// Asks for leases of exclusive attempts, which count from when the call was sent.
    RenewLeases {
        /// The owner, as the worker knows it.
        owner: Owner,
        /// The worker incarnation that runs the attempts.
        worker: Incarnation,
        /// The attempts.
        batch: Vec<LeaseRequest>,
    },
    /// Reads the inbox of an instance, which is claimed when it needs an owner; answered when that is decided.
    CheckInbox {
        /// The instance.
        instance: InstanceId,
        /// Time after which it is answered in any case.
        wait_ms: u64,
    },
    /// What instances wait for may have changed: those that run there look at it.
    LookAgain {
        /// Instances of which every task that waits looks.
        instances: Vec<InstanceId>,
        /// Single tasks that look.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tasks: Vec<(InstanceId, TaskIndex)>,
    },
    /// Compares the instances that the master owns with those that it runs, after a hand-over.
    Reconcile {},
    /// Asks for the workers that answer the master.
    ReachableWorkers {},
    /// Looks at the queues of limits, since the first waiting tasks are those of the master.
    CheckLimits {
        /// The limits; all when there are none.
        limits: Vec<LimitKey>,
    },
}

/// The reply of a master. Answers are in the order of the batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MasterReply {
    /// To `Report` and `Relay`.
    Reported {
        /// One per report.
        answers: Vec<ReportAnswer>,
    },
    /// To `RenewLeases`.
    Leases {
        /// One per request; only an owner that is sure of itself and of the worker grants any.
        answers: Vec<LeaseAnswer>,
    },
    /// To `ReachableWorkers`.
    ReachableWorkers {
        /// The incarnations.
        workers: Vec<Incarnation>,
    },
    /// To every other call.
    Done {},
}

/// A call to a node of any role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeCall {
    /// Asks for the incarnation that listens at an address.
    Ping {},
    /// Answered after `WATCH_DURATION`: until then the open call shows that the process is alive.
    Watch {},
    /// Begins to drain the node.
    Drain {},
    /// Reads a part of a log.
    ReadLog {
        /// The attempt.
        uid: DispatchId,
        /// The first byte.
        offset: u64,
        /// The most bytes.
        limit: u64,
    },
}

/// The reply of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeReply {
    /// To `Ping`.
    Alive {
        /// The incarnation that answers.
        incarnation: Incarnation,
    },
    /// To `ReadLog`.
    Log(LogPart),
    /// To every other call.
    Done {},
}

/// A call to any role.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// To a worker.
    Worker(WorkerCall),
    /// To a master.
    Master(MasterCall),
    /// To a node of any role.
    Node(NodeCall),
}

/// The reply of any role.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Of a worker.
    Worker(WorkerReply),
    /// Of a master.
    Master(MasterReply),
    /// Of a node of any role.
    Node(NodeReply),
}

/// What repairs it when a call is lost, or its reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLoss {
    /// The caller sends the same message again until it is answered or its purpose is gone.
    Resend,
    /// A later call or a poll replaces it.
    NextPoll,
    /// Nothing: the caller passes the error on.
    Fail,
}

impl fmt::Display for OnLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resend => "resend",
            Self::NextPoll => "next poll",
            Self::Fail => "fail",
        })
    }
}

/// The properties of a call: its path, the caller's deadline, what repairs a loss.
type CallProperties = (&'static str, Duration, OnLoss);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl WorkerCall {
    /// A worker decides at once, but writes its journal first. With a second between two polls of its slots, a worker
    /// that does not answer is noticed within three.
    fn properties(&self) -> CallProperties {
        match self {
            Self::Dispatch { .. } => ("/rpc/v1/worker/dispatch", ms(5_000), OnLoss::Resend),
            Self::Kill { .. } => ("/rpc/v1/worker/kill", ms(5_000), OnLoss::Resend),
            Self::Reattach { .. } => ("/rpc/v1/worker/reattach", ms(5_000), OnLoss::Resend),
            Self::PollSlots { .. } => ("/rpc/v1/worker/slots", ms(2_000), OnLoss::NextPoll),
            // The worker itself gives up after 8 s.
            Self::TestConnection { .. } => ("/rpc/v1/worker/test-connection", ms(9_000), OnLoss::Fail),
        }
    }
}

impl MasterCall {
    /// A master answers after its commits, at the latest after one second; some calls read its memory alone.
    fn properties(&self) -> CallProperties {
        match self {
            Self::Report { .. } => ("/rpc/v1/master/report", ms(3_000), OnLoss::Resend),
            Self::Relay { .. } => ("/rpc/v1/master/relay", ms(3_000), OnLoss::Resend),
            Self::OfferSlots { .. } => ("/rpc/v1/master/slots", ms(3_000), OnLoss::NextPoll),
            Self::RenewLeases { .. } => ("/rpc/v1/master/leases", ms(3_000), OnLoss::NextPoll),
            Self::CheckInbox { wait_ms, .. } => {
                let deadline = ms(*wait_ms).saturating_add(REPLY_MARGIN);
                ("/rpc/v1/master/check-inbox", deadline, OnLoss::NextPoll)
            }
            Self::LookAgain { .. } => ("/rpc/v1/master/look-again", ms(3_000), OnLoss::NextPoll),
            Self::Reconcile {} => ("/rpc/v1/master/reconcile", ms(3_000), OnLoss::NextPoll),
            Self::ReachableWorkers {} => ("/rpc/v1/master/reachable-workers", ms(1_000), OnLoss::NextPoll),
            Self::CheckLimits { .. } => ("/rpc/v1/master/check-limits", ms(1_000), OnLoss::NextPoll),
        }
    }
}

impl NodeCall {
    /// A ping asks whether a process answers at all; a log is read from a disk.
    fn properties(&self) -> CallProperties {
        match self {
            Self::Ping {} => ("/rpc/v1/ping", ms(500), OnLoss::Fail),
            Self::Watch {} => {
                let deadline = WATCH_DURATION.saturating_add(REPLY_MARGIN);
                ("/rpc/v1/watch", deadline, OnLoss::Resend)
            }
            Self::Drain {} => ("/rpc/v1/node/drain", ms(3_000), OnLoss::NextPoll),
            Self::ReadLog { .. } => ("/rpc/v1/logs/read", ms(5_000), OnLoss::Fail),
        }
    }
}

impl Call {
    fn properties(&self) -> CallProperties {
        match self {
            Self::Worker(call) => call.properties(),
            Self::Master(call) => call.properties(),
            Self::Node(call) => call.properties(),
        }
    }

    /// Returns the path of the call.
    pub fn path(&self) -> &'static str {
        self.properties().0
    }

    /// Returns the time that the caller waits for the reply, connecting included.
    pub fn deadline(&self) -> Duration {
        self.properties().1
    }

    /// Returns what repairs a lost call.
    pub fn on_loss(&self) -> OnLoss {
        self.properties().2
    }

    /// Whether the call holds secrets, which leave a node only hidden.
    pub fn holds_secrets(&self) -> bool {
        match self {
            Self::Worker(WorkerCall::TestConnection { .. }) => true,
            Self::Worker(WorkerCall::Dispatch { batch }) => {
                let holds =
                    |dispatch: &Dispatch| dispatch.connection.is_some() || !dispatch.secrets.is_empty();
                batch.iter().any(holds)
            }
            Self::Worker(
                WorkerCall::Kill { .. } | WorkerCall::Reattach { .. } | WorkerCall::PollSlots { .. },
            )
            | Self::Master(_)
            | Self::Node(_) => false,
        }
    }

    /// Whether the reply may show secrets, as a log does before it is masked: it leaves a node only hidden.
    pub fn reply_may_show_secrets(&self) -> bool {
        matches!(self, Self::Node(NodeCall::ReadLog { .. }))
    }

    /// Whether the call starts or ends attempts: a node that was paused must know that it is alive before it sends one.
    pub fn acts_on_attempts(&self) -> bool {
        matches!(
            self,
            Self::Worker(WorkerCall::Dispatch { .. } | WorkerCall::Kill { .. } | WorkerCall::Reattach { .. })
        )
    }
}

impl From<WorkerCall> for Call {
    fn from(call: WorkerCall) -> Self {
        Self::Worker(call)
    }
}

impl From<MasterCall> for Call {
    fn from(call: MasterCall) -> Self {
        Self::Master(call)
    }
}

impl From<NodeCall> for Call {
    fn from(call: NodeCall) -> Self {
        Self::Node(call)
    }
}
