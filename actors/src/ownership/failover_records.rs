//! The records of take-overs that users read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::ids::{Incarnation, Timestamp};

use crate::messages::workflow::RecoveryCounts;
use crate::ownership::orphans::TakeoverBatches;
use ports::backoff::Backoff;
use ports::{FailoverRecord, FailoverStore, NodeIdentity};

/// The longest time for which a record waits for the answers of workers about open attempts.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The interval at which the answers are counted.
const ANSWER_POLL: Duration = Duration::from_millis(100);

/// The pauses before a record that could not be stored is stored again.
const STORE_PAUSE: Backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(1));

/// What this node took over from one dead owner, over all scans.
#[derive(Debug)]
struct TakeoverTotals {
    instances: u32,
    counts: Vec<Arc<RecoveryCounts>>,
    acknowledged_at: Timestamp,
}

/// A record to store, and the counts that it waits for.
#[derive(Debug)]
pub(crate) struct PendingRecord {
    record: FailoverRecord,
    counts: Vec<Arc<RecoveryCounts>>,
}

/// What this node took over, and when the dead owners were missed and declared dead.
#[derive(Debug, Default)]
pub(crate) struct FailoverRecords {
    /// Masters that this node declared dead, until the scan after that is acknowledged.
    declared: BTreeSet<Incarnation>,
    /// When each member was first missed.
    suspected_at: BTreeMap<Incarnation, Timestamp>,
    /// When this node learned that a member is dead.
    ended_at: BTreeMap<Incarnation, Instant>,
    totals: BTreeMap<Incarnation, TakeoverTotals>,
}

impl FailoverRecords {
    /// Records that a member is missed.
    pub(crate) fn record_suspicion(&mut self, suspect: Incarnation, now: Timestamp) {
        self.suspected_at.entry(suspect).or_insert(now);
    }

    /// Records that a missed member is alive.
    pub(crate) fn clear_suspicion(&mut self, suspect: Incarnation) {
        self.suspected_at.remove(&suspect);
    }

    /// Records that this node declared a master dead; it gets a record even if it owned nothing.
    pub(crate) fn record_declaration(&mut self, dead: Incarnation) {
        self.declared.insert(dead);
    }

    /// Records that a member has ended.
    pub(crate) fn record_end(&mut self, dead: Incarnation) {
        self.ended_at.entry(dead).or_insert_with(Instant::now);
    }

    /// Adds a scan whose instances all have their actors, which is the acknowledgement of their take-over. Returns the
    /// records that changed.
    pub(crate) fn acknowledge(
        &mut self,
        batches: TakeoverBatches,
        survivor: &NodeIdentity,
        now: Timestamp,
    ) -> Vec<PendingRecord> {
        let mut changed: BTreeSet<Incarnation> = std::mem::take(&mut self.declared);
        changed.extend(batches.keys());
        for dead in &changed {
            self.totals.entry(*dead).or_insert_with(|| TakeoverTotals {
                instances: 0,
                counts: Vec::new(),
                acknowledged_at: now,
            });
        }
        for (dead, batch) in batches {
            if let Some(totals) = self.totals.get_mut(&dead) {
                totals.instances += batch.instances;
                totals.counts.push(batch.counts);
                totals.acknowledged_at = now;
            }
        }
        changed
            .into_iter()
            .filter_map(|dead| self.pending_record(dead, survivor))
            .collect()
    }

    fn pending_record(&mut self, dead: Incarnation, survivor: &NodeIdentity) -> Option<PendingRecord> {
        let suspected_at = self.suspected_at.remove(&dead);
        let ended_at = self.ended_at.remove(&dead);
        let totals = self.totals.get(&dead)?;
        tracing::warn!(
            dead = %dead, survivor = survivor.host, instances = totals.instances, "take-over acknowledged"
        );
        metrics::counter!("porpoise_failovers_total").increment(1);
        if let Some(ended_at) = ended_at {
            metrics::histogram!("porpoise_failover_duration_seconds")
                .record(ended_at.elapsed().as_secs_f64());
        }
        let record = FailoverRecord {
            dead,
            survivor: survivor.clone(),
            suspected_at,
            acknowledged_at: Some(totals.acknowledged_at),
            instances: totals.instances,
            attempts_reattached: 0,
            attempts_lost: 0,
        };
        Some(PendingRecord {
            record,
            counts: totals.counts.clone(),
        })
    }
}

impl PendingRecord {
    /// Stores the record at once, and again when the workers have answered.
    pub(crate) async fn store(self, store: Arc<dyn FailoverStore>) {
        store_record(&*store, &self.counted()).await;
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        while self.counts.iter().any(|counts| !counts.is_complete()) && Instant::now() < deadline {
            tokio::time::sleep(ANSWER_POLL).await;
        }
        if !self.counts.is_empty() {
            store_record(&*store, &self.counted()).await;
        }
    }

    fn counted(&self) -> FailoverRecord {
        let totals = self.counts.iter().map(|counts| counts.totals());
        let (attempts_reattached, attempts_lost) =
            totals.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        FailoverRecord {
            attempts_reattached,
            attempts_lost,
            ..self.record.clone()
        }
    }
}

/// Tries until the record is stored: a take-over whose record cannot be read would not be acknowledged.
async fn store_record(store: &dyn FailoverStore, record: &FailoverRecord) {
    let mut failures = 0;
    while let Err(error) = store.record_failover(record).await {
        tracing::warn!(dead = %record.dead, %error, "a take-over could not be recorded yet");
        if !error.is_transient() {
            return;
        }
        tokio::time::sleep(STORE_PAUSE.delay(failures)).await;
        failures = failures.saturating_add(1);
    }
}
