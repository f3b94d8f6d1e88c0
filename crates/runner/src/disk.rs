//! How full the disk of a folder is, and who must know.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::clock::Clock;
use actors::membership::health::{DISK_FULL, HealthStatus};
use nix::sys::statvfs::statvfs;

/// From here on a worker starts nothing new, in percent: what runs and what must be stored gets the rest.
const NO_NEW_WORK: u64 = 90;

/// From here on a node is not ready, in percent.
const FULL: u64 = 99;

/// How often a node looks.
const LOOK: Duration = Duration::from_secs(2);

/// Says why nothing new is to be started on this disk, if it is so.
pub fn refuses(folder: &Path) -> Option<String> {
    let used = used_percent(folder).filter(|used| *used >= NO_NEW_WORK)?;
    Some(format!("the disk of its data folder is {used} % full"))
}

/// Keeps the node's condition true about the disk of its data folder, as long as the process lives.
pub async fn watch(folder: PathBuf, condition: HealthStatus, clock: Clock) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let full = used_percent(&folder).is_some_and(|used| used >= FULL);
        let trouble = full.then(|| "The disk of the data folder is full: logs of tasks are lost.".to_owned());
        condition.set_issue(DISK_FULL, trouble, clock.now());
    }
}

/// The used share of what this process may use, as `df` tells it; none when the system does not say.
fn used_percent(folder: &Path) -> Option<u64> {
    let stat = statvfs(folder).ok()?;
    let used = stat.blocks().saturating_sub(stat.blocks_free());
    let usable = used + stat.blocks_available();
    (used * 100).checked_div(usable)
}
