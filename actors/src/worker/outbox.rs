//! Reports on their way: one batch at a time to each master, again and again until it is answered.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use engine::ids::{Incarnation, Uid};

use crate::protocol::Owner;

/// The first wait after a failure; doubles up to `LONGEST_WAIT`.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The way to one master.
#[derive(Debug)]
struct Lane {
    owner: Owner,
    ready: BTreeSet<Uid>,
    busy: bool,
    failures: u32,
}

/// The ways to all masters that are to be told something.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    lanes: HashMap<Incarnation, Lane>,
}

impl Outbox {
    /// Queues a uid for a master.
    pub(super) fn queue(&mut self, owner: &Owner, uid: Uid) {
        let lane = self.lanes.entry(owner.incarnation).or_insert_with(|| Lane {
            owner: owner.clone(),
            ready: BTreeSet::new(),
            busy: false,
            failures: 0,
        });
        lane.ready.insert(uid);
    }

    /// Takes what is queued for a master, at most `limit`, unless a batch is under way or a wait is on.
    pub(super) fn take(&mut self, master: Incarnation, limit: usize) -> Option<(Owner, Vec<Uid>)> {
        let lane = self.lanes.get_mut(&master)?;
        if lane.busy {
            return None;
        }
        let mut taken = Vec::with_capacity(limit.min(lane.ready.len()));
        while taken.len() < limit
            && let Some(uid) = lane.ready.pop_first()
        {
            taken.push(uid);
        }
        if taken.is_empty() {
            self.lanes.remove(&master);
            return None;
        }
        lane.busy = true;
        Some((lane.owner.clone(), taken))
    }

    /// The batch was answered, or there was nothing to tell: the next one may go.
    pub(super) fn done(&mut self, master: Incarnation) {
        if let Some(lane) = self.lanes.get_mut(&master) {
            lane.busy = false;
            lane.failures = 0;
        }
    }

    /// The batch achieved nothing: returns how long to wait until `retry` is due.
    pub(super) fn failed(&mut self, master: Incarnation) -> Duration {
        let Some(lane) = self.lanes.get_mut(&master) else {
            return FIRST_WAIT;
        };
        let wait = FIRST_WAIT
            .saturating_mul(1 << lane.failures.min(5))
            .min(LONGEST_WAIT);
        lane.failures = lane.failures.saturating_add(1);
        wait
    }

    /// Returns how many batches in a row have achieved nothing.
    pub(super) fn failures(&self, master: Incarnation) -> u32 {
        self.lanes.get(&master).map_or(0, |lane| lane.failures)
    }

    /// The wait is over.
    pub(super) fn retry(&mut self, master: Incarnation) {
        if let Some(lane) = self.lanes.get_mut(&master) {
            lane.busy = false;
        }
    }

    /// Returns the masters that are to be told something.
    pub(super) fn masters(&self) -> Vec<Incarnation> {
        self.lanes.keys().copied().collect()
    }
}
