//! The end of every process of an attempt: SIGTERM first, SIGKILL after a grace period.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::proc_fs::send_signal;
use super::tree::ProcessTree;

/// First pause between two scans for processes that are left; it doubles up to [`MAX_SCAN_PAUSE`].
const FIRST_SCAN_PAUSE: Duration = Duration::from_millis(5);

/// Longest pause between two scans.
const MAX_SCAN_PAUSE: Duration = Duration::from_millis(100);

/// Sends SIGTERM to every process, and SIGKILL after `grace` to those that are left; returns when none is, with the
/// number of processes that there were.
pub(super) async fn terminate_tree(tree: ProcessTree, grace: Duration) -> usize {
    let deadline = Instant::now() + grace;
    let mut signalled = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut pause = FIRST_SCAN_PAUSE;
    loop {
        let members = scan_members(&tree).await;
        seen.extend(members.iter().copied());
        if members.is_empty() {
            tree.remove_cgroup();
            return seen.len();
        }
        if Instant::now() >= deadline {
            tree.kill_members(&members);
        } else {
            // A process that was forked after the last scan has had no SIGTERM yet.
            let forked = members.difference(&signalled).copied().collect();
            send_signal(&forked, Signal::SIGTERM);
            signalled.extend(forked);
        }
        let rest = deadline.saturating_duration_since(Instant::now());
        tokio::time::sleep(if rest.is_zero() { pause } else { pause.min(rest) }).await;
        pause = (pause * 2).min(MAX_SCAN_PAUSE);
    }
}

async fn scan_members(tree: &ProcessTree) -> BTreeSet<i32> {
    let tree = tree.clone();
    // Only a runtime that shuts down cancels the scan, and then nothing waits for the result.
    tokio::task::spawn_blocking(move || tree.members())
        .await
        .unwrap_or_default()
}
