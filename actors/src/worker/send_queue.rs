//! Reports to masters: one batch in flight to each, repeated until the master has stored it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use engine::ids::{DispatchId, Incarnation};

use ports::protocol::{Owner, Report, ReportAnswer};
use ports::rpc::client::RpcClient;
use ports::rpc::transport::CallError;

/// The first pause after a batch that achieved nothing; doubles up to `MAX_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause between two batches to one master.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The largest batch of reports.
const MAX_BATCH: usize = 500;

/// Batches in a row that achieve nothing before results go to another master than the owner.
const RELAY_AFTER: u32 = 2;

/// Time after which a master that has not answered is asked again.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// What waits to be sent to one master.
#[derive(Debug)]
struct MasterQueue {
    owner: Owner,
    ready: BTreeSet<DispatchId>,
    /// A batch is in flight, or a pause is running.
    is_held: bool,
    failures: u32,
}

/// The queues of all masters that have something to store.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    queues: HashMap<Incarnation, MasterQueue>,
}

/// The master that a batch goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportTarget {
    /// The owner of the attempts.
    Owner,
    /// A master that keeps the results for their owner.
    Relay(Incarnation),
}

/// A batch that was sent.
pub(crate) struct SentBatch {
    /// The reports.
    pub(crate) reports: Vec<Report>,
    /// The answers in their order, or why there are none.
    pub(crate) answers: Result<Vec<ReportAnswer>, CallError>,
}

impl SendQueue {
    /// Queues an attempt for a master.
    pub(crate) fn push(&mut self, owner: &Owner, uid: DispatchId) {
        let queue = self
            .queues
            .entry(owner.incarnation)
            .or_insert_with(|| MasterQueue {
                owner: owner.clone(),
                ready: BTreeSet::new(),
                is_held: false,
                failures: 0,
            });
        queue.ready.insert(uid);
    }

    /// Takes a batch for a master, unless one is in flight or a pause is running.
    pub(crate) fn take_batch(&mut self, master: Incarnation) -> Option<(Owner, Vec<DispatchId>)> {
        let queue = self.queues.get_mut(&master)?;
        if queue.is_held {
            return None;
        }
        let mut batch = Vec::with_capacity(MAX_BATCH.min(queue.ready.len()));
        while batch.len() < MAX_BATCH
            && let Some(uid) = queue.ready.pop_first()
        {
            batch.push(uid);
        }
        if batch.is_empty() {
            self.queues.remove(&master);
            return None;
        }
        queue.is_held = true;
        Some((queue.owner.clone(), batch))
    }

    /// Chooses the target of the next batch: after some failures every second one goes to another master in turn,
    /// since the owner may be dead or unreachable from here.
    pub(crate) fn target(&self, owner: Incarnation, masters: &[Incarnation]) -> ReportTarget {
        let failures = self.queues.get(&owner).map_or(0, |queue| queue.failures);
        if failures < RELAY_AFTER || failures % 2 == 1 {
            return ReportTarget::Owner;
        }
        let others: Vec<Incarnation> = masters
            .iter()
            .copied()
            .filter(|master| *master != owner)
            .collect();
        let turn = usize::try_from(failures / 2).unwrap_or(0);
        match others.get(turn % others.len().max(1)) {
            Some(other) => ReportTarget::Relay(*other),
            None => ReportTarget::Owner,
        }
    }

    /// Something of the batch was stored, or nothing was left to send: the next batch may go at once.
    pub(crate) fn complete_batch(&mut self, master: Incarnation) {
        if let Some(queue) = self.queues.get_mut(&master) {
            queue.is_held = false;
            queue.failures = 0;
        }
    }

    /// The batch achieved nothing: returns the pause after which `end_pause` is due.
    pub(crate) fn fail_batch(&mut self, master: Incarnation) -> Duration {
        let Some(queue) = self.queues.get_mut(&master) else {
            return FIRST_PAUSE;
        };
        let pause = FIRST_PAUSE.saturating_mul(1 << queue.failures.min(5));
        queue.failures = queue.failures.saturating_add(1);
        pause.min(MAX_PAUSE)
    }

    /// The next batch may go.
    pub(crate) fn end_pause(&mut self, master: Incarnation) {
        if let Some(queue) = self.queues.get_mut(&master) {
            queue.is_held = false;
        }
    }

    /// Returns the masters that have something to store.
    pub(crate) fn masters(&self) -> Vec<Incarnation> {
        self.queues.keys().copied().collect()
    }
}

/// Sends a batch.
pub(crate) async fn send_reports(
    masters: RpcClient,
    owner: Owner,
    target: ReportTarget,
    reports: Vec<Report>,
) -> SentBatch {
    let batch = reports.clone();
    let sent = async {
        match target {
            ReportTarget::Owner => masters.report(&owner, batch).await,
            ReportTarget::Relay(other) => masters.relay(other, batch).await,
        }
    };
    let answers = tokio::time::timeout(REPORT_TIMEOUT, sent)
        .await
        .unwrap_or_else(|_| Err(CallError::NoAnswer(owner.host.clone())));
    SentBatch { reports, answers }
}

#[cfg(test)]
mod tests;
