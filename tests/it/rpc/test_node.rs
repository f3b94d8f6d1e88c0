//! Nodes of a cluster in this process, each with a server on a port of its own.

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actors::in_process::InProcess;
use async_trait::async_trait;
use engine::ids::{Epoch, Generation, Incarnation, Timestamp};
use engine::states::MemberState;
use ports::peers::Peers;
use ports::protocol::{LeaseAnswer, Owner, ReportAnswer};
use ports::rpc::calls::{Call, MasterCall, MasterReply, Reply};
use ports::rpc::client::RpcClient;
use ports::rpc::transport::{CallError, Destination, Transport};
use ports::{Member, MemberStatus, NodeIdentity};
use primitives::secret::Secret;
use rpc::{HttpConfig, HttpTransport, Key, ServerConfig, serve};
use runner::log_files::LogFiles;
use tokio::sync::Notify;

/// The key of a secret that repeats one letter.
pub(super) fn key(letter: char) -> Key {
    Key::from_secret(&Secret::new(letter.to_string().repeat(32))).unwrap()
}

/// An incarnation at an address.
pub(super) fn identity(incarnation: i64, host: &str) -> NodeIdentity {
    NodeIdentity {
        incarnation: Incarnation(incarnation),
        host: host.to_owned(),
        name: format!("node-{incarnation}"),
        generation: Generation(1),
    }
}

/// The row of a live node.
pub(super) fn live_member(node: &NodeIdentity) -> MemberStatus {
    MemberStatus {
        member: Member {
            incarnation: node.incarnation,
            name: node.name.clone(),
            host: node.host.clone(),
            roles: vec!["master".to_owned(), "worker".to_owned()],
            state: MemberState::Active,
            joined_at: Timestamp(0),
            slots: 4,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
        },
        heartbeat_age_ms: 0,
    }
}

/// An owner at that address.
pub(super) fn owner(node: &NodeIdentity) -> Owner {
    Owner {
        incarnation: node.incarnation,
        host: node.host.clone(),
        generation: node.generation,
        epoch: Epoch(1),
    }
}

/// A node that answers on a port of its own until it is dropped.
pub(super) struct TestNode {
    /// The node that answers.
    pub(super) node: NodeIdentity,
    /// Notified when it has to drain, where it answers with this process.
    pub(super) drain_signal: Arc<Notify>,
    handle: ServerHandle,
}

impl TestNode {
    /// Serves a node without roles.
    pub(super) fn serve(incarnation: i64) -> Self {
        Self::serve_logs(incarnation, Path::new("/nowhere"))
    }

    /// Serves a node without roles that has the logs of a folder.
    pub(super) fn serve_logs(incarnation: i64, logs: &Path) -> Self {
        let (node, listener) = bind(incarnation);
        let drain_signal = Arc::new(Notify::new());
        let logs = Arc::new(LogFiles::in_folder(logs));
        let local = InProcess::new(node.clone(), logs, Arc::clone(&drain_signal));
        Self::start(node, listener, Arc::new(local), drain_signal)
    }

    /// Serves a node that answers as scripted.
    pub(super) fn serve_with(incarnation: i64, local: Arc<dyn Transport>) -> Self {
        let (node, listener) = bind(incarnation);
        Self::start(node, listener, local, Arc::default())
    }

    fn start(
        node: NodeIdentity,
        listener: TcpListener,
        local: Arc<dyn Transport>,
        drain_signal: Arc<Notify>,
    ) -> Self {
        let served = ServerConfig {
            this_node: node.incarnation,
            key: key('k'),
            local,
            pause_detector: Default::default(),
        };
        let server = serve(served, listener).unwrap();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self {
            node,
            drain_signal,
            handle,
        }
    }

    /// Stops it and waits until its port is closed.
    pub(super) async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        // The order is given here; the test does not wait until it is carried out.
        drop(self.handle.stop(false));
    }
}

fn bind(incarnation: i64) -> (NodeIdentity, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    (identity(incarnation, &host), listener)
}

