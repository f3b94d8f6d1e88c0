//! Holds a call open at every other node, so that the end of a process is noticed when the kernel closes its
//! connections, and not only when its lease runs out.
//!
//! An open call proves nothing: a frozen process keeps it open. Its end is a hint, which others judge.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ids::Incarnation;
use tokio::task::JoinHandle;

use super::client::Links;

/// How soon a new node is watched.
const LOOK: Duration = Duration::from_millis(200);

/// The pause after a call that ended early: the hint is being judged.
const PAUSE: Duration = Duration::from_secs(1);

/// Watches every other living node, until the process ends.
pub async fn keep_watch(links: Links) {
    let mut watched: BTreeMap<_, JoinHandle<()>> = BTreeMap::new();
    loop {
        let others = links.others();
        watched.retain(|life, watch| {
            let lives = others.contains(life);
            if !lives {
                watch.abort();
            }
            lives
        });
        for life in others {
            let watch = || actix_rt::spawn(stay(links.clone(), life));
            watched.entry(life).or_insert_with(watch);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Holds one call after the other open at a life.
async fn stay(links: Links, life: Incarnation) {
    loop {
        if links.stay(life).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
