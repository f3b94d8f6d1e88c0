//! Whether every part of this process makes progress: its arbiters, the database, and the registry's heartbeats.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::ArbiterHandle;
use parking_lot::Mutex;
use tokio::sync::watch;

/// The interval at which an arbiter marks its probe.
const TICK: Duration = Duration::from_millis(500);

/// Time without a tick after which an arbiter counts as stalled.
const STALL_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Time without a stored heartbeat after which the database counts as out of reach.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// When one part of the process last made progress.
#[derive(Debug)]
struct LivenessProbe {
    part: &'static str,
    timeout: Duration,
    /// Milliseconds since the monitor was made.
    marked_at: AtomicU64,
}

impl LivenessProbe {
    fn new(part: &'static str, timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            part,
            timeout,
            marked_at: AtomicU64::new(0),
        })
    }
}

/// A part of the process that makes no progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StalledPart {
    /// Its name.
    pub(crate) part: &'static str,
    /// How long it has made none.
    pub(crate) stalled_for: Duration,
}

/// The probes of the whole process. Clones share them.
#[derive(Debug, Clone)]
pub struct LivenessMonitor {
    origin: Instant,
    probes: Arc<Mutex<Vec<Arc<LivenessProbe>>>>,
    store: Arc<LivenessProbe>,
    /// When the registry last accepted a heartbeat, in milliseconds since the monitor was made.
    registry_accepted_at: Arc<AtomicU64>,
    /// Why the registry has accepted no heartbeat for longer than its lease, while that is so.
    heartbeat_failure: watch::Sender<Option<String>>,
}

impl Default for LivenessMonitor {
    fn default() -> Self {
        let store = LivenessProbe::new("database", STORE_TIMEOUT);
        Self {
            origin: Instant::now(),
            probes: Arc::new(Mutex::new(vec![Arc::clone(&store)])),
            store,
            registry_accepted_at: Arc::default(),
            heartbeat_failure: watch::Sender::new(None),
        }
    }
}

impl LivenessMonitor {
    /// Records that the database has stored a heartbeat of this node.
    pub fn mark_store(&self) {
        self.mark(&self.store);
    }

    /// Makes an arbiter mark a probe of its own from now on.
    pub fn watch_arbiter(&self, part: &'static str, arbiter: &ArbiterHandle) {
        let probe = LivenessProbe::new(part, STALL_TIMEOUT);
        self.mark(&probe);
        self.probes.lock().push(Arc::clone(&probe));
        let monitor = self.clone();
        arbiter.spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                monitor.mark(&probe);
            }
        });
    }

    /// Waits until the registry has accepted no heartbeat for longer than its lease, and returns why. Returns at once
    /// while that is so.
    pub async fn heartbeat_failure(&self) -> String {
        let mut failures = self.heartbeat_failure.subscribe();
        let failure = failures
            .wait_for(Option::is_some)
            .await
            .map(|reason| reason.clone());
        failure.ok().flatten().unwrap_or_default()
    }

    /// Records that the registry has accepted a heartbeat.
    pub(crate) fn heartbeat_accepted(&self) {
        self.registry_accepted_at.store(self.now_ms(), Ordering::Relaxed);
        self.heartbeat_failure
            .send_if_modified(|reason| reason.take().is_some());
    }

    /// Returns the time since the registry last accepted a heartbeat.
    pub(crate) fn registry_silence(&self) -> Duration {
        let accepted_at = self.registry_accepted_at.load(Ordering::Relaxed);
        Duration::from_millis(self.now_ms().saturating_sub(accepted_at))
    }

    /// Records why the registry has accepted no heartbeat for longer than its lease.
    pub(crate) fn heartbeat_failed(&self, reason: String) {
        self.heartbeat_failure.send_replace(Some(reason));
    }

    /// Returns the first part that makes no progress.
    pub(crate) fn stalled_part(&self) -> Option<StalledPart> {
        let now = self.origin.elapsed();
        self.probes.lock().iter().find_map(|probe| {
            let marked_at = Duration::from_millis(probe.marked_at.load(Ordering::Relaxed));
            let stalled_for = now.saturating_sub(marked_at);
            (stalled_for > probe.timeout).then_some(StalledPart {
                part: probe.part,
                stalled_for,
            })
        })
    }

    fn mark(&self, probe: &LivenessProbe) {
        probe.marked_at.store(self.now_ms(), Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalled(monitor: &LivenessMonitor) -> Option<&'static str> {
        monitor.stalled_part().map(|stalled| stalled.part)
    }

    #[test]
    fn a_store_that_takes_no_heartbeats_holds_the_heartbeat() {
        let mut monitor = LivenessMonitor::default();
        assert_eq!(stalled(&monitor), None, "it has just begun");
        monitor.origin -= STORE_TIMEOUT + Duration::from_secs(1);
        assert_eq!(stalled(&monitor), Some("database"));
        monitor.mark_store();
        assert_eq!(stalled(&monitor), None);
    }

    #[actix_rt::test]
    async fn an_arbiter_that_stalls_holds_the_heartbeat() {
        let monitor = LivenessMonitor::default();
        let arbiter = actix::Arbiter::new();
        monitor.watch_arbiter("actors", &arbiter.handle());
        arbiter.spawn_fn(|| std::thread::sleep(Duration::from_secs(3)));
        tokio::time::sleep(Duration::from_millis(2_300)).await;
        assert_eq!(stalled(&monitor), Some("actors"));
        arbiter.stop();
    }
}
