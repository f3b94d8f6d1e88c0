//! Logs of attempts wherever they ran: files of this node, or of the live node that has the worker's name.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use engine::ids::DispatchId;
use ports::peers::Peers;
use ports::rpc::client::RpcClient;
use ports::{LogPart, LogSource, LogUnavailable};

/// Reads here when the worker has this node's name, else from the node of that name: its files outlive its
/// incarnations.
#[derive(Clone)]
pub struct ClusterLogs {
    /// This node's name.
    pub name: String,
    /// This node's files.
    pub files: Arc<dyn LogSource>,
    /// The live members.
    pub peers: Peers,
    /// Calls the node that has the log.
    pub rpc: RpcClient,
}

impl fmt::Debug for ClusterLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterLogs")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl LogSource for ClusterLogs {
    async fn read(
        &self,
        worker: &str,
        uid: &DispatchId,
        part: (u64, u64),
    ) -> Result<LogPart, LogUnavailable> {
        if worker == self.name {
            return self.files.read(worker, uid, part).await;
        }
        let unavailable = |cause: String| LogUnavailable {
            worker: worker.to_owned(),
            cause,
        };
        let Some(member) = self.peers.named(worker) else {
            return Err(unavailable("no live node has this name".to_owned()));
        };
        let read = self.rpc.read_log(member.incarnation, uid, part).await;
        read.map_err(|error| unavailable(error.to_string()))
    }
}
