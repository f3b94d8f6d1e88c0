//! Holds a call open at every other node to notice the end of its process early.
//!
//! The kernel closes the connections of a process that ends, which is sooner than its lease runs out. An open call
//! proves nothing: a frozen process keeps it open. Its end is a hint, which others judge.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ids::Incarnation;
use tokio::task::JoinHandle;

use super::client::Links;

/// Time between two readings of the members.
const MEMBERS_INTERVAL: Duration = Duration::from_millis(200);

/// Pause after a call that ended early, while its end is being judged.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Watches every other living node until the process ends.
pub async fn watch_peers(links: Links) {
    let mut watched: BTreeMap<_, JoinHandle<()>> = BTreeMap::new();
    loop {
        let peers = links.peers();
        watched.retain(|peer, watch| {
            let is_living = peers.contains(peer);
            if !is_living {
                watch.abort();
            }
            is_living
        });
        for peer in peers {
            let watch = || actix_rt::spawn(watch_peer(links.clone(), peer));
            watched.entry(peer).or_insert_with(watch);
        }
        tokio::time::sleep(MEMBERS_INTERVAL).await;
    }
}

/// Holds one call after the other open at a node.
async fn watch_peer(links: Links, peer: Incarnation) {
    loop {
        if links.hold_open(peer).await.is_err() {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}
