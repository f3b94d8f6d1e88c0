//! How masters reach workers and workers reach masters; in process here, over HTTP in `src/rpc`.

use actix::prelude::*;
use async_trait::async_trait;
use engine::ids::Incarnation;

use crate::master::{FreeSlots, MasterActor, Reports};
use crate::protocol::{
    Adopt, AdoptAnswer, Dispatch, DispatchReply, Kill, KillAnswer, Owner, Report, ReportAnswer,
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
    async fn adopt(&self, to: Incarnation, batch: Vec<Adopt>) -> Result<Vec<AdoptAnswer>, LinkError>;

    /// Asks for the slots that this master may use beyond what it has in flight.
    async fn hello(&self, to: Incarnation, from: &Owner) -> Result<u32, LinkError>;
}

/// The way from a worker to masters.
#[async_trait]
pub trait MasterLink: Send + Sync + 'static {
    /// Reports to the owner of the attempts; answers after the owner has stored them, in the batch's order.
    async fn report(&self, to: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError>;

    /// Tells a master that slots came free.
    async fn slots(&self, to: &Owner, worker: Incarnation, free: u32) -> Result<(), LinkError>;
}

/// The way from the worker of this process to its master.
#[derive(Clone, Debug)]
pub struct InProcess {
    /// The only master that this worker can have.
    pub master: Addr<MasterActor>,
}

#[async_trait]
impl MasterLink for InProcess {
    async fn report(&self, _: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        self.master
            .send(Reports(batch))
            .await
            .map_err(|_| LinkError::NoAnswer("the master".to_owned()))
    }

    async fn slots(&self, _: &Owner, worker: Incarnation, free: u32) -> Result<(), LinkError> {
        self.master
            .send(FreeSlots { worker, free })
            .await
            .map_err(|_| LinkError::NoAnswer("the master".to_owned()))
    }
}
