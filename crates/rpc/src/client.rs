//! The three links over HTTP; what is for this very process takes the short way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actors::links::{LinkError, MasterLink, PeerLink, Ping, WorkerLink};
use actors::membership::peers::Peers;
use actors::ports::NodeIdentity;
use actors::protocol::{
    Dispatch, DispatchReply, Kill, KillAnswer, LeaseRequest, Owner, ReattachAnswer, ReattachRequest, Report,
    ReportAnswer,
};
use async_trait::async_trait;
use engine::ids::{DispatchId, Incarnation, InstanceId};
use reqwest::Client;

use super::request::{self, Answer, Endpoint, Failure, Request};
use super::roles::Roles;
use super::signature::Key;
use super::wire::{self, RpcRequest};
use actors::ports::LogPart;

/// Called with the life whose connection was refused or broke: it may be gone. Never waits.
pub type Hint = Arc<dyn Fn(Incarnation) + Send + Sync>;

/// The way to every node of the cluster, this one included. Clones share the connections.
#[derive(Clone)]
pub struct Links {
    inner: Arc<Inner>,
}

struct Inner {
    me: NodeIdentity,
    key: Key,
    peers: Peers,
    roles: Roles,
    hint: Hint,
    /// One pool for each life: the next life at the same address shares nothing with the last.
    pools: Mutex<BTreeMap<Incarnation, Client>>,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links")
            .field("me", &self.inner.me.incarnation)
            .finish_non_exhaustive()
    }
}

impl Links {
    /// Makes the links of this life. Addresses come from `peers`; what is for `me` goes to `roles` directly.
    pub fn new(me: NodeIdentity, key: Key, peers: Peers, roles: Roles, hint: Hint) -> Self {
        Self {
            inner: Arc::new(Inner {
                me,
                key,
                peers,
                roles,
                hint,
                pools: Mutex::default(),
            }),
        }
    }

    /// Reads a part of a log from the node where its attempt ran.
    ///
    /// # Errors
    /// Try again later; reading twice is harmless.
    pub async fn read_log(
        &self,
        to: Incarnation,
        uid: &DispatchId,
        (offset, limit): (u64, u64),
    ) -> Result<LogPart, LinkError> {
        let host = self.host_of(to)?;
        let ask = wire::ReadLog {
            uid: *uid,
            offset,
            limit,
        };
        let answer = self.send(to, &host, &ask).await?;
        Ok(LogPart {
            next_offset: offset.saturating_add(answer.body.len() as u64),
            bytes: answer.body,
            size: answer.size.unwrap_or_default(),
        })
    }

    /// Holds a call open at a life until it is answered, or the connection ends; then the hint has been given.
    pub(super) async fn hold_open(&self, to: Incarnation) -> Result<(), LinkError> {
        self.ask(to, &wire::HoldOpen).await
    }

    /// Lists every other life.
    pub(super) fn peers(&self) -> Vec<Incarnation> {
        let living = self.inner.peers.living();
        let lives = living.iter().map(|seen| seen.member.incarnation);
        lives.filter(|life| !self.is_me(*life)).collect()
    }

    fn is_me(&self, to: Incarnation) -> bool {
        to == self.inner.me.incarnation
    }

    fn own_worker(&self, to: Incarnation) -> Result<Option<&dyn WorkerLink>, LinkError> {
        if !self.is_me(to) {
            return Ok(None);
        }
        own(self.inner.roles.worker(), "worker").map(Some)
    }

    fn own_master(&self, to: Incarnation) -> Result<Option<&dyn actors::links::LocalMaster>, LinkError> {
        if !self.is_me(to) {
            return Ok(None);
        }
        own(self.inner.roles.master(), "master").map(Some)
    }

    /// After a pause: waits until this node has read its own row.
    async fn revalidate(&self, to: Incarnation) -> Result<(), LinkError> {
        if self.inner.roles.pause_detector().is_revalidated().await {
            return Ok(());
        }
        Err(LinkError::NotDelivered(format!(
            "life {to}, because this node was paused and has not read its own row since,"
        )))
    }

