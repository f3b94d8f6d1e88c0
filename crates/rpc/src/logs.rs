//! Logs of attempts wherever they ran: files of this node, or of the live node that has the worker's name.

use std::sync::Arc;

use actors::membership::peers::Peers;
use async_trait::async_trait;
use engine::ids::DispatchId;

use super::client::Links;
use actors::ports::{LogPart, LogSource, LogUnavailable};

/// Reads here when the worker has this node's name, else from the node of that name: its files outlive its lives.
#[derive(Debug, Clone)]
pub struct ClusterLogs {
    /// This node's name.
    pub name: String,
    /// This node's files.
    pub files: Arc<dyn LogSource>,
    /// Who lives.
    pub peers: Peers,
    /// The way there.
    pub links: Links,
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
            return Err(unavailable("no living node has this name".to_owned()));
        };
        self.links
            .read_log(member.incarnation, uid, part)
            .await
            .map_err(|error| unavailable(error.to_string()))
    }
}
