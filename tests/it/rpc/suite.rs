//! The protocol between masters and a worker over HTTP: the same cases as in process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::links::{LinkError, LocalMaster, MasterLink, WorkerLink};
use actors::ports::NodeIdentity;
use actors::protocol::{LeaseRequest, Owner, Report, ReportAnswer};
use actors::testing::worker::TransportUnderTest;
use async_trait::async_trait;
use engine::ids::{Incarnation, InstanceId};

use super::house::{Caller, Node, key};

actors::worker_protocol!(Http::default());

/// A server for each life that the cases speak of, each on a port of its own.
#[derive(Default)]
struct Http {
    nodes: Mutex<Vec<Node>>,
}

/// The masters of a case, as nodes that nobody pokes.
struct Masters(Arc<dyn MasterLink>);

#[async_trait(?Send)]
impl TransportUnderTest for Http {
    async fn to_masters(&self, from: Incarnation, masters: Arc<dyn MasterLink>) -> Arc<dyn MasterLink> {
        let serve = |life| Node::serve(life).with_master(Arc::new(Masters(Arc::clone(&masters))));
        let nodes: Vec<Node> = (1..=3).map(serve).collect();
        let known: Vec<&NodeIdentity> = nodes.iter().map(|node| &node.me).collect();
        let caller = Caller::of(key('k'), from.0, &known);
        self.nodes.lock().unwrap().extend(nodes);
        Arc::new(caller.links)
    }

    async fn to_worker(&self, to: Incarnation, worker: Arc<dyn WorkerLink>) -> Arc<dyn WorkerLink> {
        let node = Node::serve(to.0).with_worker(worker);
        // A master believes that the worker lives at this address in every life that a case names.
        let other = NodeIdentity {
            incarnation: Incarnation(6),
            ..node.me.clone()
        };
        let caller = Caller::of(key('k'), 1, &[&node.me, &other]);
        self.nodes.lock().unwrap().push(node);
        Arc::new(caller.links)
    }
}

#[async_trait]
impl MasterLink for Masters {
    async fn report(&self, to: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        self.0.report(to, batch).await
    }

    async fn relay(&self, to: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        self.0.relay(to, batch).await
    }

    async fn slots(&self, to: &Owner, worker: Incarnation, free: u32) -> Result<(), LinkError> {
        self.0.slots(to, worker, free).await
    }

    async fn renew(
        &self,
        to: &Owner,
        worker: Incarnation,
        batch: Vec<LeaseRequest>,
    ) -> Result<Vec<bool>, LinkError> {
        self.0.renew(to, worker, batch).await
    }
}

#[async_trait]
impl LocalMaster for Masters {
    async fn poke(&self, _: InstanceId, _: Duration) -> Result<(), LinkError> {
        Err(LinkError::NotDelivered("a master of a case".to_owned()))
    }

    async fn nudge(&self) -> Result<(), LinkError> {
        Err(LinkError::NotDelivered("a master of a case".to_owned()))
    }

    async fn reached(&self) -> Result<Vec<Incarnation>, LinkError> {
        Err(LinkError::NotDelivered("a master of a case".to_owned()))
    }
}