    fn host_of(&self, to: Incarnation) -> Result<String, LinkError> {
        let member = self.inner.peers.get(to);
        member
            .map(|member| member.host)
            .ok_or_else(|| LinkError::NotDelivered(format!("life {to}, which no living node has,")))
    }

    /// The owner's own word on where it is serves when its row has not been read yet.
    fn host_of_owner(&self, to: &Owner) -> String {
        self.host_of(to.incarnation).unwrap_or_else(|_| to.host.clone())
    }

    async fn ask<A: RpcRequest>(&self, to: Incarnation, ask: &A) -> Result<A::Answer, LinkError> {
        let host = self.host_of(to)?;
        self.ask_at(to, &host, ask).await
    }

    async fn ask_at<A: RpcRequest>(
        &self,
        to: Incarnation,
        host: &str,
        ask: &A,
    ) -> Result<A::Answer, LinkError> {
        let answer = self.send(to, host, ask).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            tracing::warn!(life = %to, host, path = A::PATH, %error, "an answer cannot be read");
            LinkError::NoAnswer(named(to, host))
        })
    }

    async fn send<A: RpcRequest>(&self, to: Incarnation, host: &str, ask: &A) -> Result<Answer, LinkError> {
        let sent = match self.pool(to) {
            Ok(client) => self.once(&client, (to, host), ask).await,
            Err(failure) => Err(failure),
        };
        sent.map_err(|failure| {
            self.note(to, host, &failure);
            if failure.surely_not_delivered() {
                LinkError::NotDelivered(named(to, host))
            } else {
                LinkError::NoAnswer(named(to, host))
            }
        })
    }

    async fn once<A: RpcRequest>(
        &self,
        client: &Client,
        (to, host): (Incarnation, &str),
        ask: &A,
    ) -> Result<Answer, Failure> {
        let body = serde_json::to_vec(ask).map_err(|error| Failure::Unreachable(error.to_string()))?;
        let endpoint = Endpoint {
            client,
            key: &self.inner.key,
            from: self.inner.me.incarnation,
            to,
            host,
        };
        let request = Request {
            path: A::PATH,
            body,
            deadline: ask.deadline(),
        };
        endpoint.send(request).await
    }

    /// Says in the log what a person can mend, and passes on what may be a death.
    fn note(&self, to: Incarnation, host: &str, failure: &Failure) {
        if matches!(failure, Failure::Declined { status: 401, .. }) {
            tracing::error!(life = %to, host, "a node refuses our signature: its cluster secret is another one");
        } else {
            tracing::debug!(life = %to, host, %failure, "a call to another node failed");
        }
        if failure.hints_at_death() {
            (self.inner.hint)(to);
        }
    }

    /// Returns the pool of a life. Making one drops those of lives that are over.
    fn pool(&self, to: Incarnation) -> Result<Client, Failure> {
        let mut pools = self.inner.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = pools.get(&to) {
            return Ok(client.clone());
        }
        let client = request::client().map_err(Failure::Unreachable)?;
        pools.retain(|life, _| self.inner.peers.get(*life).is_some());
        pools.insert(to, client.clone());
        Ok(client)
    }
}

/// Returns a role of this node.
fn own<T>(role: Option<T>, name: &str) -> Result<T, LinkError> {
    role.ok_or_else(|| LinkError::NotDelivered(format!("the {name} of this node")))
}

fn named(to: Incarnation, host: &str) -> String {
    format!("life {to} at {host}")
}

#[async_trait]
impl WorkerLink for Links {
    async fn dispatch(&self, to: Incarnation, batch: Vec<Dispatch>) -> Result<DispatchReply, LinkError> {
        self.revalidate(to).await?;
        match self.own_worker(to)? {
            Some(worker) => worker.dispatch(to, batch).await,
            None => self.ask(to, &wire::DispatchBatch(batch)).await,
        }
    }

