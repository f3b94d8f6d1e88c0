//! Tests of connections by a worker of a group.

use engine::connection::ResolvedConnection;
use ports::connections::ConnectionTest;
use ports::peers::Peers;
use ports::rpc::client::RpcClient;
use ports::rpc::transport::CallError;

/// Lets an active worker of a group connect; another one when the first surely did not get the call.
pub(super) async fn test_from_group(
    peers: &Peers,
    rpc: &RpcClient,
    group: &str,
    connection: ResolvedConnection,
) -> ConnectionTest {
    let mut failure = format!("no worker of the group `{group}` is active");
    for worker in peers.active_workers(group) {
        match rpc.test_connection(worker.incarnation, connection.clone()).await {
            Ok(test) => return test,
            Err(error) => {
                tracing::warn!(worker = %worker.incarnation, %error, "a worker did not test a connection");
                failure = format!("the worker {} did not answer in time", worker.name);
                if matches!(error, CallError::NoAnswer(_)) {
                    break;
                }
            }
        }
    }
    ConnectionTest::failed(failure)
}
