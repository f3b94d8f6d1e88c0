//! Sends a batch of messages of one kind to a worker.

use engine::ids::Incarnation;

use crate::execution::dispatch_queue::WorkerMessage;
use crate::execution::worker_replies::BatchReply;
use ports::fail_points::fail_point;
use ports::rpc::client::RpcClient;
use ports::rpc::transport::CallError;

/// Sends a batch; its messages are of one kind.
pub(crate) async fn send_batch(
    rpc: &RpcClient,
    to: Incarnation,
    messages: Vec<WorkerMessage>,
) -> Result<BatchReply, CallError> {
    let (mut dispatches, mut kills, mut queries) = (Vec::new(), Vec::new(), Vec::new());
    for message in messages {
        match message {
            WorkerMessage::Dispatch(dispatch) => dispatches.push(*dispatch),
            WorkerMessage::Kill(kill) => kills.push(kill),
            WorkerMessage::Reattach(query, _) => queries.push(query),
        }
    }
    if !dispatches.is_empty() {
        fail_point("dispatch.before_send");
        let reply = rpc.dispatch(to, dispatches).await?;
        fail_point("dispatch.after_send");
        return Ok(BatchReply::Dispatch(reply.answers, reply.free_slots));
    }
    if !kills.is_empty() {
        return Ok(BatchReply::Kill(rpc.kill(to, kills).await?));
    }
    Ok(BatchReply::Reattach(rpc.reattach(to, queries).await?))
}