    async fn kill(&self, to: Incarnation, batch: Vec<Kill>) -> Result<Vec<KillAnswer>, LinkError> {
        self.revalidate(to).await?;
        match self.own_worker(to)? {
            Some(worker) => worker.kill(to, batch).await,
            None => self.ask(to, &wire::KillBatch(batch)).await,
        }
    }

    async fn adopt(
        &self,
        to: Incarnation,
        batch: Vec<ReattachRequest>,
    ) -> Result<Vec<ReattachAnswer>, LinkError> {
        self.revalidate(to).await?;
        match self.own_worker(to)? {
            Some(worker) => worker.adopt(to, batch).await,
            None => self.ask(to, &wire::AdoptBatch(batch)).await,
        }
    }

    async fn hello(&self, to: Incarnation, from: &Owner) -> Result<u32, LinkError> {
        match self.own_worker(to)? {
            Some(worker) => worker.hello(to, from).await,
            None => self.ask(to, &wire::Hello(from.clone())).await,
        }
    }
}

#[async_trait]
impl MasterLink for Links {
    async fn report(&self, to: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        if let Some(master) = self.own_master(to.incarnation)? {
            return master.report(to, batch).await;
        }
        let ask = wire::ReportBatch {
            to: to.clone(),
            batch,
        };
        self.ask_at(to.incarnation, &self.host_of_owner(to), &ask).await
    }

    async fn relay(&self, to: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        match self.own_master(to)? {
            Some(master) => master.relay(to, batch).await,
            None => self.ask(to, &wire::RelayBatch(batch)).await,
        }
    }

    async fn slots(&self, to: &Owner, worker: Incarnation, free: u32) -> Result<(), LinkError> {
        if let Some(master) = self.own_master(to.incarnation)? {
            return master.slots(to, worker, free).await;
        }
        let ask = wire::SlotsFree {
            to: to.clone(),
            worker,
            free,
        };
        self.ask_at(to.incarnation, &self.host_of_owner(to), &ask).await
    }

    async fn renew(
        &self,
        to: &Owner,
        worker: Incarnation,
        batch: Vec<LeaseRequest>,
    ) -> Result<Vec<bool>, LinkError> {
        if let Some(master) = self.own_master(to.incarnation)? {
            return master.renew(to, worker, batch).await;
        }
        let ask = wire::Renewals {
            to: to.clone(),
            worker,
            batch,
        };
        self.ask_at(to.incarnation, &self.host_of_owner(to), &ask).await
    }
}

#[async_trait]
impl PeerLink for Links {
    /// Always by a new connection, since an old one says nothing about who listens now.
    async fn ping(&self, host: &str) -> Ping {
        let Ok(client) = request::client() else {
            return Ping::Silent;
        };
        match self
            .once(&client, (wire::ANY_INCARNATION, host), &wire::Ping)
            .await
        {
            Ok(answer) => serde_json::from_slice(&answer.body).map_or(Ping::Silent, Ping::Alive),
            Err(Failure::Refused) => Ping::Refused,
            Err(_) => Ping::Silent,
        }
    }

    async fn poke(&self, to: Incarnation, id: InstanceId, wait: Duration) -> Result<(), LinkError> {
        match self.own_master(to)? {
            Some(master) => master.poke(id, wait).await,
            None => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                self.ask(to, &wire::Poke { id, wait_ms }).await
            }
        }
    }

    async fn nudge(&self, to: Incarnation) -> Result<(), LinkError> {
        match self.own_master(to)? {
            Some(master) => master.nudge().await,
            None => self.ask(to, &wire::Nudge).await,
        }
    }

    async fn reached(&self, to: Incarnation) -> Result<Vec<Incarnation>, LinkError> {
        match self.own_master(to)? {
            Some(master) => master.reached().await,
            None => self.ask(to, &wire::Reached).await,
        }
    }

    async fn drain(&self, to: Incarnation) -> Result<(), LinkError> {
        if self.is_me(to) {
            self.inner.roles.drain();
            return Ok(());
        }
        self.ask(to, &wire::Drain).await
    }
}
