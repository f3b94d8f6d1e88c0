//! Ends every process of an attempt: asks first, forces later, and returns when all are gone.

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::proc_fs::{self, Family};

/// The waits between two looks grow up to this.
const LONGEST_LOOK: Duration = Duration::from_millis(100);

/// SIGTERM to all, after this time SIGKILL to those that are left; returns when none is.
pub(super) async fn end(family: Family, within: Duration) {
    let deadline = Instant::now() + within;
    let mut asked = BTreeSet::new();
    let mut pause = Duration::from_millis(5);
    loop {
        let members = look(&family).await;
        if members.is_empty() {
            family.forget();
            return;
        }
        if Instant::now() >= deadline {
            family.force(&members);
        } else {
            // A process that was forked after the last look has not been asked yet.
            let fresh = members.difference(&asked).copied().collect();
            proc_fs::signal(&fresh, Signal::SIGTERM);
            asked.extend(fresh);
        }
        let rest = deadline.saturating_duration_since(Instant::now());
        tokio::time::sleep(if rest.is_zero() { pause } else { pause.min(rest) }).await;
        pause = (pause * 2).min(LONGEST_LOOK);
    }
}

async fn look(family: &Family) -> BTreeSet<i32> {
    let family = family.clone();
    // Only a runtime that ends cancels it, and then nobody waits for the answer.
    tokio::task::spawn_blocking(move || family.members())
        .await
        .unwrap_or_default()
}
