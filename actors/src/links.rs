//! How masters reach workers and workers reach masters; in process here, over HTTP in `src/rpc`.

use std::time::Duration;

use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId};

use crate::protocol::{
    Dispatch, DispatchReply, Kill, KillAnswer, LeaseRequest, Owner, ReattachAnswer, ReattachRequest, Report,
    ReportAnswer,
};

/// Why a message may not have arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It surely did not arrive.
    #[error("{0} cannot be reached")]
    NotDelivered(String),
    /// It may have arrived.
    #[error("{0} did not answer")]
    NoAnswer(String),
}

/// The way from a master to workers.
#[async_trait]
pub trait WorkerLink: Send + Sync + 'static {
    /// Sends attempts to a worker life.
    async fn dispatch(&self, to: Incarnation, batch: Vec<Dispatch>) -> Result<DispatchReply, LinkError>;

    /// Orders attempts to end; the answers are in the order of the batch.
    async fn kill(&self, to: Incarnation, batch: Vec<Kill>) -> Result<Vec<KillAnswer>, LinkError>;

    /// Asks a worker life about open attempts; the answers are in the order of the batch.
    async fn adopt(
        &self,
        to: Incarnation,
        batch: Vec<ReattachRequest>,
    ) -> Result<Vec<ReattachAnswer>, LinkError>;

    /// Asks for the slots that this master may use beyond what it has in flight.
    async fn hello(&self, to: Incarnation, from: &Owner) -> Result<u32, LinkError>;
}

/// The way from a worker to masters.
#[async_trait]
pub trait MasterLink: Send + Sync + 'static {
    /// Reports to the owner of the attempts; answers after the owner has stored them, in the batch's order.
    async fn report(&self, to: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError>;

    /// Gives results to a master that is not the owner, because the owner cannot be reached; it keeps them in the
    /// store for whoever owns the instance. Answers after they are stored, in the batch's order.
    async fn relay(&self, to: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError>;

    /// Tells a master that slots came free.
    async fn slots(&self, to: &Owner, worker: Incarnation, free: u32) -> Result<(), LinkError>;

    /// Asks the owner for leases of exclusive attempts, which count from when this was sent. Answers in the batch's
    /// order whether each is granted; only an owner that is sure of itself and of the worker grants any.
    async fn renew(
        &self,
        to: &Owner,
        worker: Incarnation,
        batch: Vec<LeaseRequest>,
    ) -> Result<Vec<bool>, LinkError>;
}

/// What a ping found at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    /// This life answered.
    Alive(Incarnation),
    /// Nobody listens there: the connection was refused.
    Refused,
    /// No answer in time, or one that says nothing.
    Silent,
}

/// The way from any node to any other.
#[async_trait]
pub trait PeerLink: Send + Sync + 'static {
    /// Asks who lives at an address; waits at most 500 ms.
    async fn ping(&self, host: &str) -> Ping;

    /// Makes a master look at the inbox of an instance, and take it when it needs an owner. Answers when that is
    /// decided, at the latest after `wait`.
    async fn poke(&self, to: Incarnation, id: InstanceId, wait: Duration) -> Result<(), LinkError>;

    /// Tells a master that it was given instances: it should compare what it owns with what it runs.
    async fn nudge(&self, to: Incarnation) -> Result<(), LinkError>;

    /// Asks a master which workers answer it.
    async fn reached(&self, to: Incarnation) -> Result<Vec<Incarnation>, LinkError>;

    /// Begins the drain of a node.
    async fn drain(&self, to: Incarnation) -> Result<(), LinkError>;
}

/// The way to other nodes where there are none.
#[derive(Clone, Copy, Debug)]
pub struct NoPeers;

#[async_trait]
impl PeerLink for NoPeers {
    async fn ping(&self, _: &str) -> Ping {
        Ping::Silent
    }

    async fn poke(&self, to: Incarnation, _: InstanceId, _: Duration) -> Result<(), LinkError> {
        Err(LinkError::NotDelivered(format!("node {to}")))
    }

    async fn nudge(&self, to: Incarnation) -> Result<(), LinkError> {
        Err(LinkError::NotDelivered(format!("node {to}")))
    }

    async fn reached(&self, to: Incarnation) -> Result<Vec<Incarnation>, LinkError> {
        Err(LinkError::NotDelivered(format!("node {to}")))
    }

    async fn drain(&self, to: Incarnation) -> Result<(), LinkError> {
        Err(LinkError::NotDelivered(format!("node {to}")))
    }
}

/// The master of a process, with everything that other nodes may ask of it.
#[async_trait]
pub trait LocalMaster: MasterLink {
    /// Makes it look at the inbox of an instance, and take it when it needs an owner. Answers when that is decided,
    /// at the latest after `wait`.
    async fn poke(&self, id: InstanceId, wait: Duration) -> Result<(), LinkError>;

    /// Makes it compare what it owns with what it runs.
    async fn nudge(&self) -> Result<(), LinkError>;

    /// Asks which workers answer it.
    async fn reached(&self) -> Result<Vec<Incarnation>, LinkError>;
}
