//! The records of take-overs that users read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::ids::{Incarnation, Timestamp};

use super::FailoverActor;
use super::sweep::Loots;
use crate::ports::{FailoverRecord, Store};
use crate::workflow::Tally;

/// Workers get this long to say what became of attempts, before the record is left as it is.
const ANSWERS: Duration = Duration::from_secs(15);

/// How often is looked whether all have answered.
const LOOK: Duration = Duration::from_millis(100);

/// What this life took from one dead one, over all sweeps.
#[derive(Debug)]
struct Taken {
    instances: u32,
    tallies: Vec<Arc<Tally>>,
    acknowledged_at: Timestamp,
}

/// What there is to record.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Masters that this life declared dead, until the sweep after it is acknowledged.
    declared: BTreeSet<Incarnation>,
    taken: BTreeMap<Incarnation, Taken>,
}

impl Records {
    /// Notes a declaration; a dead master has a record also when it owned nothing.
    pub(super) fn declared(&mut self, dead: Incarnation, owns: bool) {
        if owns {
            self.declared.insert(dead);
        }
    }

    /// Adds a sweep; returns the dead whose records changed.
    fn add(&mut self, loots: Loots, now: Timestamp) -> Vec<Incarnation> {
        let mut changed: BTreeSet<Incarnation> = std::mem::take(&mut self.declared);
        changed.extend(loots.keys());
        for dead in &changed {
            self.taken.entry(*dead).or_insert_with(|| Taken {
                instances: 0,
                tallies: Vec::new(),
                acknowledged_at: now,
            });
        }
        for (dead, loot) in loots {
            if let Some(taken) = self.taken.get_mut(&dead) {
                taken.instances += loot.instances;
                taken.tallies.push(loot.tally);
                taken.acknowledged_at = now;
            }
        }
        changed.into_iter().collect()
    }
}

impl FailoverActor {
    /// Records a sweep whose instances all have their actors: this is the acknowledgement.
    pub(super) fn acknowledge(&mut self, loots: Loots, ctx: &mut Context<Self>) {
        let changed = self.records.add(loots, self.reach.clock.now());
        for dead in changed {
            let Some(taken) = self.records.taken.get(&dead) else {
                continue;
            };
            tracing::warn!(
                dead = %dead, survivor = self.reach.me.host, instances = taken.instances, "take-over acknowledged"
            );
            metrics::counter!("porpoise_failovers_total").increment(1);
            let record = FailoverRecord {
                dead,
                survivor: self.reach.me.clone(),
                suspected_at: self.missed.remove(&dead),
                acknowledged_at: Some(taken.acknowledged_at),
                instances: taken.instances,
                attempts_reattached: 0,
                attempts_lost: 0,
            };
            let (store, tallies) = (Arc::clone(&self.reach.store), taken.tallies.clone());
            ctx.spawn(keep(store, record, tallies).into_actor(self));
        }
    }
}

/// Stores a record at once, and again when the workers have answered.
async fn keep(store: Arc<dyn Store>, record: FailoverRecord, tallies: Vec<Arc<Tally>>) {
    store_record(&*store, &counted(&record, &tallies)).await;
    let until = Instant::now() + ANSWERS;
    while tallies.iter().any(|tally| !tally.is_complete()) && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    if !tallies.is_empty() {
        store_record(&*store, &counted(&record, &tallies)).await;
    }
}

fn counted(record: &FailoverRecord, tallies: &[Arc<Tally>]) -> FailoverRecord {
    let counts = tallies.iter().map(|tally| tally.counts());
    let (attempts_reattached, attempts_lost) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    FailoverRecord {
        attempts_reattached,
        attempts_lost,
        ..record.clone()
    }
}

/// Tries until the record is stored: a take-over that nobody can read of would not be acknowledged.
async fn store_record(store: &dyn Store, record: &FailoverRecord) {
    while let Err(error) = store.record_failover(record).await {
        tracing::warn!(dead = %record.dead, %error, "a take-over could not be recorded yet");
        if !matches!(
            error,
            crate::ports::StoreError::Unavailable(_) | crate::ports::StoreError::Uncertain(_)
        ) {
            return;
        }
        tokio::time::sleep(super::LOOK_AGAIN).await;
    }
}