/// A transport of an incarnation that answers its own calls with `local`.
pub(super) fn transport(this_node: i64, key: Key, peers: Peers, local: Arc<dyn Transport>) -> HttpConfig {
    HttpConfig {
        this_node: Incarnation(this_node),
        key,
        peers,
        local,
        pause_detector: Default::default(),
        on_broken_connection: Arc::new(|_| {}),
    }
}

/// A caller that serves nothing itself, and the hints that it was given.
pub(super) struct Caller {
    /// Calls the nodes that it knows.
    pub(super) rpc: RpcClient,
    hints: Arc<Mutex<Vec<Incarnation>>>,
}

impl Caller {
    /// Knows these nodes.
    pub(super) fn new(key: Key, incarnation: i64, known: &[&NodeIdentity]) -> Self {
        let peers = Peers::default();
        let rows = known.iter().map(|node| live_member(node)).collect();
        peers.update(rows, tokio::time::Instant::now());
        let hints: Arc<Mutex<Vec<Incarnation>>> = Arc::default();
        let hinted = Arc::clone(&hints);
        let config = HttpConfig {
            on_broken_connection: Arc::new(move |node| hinted.lock().unwrap().push(node)),
            ..transport(incarnation, key, peers, Arc::new(RecordingMaster::default()))
        };
        let rpc = RpcClient::new(Arc::new(HttpTransport::new(config)));
        Self { rpc, hints }
    }

    /// The incarnations whose connections were refused or broke.
    pub(super) fn hints(&self) -> Vec<Incarnation> {
        self.hints.lock().unwrap().clone()
    }
}

/// A node that records calls to its master, and answers them with success.
#[derive(Default)]
pub(super) struct RecordingMaster {
    calls: Mutex<Vec<String>>,
    /// The time that it takes to answer a report.
    delay: Duration,
}

impl RecordingMaster {
    /// Answers reports after a delay.
    pub(super) fn slow(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    fn record(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    /// The calls so far.
    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    async fn answer(&self, to: &Destination, call: MasterCall) -> MasterReply {
        match call {
            MasterCall::Report { owner, batch } => {
                self.record(format!("report of {} to {}", batch.len(), owner.incarnation));
                tokio::time::sleep(self.delay).await;
                let answers = vec![ReportAnswer::Stored; batch.len()];
                MasterReply::Reported { answers }
            }
            MasterCall::Relay { batch } => {
                self.record(format!("relay of {} to {to}", batch.len()));
                let answers = vec![ReportAnswer::Stored; batch.len()];
                MasterReply::Reported { answers }
            }
            MasterCall::OfferSlots { owner, worker, free } => {
                self.record(format!("{free} slots of {worker} to {}", owner.incarnation));
                MasterReply::Done {}
            }
            MasterCall::RenewLeases { owner, worker, batch } => {
                let count = batch.len();
                self.record(format!("{count} leases of {worker} to {}", owner.incarnation));
                let answers = vec![LeaseAnswer::Granted; count];
                MasterReply::Leases { answers }
            }
            MasterCall::CheckInbox { instance, wait_ms } => {
                self.record(format!("inbox of {instance} for {wait_ms} ms"));
                MasterReply::Done {}
            }
            MasterCall::LookAgain { instances, tasks } => {
                self.record(format!(
                    "look again at {} instances, {} tasks",
                    instances.len(),
                    tasks.len()
                ));
                MasterReply::Done {}
            }
            MasterCall::Reconcile {} => {
                self.record("reconcile".to_owned());
                MasterReply::Done {}
            }
            MasterCall::CheckLimits { limits } => {
                self.record(format!("{} limits", limits.len()));
                MasterReply::Done {}
            }
            MasterCall::ReachableWorkers {} => {
                self.record("reachable workers".to_owned());
                let workers = vec![Incarnation(4)];
                MasterReply::ReachableWorkers { workers }
            }
        }
    }
}

#[async_trait]
impl Transport for RecordingMaster {
    async fn call(&self, to: Destination, call: Call) -> Result<Reply, CallError> {
        match call {
            Call::Master(call) => Ok(Reply::Master(self.answer(&to, call).await)),
            Call::Worker(_) | Call::Node(_) => Err(CallError::NotDelivered(to.to_string())),
        }
    }
}
