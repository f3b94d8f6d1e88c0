//! Holds a call open at every other node to notice the end of its process early.
//!
//! The kernel closes the connections of a process that ends, which is sooner than its lease runs out. An open call
//! proves nothing: a frozen process keeps it open. Its end is a hint, which others judge.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ids::Incarnation;
use ports::peers::Peers;
use ports::rpc::client::RpcClient;
use tokio::task::JoinHandle;

/// Time between two readings of the members.
const MEMBERS_INTERVAL: Duration = Duration::from_millis(200);

/// Pause after a call that ended early, while its end is being judged.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Watches every live node other than this one until the process ends.
pub async fn watch_peers(this_node: Incarnation, peers: Peers, rpc: RpcClient) {
    let mut watched: BTreeMap<_, JoinHandle<()>> = BTreeMap::new();
    loop {
        let living = peers.living();
        let mut others: Vec<Incarnation> = living.iter().map(|status| status.member.incarnation).collect();
        others.retain(|peer| *peer != this_node);
        watched.retain(|peer, watch| {
            let is_living = others.contains(peer);
            if !is_living {
                watch.abort();
            }
            is_living
        });
        for peer in others {
            let watch = || actix_rt::spawn(watch_peer(rpc.clone(), peer));
            watched.entry(peer).or_insert_with(watch);
        }
        tokio::time::sleep(MEMBERS_INTERVAL).await;
    }
}

/// Holds one call after the other open at a node.
async fn watch_peer(rpc: RpcClient, peer: Incarnation) {
    loop {
        if rpc.watch(peer).await.is_err() {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}
