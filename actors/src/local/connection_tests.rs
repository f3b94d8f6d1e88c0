//! Tests of connections by a worker of a group.

use std::time::Instant;

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
    let (connection_type, begun) = (connection.connection_type.clone(), Instant::now());
    let answered = ask_workers(peers, rpc, group, connection).await;
    let result = match &answered {
        Ok(test) if test.ok => "ok",
        Ok(_) => "failed",
        Err(_) => "no_worker",
    };
    metrics::histogram!("porpoise_connection_test_seconds", "type" => connection_type, "result" => result)
        .record(begun.elapsed());
    answered.unwrap_or_else(ConnectionTest::failed)
}

/// Returns what a worker found, or why none could be asked.
async fn ask_workers(
    peers: &Peers,
    rpc: &RpcClient,
    group: &str,
    connection: ResolvedConnection,
) -> Result<ConnectionTest, String> {
    let mut failure = format!("no worker of the group `{group}` is active");
    for worker in peers.active_workers(group) {
        match rpc.test_connection(worker.incarnation, connection.clone()).await {
            Ok(test) => return Ok(test),
            Err(error) => {
                tracing::warn!(worker = %worker.incarnation, %error, "a worker did not test a connection");
                failure = format!("the worker {} did not answer in time", worker.name);
                if matches!(error, CallError::NoAnswer(_)) {
                    break;
                }
            }
        }
    }
    Err(failure)
}
