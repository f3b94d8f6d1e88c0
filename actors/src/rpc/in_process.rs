//! Calls to the master of this process.

use std::time::{Duration, Instant};

use actix::prelude::*;
use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId};

use crate::links::{LinkError, LocalMaster, MasterLink};
use crate::messages::master::{
    CheckInbox, DeliverReports, FreeSlots, GetReachableWorkers, InboxStatus, ReconcileNow, RelayReports,
    RenewLeases,
};
use crate::ownership::master_actor::MasterActor;
use crate::protocol::{LeaseRequest, Owner, Report, ReportAnswer};

/// The pause before `CheckInbox` is repeated after it met an ending actor.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// The way to the master of this process.
#[derive(Clone, Debug)]
pub struct InProcess {
    /// The only master that this worker can have.
    pub master: Addr<MasterActor>,
}

impl InProcess {
    /// Repeats `CheckInbox` until the inbox is decided, at the latest until the deadline.
    pub(crate) async fn check_inbox_until(&self, id: InstanceId, deadline: Instant) -> InboxStatus {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.ask(CheckInbox(id))).await {
                Ok(Ok(InboxStatus::Retry)) if left > RETRY_PAUSE => tokio::time::sleep(RETRY_PAUSE).await,
                Ok(Ok(status)) => return status,
                Ok(Err(_)) | Err(_) => return InboxStatus::Retry,
            }
        }
    }

    async fn ask<M>(&self, message: M) -> Result<M::Result, LinkError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        MasterActor: Handler<M>,
        Context<MasterActor>: actix::dev::ToEnvelope<MasterActor, M>,
    {
        let answer = self.master.send(message).await;
        answer.map_err(|_| LinkError::NoAnswer("the master".to_owned()))
    }
}

#[async_trait]
impl MasterLink for InProcess {
    async fn report(&self, _: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        self.ask(DeliverReports(batch)).await
    }

    async fn relay(&self, _: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        self.ask(RelayReports(batch)).await
    }

    async fn slots(&self, _: &Owner, worker: Incarnation, free: u32) -> Result<(), LinkError> {
        self.ask(FreeSlots { worker, free }).await
    }

    async fn renew(
        &self,
        _: &Owner,
        worker: Incarnation,
        batch: Vec<LeaseRequest>,
    ) -> Result<Vec<bool>, LinkError> {
        self.ask(RenewLeases { worker, batch }).await
    }
}

#[async_trait]
impl LocalMaster for InProcess {
    async fn poke(&self, id: InstanceId, wait: Duration) -> Result<(), LinkError> {
        self.check_inbox_until(id, Instant::now() + wait).await;
        Ok(())
    }

    async fn nudge(&self) -> Result<(), LinkError> {
        self.ask(ReconcileNow).await
    }

    async fn reached(&self) -> Result<Vec<Incarnation>, LinkError> {
        self.ask(GetReachableWorkers).await
    }
}
