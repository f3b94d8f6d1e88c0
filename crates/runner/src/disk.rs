//! How full the disk of a node's data folder is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use ports::clock::Clock;
use ports::health::{DISK_FULL, HealthStatus};

/// Percent of use from which a worker starts no new attempt: running attempts and pending rows get the rest.
const FULL_FOR_NEW_ATTEMPTS: u64 = 90;

/// Percent of use from which a node is not ready.
const FULL_FOR_READINESS: u64 = 99;

/// Time between two checks of the disk.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Returns why no new attempt can start on the disk of this folder, if it is too full.
pub fn full_disk_reason(folder: &Path) -> Option<String> {
    let used = used_percent(folder).filter(|used| *used >= FULL_FOR_NEW_ATTEMPTS)?;
    Some(format!("the disk of its data folder is {used} % full"))
}

/// Reports as a health issue of the node whether the disk of its data folder is full; never returns.
pub async fn watch_disk(folder: PathBuf, health: HealthStatus, clock: Clock) {
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let full = used_percent(&folder).is_some_and(|used| used >= FULL_FOR_READINESS);
        let issue = full.then(|| "The disk of the data folder is full: logs of tasks are lost.".to_owned());
        health.set_issue(DISK_FULL, issue, clock.now());
    }
}

/// Returns the used share of what this process may use, as `df` does; none when the system call fails.
fn used_percent(folder: &Path) -> Option<u64> {
    let stat = statvfs(folder).ok()?;
    let used = stat.blocks().saturating_sub(stat.blocks_free());
    let usable = used + stat.blocks_available();
    (used * 100).checked_div(usable)
}
