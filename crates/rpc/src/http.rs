//! The transport to every node of the cluster: HTTP to others, a plain call to this process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use engine::ids::Incarnation;
use ports::peers::Peers;
use ports::rpc::calls::{Call, NodeCall, Reply};
use ports::rpc::client::PingOutcome;
use ports::rpc::transport::{CallError, Destination, Transport};
use reqwest::Client;

use super::body_cipher::{hide_body, reply_path, reveal_body};
use super::pause_detector::PauseDetector;
use super::request::{self, Endpoint, Failure, Request};
use super::signature::Key;
use super::wire;

/// Called with the incarnation whose connection was refused or broke: it may be dead. Never waits.
pub type OnBrokenConnection = Arc<dyn Fn(Incarnation) + Send + Sync>;

/// What a transport is made of.
pub struct HttpConfig {
    /// This incarnation.
    pub this_node: Incarnation,
    /// Signs calls.
    pub key: Key,
    /// The addresses of nodes.
    pub peers: Peers,
    /// Answers calls to this process.
    pub local: Arc<dyn Transport>,
    /// Consulted before a call acts on attempts.
    pub pause_detector: PauseDetector,
    /// Receives hints of dead nodes.
    pub on_broken_connection: OnBrokenConnection,
}

/// Calls the nodes of a cluster.
pub struct HttpTransport {
    caller: Caller,
    peers: Peers,
    local: Arc<dyn Transport>,
    pause_detector: PauseDetector,
    on_broken_connection: OnBrokenConnection,
    /// One pool for each incarnation: the next one at the same address shares nothing with the last.
    pools: Mutex<BTreeMap<Incarnation, Client>>,
}

/// Signs calls in the name of an incarnation.
struct Caller {
    key: Key,
    from: Incarnation,
}

/// Pings an address before this node has an incarnation.
pub async fn ping(key: &Key, host: &str) -> PingOutcome {
    let caller = Caller {
        key: key.clone(),
        from: wire::ANY_INCARNATION,
    };
    PingOutcome::from(caller.call_address(host, &Call::Node(NodeCall::Ping {})).await)
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("this_node", &self.caller.from)
            .finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// Makes the transport of an incarnation.
    pub fn new(config: HttpConfig) -> Self {
        Self {
            caller: Caller {
                key: config.key,
                from: config.this_node,
            },
            peers: config.peers,
            local: config.local,
            pause_detector: config.pause_detector,
            on_broken_connection: config.on_broken_connection,
            pools: Mutex::default(),
        }
    }

    /// After a pause: waits until this node has read its own row.
    async fn revalidate(&self, to: &Destination) -> Result<(), CallError> {
        if self.pause_detector.is_revalidated().await {
            return Ok(());
        }
        Err(CallError::NotDelivered(format!(
            "{to}, because this node was paused and has not read its own row since,"
        )))
    }

    /// Returns the address of an incarnation. That of an owner serves until its row has been read.
    fn address_of(&self, to: Incarnation, last_known: Option<String>) -> Result<String, CallError> {
        let member = self.peers.get(to).map(|member| member.host);
        member
            .or(last_known)
            .ok_or_else(|| CallError::NotDelivered(format!("incarnation {to}, which no live node has,")))
    }

    async fn call_remote(&self, to: Incarnation, host: &str, call: &Call) -> Result<Reply, CallError> {
        let sent = match self.pool(to) {
            Ok(client) => self.caller.call(&client, (to, host), call).await,
            Err(failure) => Err(failure),
        };
        sent.map_err(|failure| {
            self.report_failure(to, host, call, &failure);
            failure.into_call_error(format!("incarnation {to} at {host}"))
        })
    }

    /// Logs what an operator can fix, and passes on a hint of a death.
    fn report_failure(&self, to: Incarnation, host: &str, call: &Call, failure: &Failure) {
        if matches!(failure, Failure::Declined { status: 401, .. }) {
            tracing::error!(incarnation = %to, host, "a node refuses our signature: its cluster secret is another one");
        } else {
            let (path, on_loss) = (call.path(), call.on_loss());
            tracing::debug!(incarnation = %to, host, path, %on_loss, %failure, "a call to another node failed");
        }
        if failure.hints_at_death() {
            (self.on_broken_connection)(to);
        }
    }

    /// Returns the pool of an incarnation. Making one drops those of dead incarnations.
    fn pool(&self, to: Incarnation) -> Result<Client, Failure> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = pools.get(&to) {
            return Ok(client.clone());
        }
        let client = request::new_client().map_err(Failure::Unreachable)?;
        pools.retain(|incarnation, _| self.peers.get(*incarnation).is_some());
        pools.insert(to, client.clone());
        Ok(client)
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn call(&self, to: Destination, call: Call) -> Result<Reply, CallError> {
        if call.acts_on_attempts() {
            self.revalidate(&to).await?;
        }
        let (incarnation, last_known) = match &to {
            Destination::Address(host) => return self.caller.call_address(host, &call).await,
            Destination::Incarnation(incarnation) => (*incarnation, None),
            Destination::Owner { incarnation, host } => (*incarnation, Some(host.clone())),
        };
        if incarnation == self.caller.from {
            return self.local.call(to, call).await;
        }
        let host = self.address_of(incarnation, last_known)?;
        self.call_remote(incarnation, &host, &call).await
    }
}

impl Caller {
    async fn call(
        &self,
        client: &Client,
        (to, host): (Incarnation, &str),
        call: &Call,
    ) -> Result<Reply, Failure> {
        let endpoint = Endpoint {
            client,
            key: &self.key,
            from: self.from,
            to,
            host,
        };
        let unwritable = |error: String| Failure::Unreachable(error);
        let mut body = wire::encode_call(call).map_err(|error| unwritable(error.to_string()))?;
        if call.holds_secrets() {
            body = hide_body(&self.key, call.path(), body).map_err(|error| unwritable(error.to_string()))?;
        }
        let request = Request {
            path: call.path(),
            body,
            deadline: call.deadline(),
        };
        let body = endpoint.send(request).await?;
        let opened = reveal_body(&self.key, &reply_path(call.path()), &body);
        let opened = opened.map_err(|error| Failure::Unanswered(error.to_string()))?;
        wire::decode_reply(call, &opened).map_err(|error| {
            tracing::warn!(incarnation = %to, host, path = call.path(), %error, "a reply cannot be read");
            Failure::Unanswered(format!("the reply cannot be read: {error}"))
        })
    }

    /// Calls whichever incarnation listens at an address, by a new connection: an old one proves nothing about who
    /// listens now. A failure is no hint, since the caller judges it itself.
    async fn call_address(&self, host: &str, call: &Call) -> Result<Reply, CallError> {
        let called = match request::new_client() {
            Ok(client) => self.call(&client, (wire::ANY_INCARNATION, host), call).await,
            Err(error) => Err(Failure::Unreachable(error)),
        };
        called.map_err(|failure| failure.into_call_error(format!("the node at {host}")))
    }
}
