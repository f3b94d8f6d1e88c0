//! The protocol between masters and a worker over HTTP: the same cases as in process.

use std::sync::{Arc, Mutex};

use actors::testing::worker::TransportUnderTest;
use async_trait::async_trait;
use engine::ids::Incarnation;
use ports::NodeIdentity;
use ports::rpc::client::RpcClient;
use ports::rpc::transport::Transport;

use super::test_node::{Caller, TestNode, key};

actors::worker_protocol!(Http::default());

/// A server for each incarnation of the cases, each on a port of its own.
#[derive(Default)]
struct Http {
    nodes: Mutex<Vec<TestNode>>,
}

#[async_trait(?Send)]
impl TransportUnderTest for Http {
    async fn to_masters(&self, from: Incarnation, masters: Arc<dyn Transport>) -> RpcClient {
        let serve = |incarnation| TestNode::serve_with(incarnation, Arc::clone(&masters));
        let nodes: Vec<TestNode> = (1..=3).map(serve).collect();
        let known: Vec<&NodeIdentity> = nodes.iter().map(|node| &node.node).collect();
        let caller = Caller::new(key('k'), from.0, &known);
        self.nodes.lock().unwrap().extend(nodes);
        caller.rpc
    }

    async fn to_worker(&self, to: Incarnation, worker: Arc<dyn Transport>) -> RpcClient {
        let node = TestNode::serve_with(to.0, worker);
        // A master believes that the worker is at this address in every incarnation that a case names.
        let other = NodeIdentity {
            incarnation: Incarnation(6),
            ..node.node.clone()
        };
        let caller = Caller::new(key('k'), 1, &[&node.node, &other]);
        self.nodes.lock().unwrap().push(node);
        caller.rpc
    }
}
