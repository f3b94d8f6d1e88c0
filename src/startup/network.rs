//! The connections of a cluster node to other nodes, and the port at which they reach it.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use actix::Addr;
use actors::in_process::InProcess;
use actors::messages::membership::SuspectPeer;
use actors::ownership::failover_actor::FailoverActor;
use engine::ids::Incarnation;
use ports::peers::Peers;
use ports::rpc::client::RpcClient;
use ports::rpc::transport::Transport;
use ports::{LogSource, NodeIdentity};
use rpc::{HttpConfig, HttpTransport, Key, OnBrokenConnection, PauseDetector, ServerConfig};
use tokio::sync::Notify;

/// The connections of a cluster node to other nodes, and the port at which they reach it.
pub(super) struct Network {
    this_node: Incarnation,
    transport: Arc<dyn Transport>,
    /// Answers the calls to this node.
    local: InProcess,
    peers: Peers,
    pause_detector: PauseDetector,
    /// Notified of refused connections, once it runs.
    failover: Arc<OnceLock<Addr<FailoverActor>>>,
    drain_signal: Arc<Notify>,
    key: Key,
    listener: TcpListener,
    address: SocketAddr,
}

impl Network {
    /// Connects to no node yet; `logs` are those that this node serves to others.
    pub(super) fn new(
        identity: &NodeIdentity,
        key: Key,
        logs: Arc<dyn LogSource>,
        (listener, address): (TcpListener, SocketAddr),
    ) -> Self {
        let drain_signal = Arc::new(Notify::new());
        let local = InProcess::new(identity.clone(), logs, Arc::clone(&drain_signal));
        let peers = Peers::default();
        let failover = Arc::new(OnceLock::<Addr<FailoverActor>>::new());
        let notified = Arc::clone(&failover);
        let on_broken_connection: OnBrokenConnection = Arc::new(move |peer| {
            if let Some(failover) = notified.get() {
                failover.do_send(SuspectPeer(peer));
            }
        });
        let pause_detector = PauseDetector::default();
        let transport = HttpTransport::new(HttpConfig {
            this_node: identity.incarnation,
            key: key.clone(),
            peers: peers.clone(),
            local: Arc::new(local.clone()),
            pause_detector: pause_detector.clone(),
            on_broken_connection,
        });
        Self {
            this_node: identity.incarnation,
            transport: Arc::new(transport),
            local,
            peers,
            pause_detector,
            failover,
            drain_signal,
            key,
            listener,
            address,
        }
    }

    /// The way to other nodes.
    pub(super) fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.transport)
    }

    /// Calls other nodes.
    pub(super) fn rpc(&self) -> RpcClient {
        RpcClient::new(self.transport())
    }

    /// What answers the calls to this node.
    pub(super) fn local(&self) -> InProcess {
        self.local.clone()
    }

    /// The live members.
    pub(super) fn peers(&self) -> Peers {
        self.peers.clone()
    }

    /// Notified when another node passes a drain on.
    pub(super) fn drain_signal(&self) -> Arc<Notify> {
        Arc::clone(&self.drain_signal)
    }

    /// Notices pauses of this process from now on: messages between nodes are held back after one.
    pub(super) fn start_pause_detector(&self) -> PauseDetector {
        actix_rt::spawn(self.pause_detector.clone().run());
        self.pause_detector.clone()
    }

    /// Reports broken connections to the failover actor from now on, and keeps one to each node to notice its end.
    pub(super) fn watch_peers(&self, failover: Addr<FailoverActor>) {
        self.failover.set(failover).ok();
        actix_rt::spawn(rpc::watch_peers(self.this_node, self.peers(), self.rpc()));
    }

    /// The port of the calls of other nodes, and what answers them.
    pub(super) fn served_port(&self) -> std::io::Result<(TcpListener, SocketAddr, ServerConfig)> {
        let config = ServerConfig {
            this_node: self.this_node,
            key: self.key.clone(),
            local: Arc::new(self.local()),
            pause_detector: self.pause_detector.clone(),
        };
        Ok((self.listener.try_clone()?, self.address, config))
    }
}
