//! The isolation of a worker: the attempts that depend on contact with masters.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ids::{DispatchId, Incarnation};
use tokio::time::Instant;

use super::attempts::Attempts;
use super::leases::{LeaseWatch, StopOrder};
use ports::protocol::{Dispatch, LeaseAnswer, LeaseRequest, Owner};
use ports::rpc::client::RpcClient;
use ports::rpc::transport::CallError;

/// Time after which an owner that has not answered a request for leases is asked again.
const LEASE_REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// The attempts that depend on contact with masters.
pub(crate) struct IsolationMonitor {
    leases: LeaseWatch,
    /// Exclusive attempts that wait for their first lease.
    deferred: BTreeMap<DispatchId, Dispatch>,
}

/// What is due.
#[derive(Debug, PartialEq)]
pub(crate) struct IsolationDue {
    /// Attempts to stop.
    pub(crate) stops: Vec<IsolatedStop>,
    /// Leases to request.
    pub(crate) requests: Vec<DispatchId>,
    /// When something is due next.
    pub(crate) next: Option<Instant>,
}

/// An attempt that the worker stops by itself.
#[derive(Debug, PartialEq)]
pub(crate) enum IsolatedStop {
    /// It waits for its first lease: nothing of it runs.
    Deferred(StopOrder),
    /// It may run.
    Running(StopOrder),
}

/// A request for leases that was sent to one owner.
pub(crate) struct SentLeaseRequest {
    batch: Vec<LeaseRequest>,
    sent_at: Instant,
    answers: Result<Vec<LeaseAnswer>, CallError>,
}

impl IsolationMonitor {
    /// Begins without an attempt, as if a master had been in contact.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            leases: LeaseWatch::new(now),
            deferred: BTreeMap::new(),
        }
    }

    /// A master sent a message or answered one.
    pub(crate) fn record_contact(&mut self, now: Instant) {
        self.leases.record_contact(now);
    }

    /// Watches an accepted attempt. Returns it when it may start at once; an exclusive one is deferred until its first
    /// lease.
    pub(crate) fn admit(&mut self, dispatch: Dispatch, now: Instant) -> Option<Dispatch> {
        let uid = dispatch.uid;
        self.leases.watch(uid, dispatch.on_cut_off, now);
        if self.leases.may_start(&uid, now) {
            return Some(dispatch);
        }
        self.deferred.insert(uid, dispatch);
        None
    }

    /// Takes an attempt that is deferred, because it is to be killed.
    pub(crate) fn take_deferred(&mut self, uid: &DispatchId) -> Option<Dispatch> {
        self.deferred.remove(uid)
    }

    /// The attempt may have another owner: its lease is requested at once.
    pub(crate) fn request_now(&mut self, uid: &DispatchId, now: Instant) {
        self.leases.request_now(uid, now);
    }

    /// Nothing of the attempt runs any more.
    pub(crate) fn forget(&mut self, uid: &DispatchId) {
        self.leases.forget(uid);
        self.deferred.remove(uid);
    }

    /// Returns what is due, each once.
    pub(crate) fn take_due(&mut self, now: Instant) -> IsolationDue {
        let due = self.leases.take_due(now);
        let stops = due
            .stops
            .into_iter()
            .map(|stop| match self.deferred.remove(&stop.uid) {
                Some(_) => IsolatedStop::Deferred(stop),
                None => IsolatedStop::Running(stop),
            });
        IsolationDue {
            stops: stops.collect(),
            requests: due.requests,
            next: self.leases.next_due(),
        }
    }

    /// Applies the answers to a request; returns the deferred attempts that have their first lease.
    pub(crate) fn apply_answers(&mut self, request: SentLeaseRequest, now: Instant) -> Vec<Dispatch> {
        let SentLeaseRequest {
            batch,
            sent_at,
            answers,
        } = request;
        if answers.is_ok() {
            self.record_contact(now);
        }
        let answers = answers.unwrap_or_else(|error| {
            tracing::debug!(%error, "leases were not answered");
            Vec::new()
        });
        let mut answers = answers.into_iter();
        let mut startable = Vec::new();
        for LeaseRequest { uid, .. } in batch {
            match answers.next() {
                Some(LeaseAnswer::Granted) => self.leases.grant(&uid, sent_at),
                Some(LeaseAnswer::Denied) | None => self.leases.deny(&uid, now),
            }
            if self.leases.may_start(&uid, now) {
                startable.extend(self.deferred.remove(&uid));
            }
        }
        startable
    }
}

/// Groups requests for leases by the owner that grants them.
pub(crate) fn group_by_owner(
    requests: &[DispatchId],
    attempts: &Attempts,
) -> Vec<(Owner, Vec<LeaseRequest>)> {
    let mut by_owner: BTreeMap<Incarnation, (Owner, Vec<LeaseRequest>)> = BTreeMap::new();
    for uid in requests {
        // The master that sent the attempt is known.
        let Some(owner) = attempts.owner(uid.instance) else {
            continue;
        };
        let (_, batch) = by_owner
            .entry(owner.incarnation)
            .or_insert_with(|| (owner.clone(), Vec::new()));
        batch.push(LeaseRequest {
            uid: *uid,
            epoch: owner.epoch,
        });
    }
    by_owner.into_values().collect()
}

/// Requests leases of one owner. They count from the moment at which this was sent.
pub(crate) async fn request_leases(
    masters: RpcClient,
    worker: Incarnation,
    owner: Owner,
    batch: Vec<LeaseRequest>,
) -> SentLeaseRequest {
    let sent_at = Instant::now();
    let renewed = masters.renew_leases(&owner, worker, batch.clone());
    let answers = tokio::time::timeout(LEASE_REQUEST_TIMEOUT, renewed)
        .await
        .unwrap_or_else(|_| Err(CallError::NoAnswer(owner.host.clone())));
    SentLeaseRequest {
        batch,
        sent_at,
        answers,
    }
}

#[cfg(test)]
mod tests;
