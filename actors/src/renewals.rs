//! The owner's side of the leases of exclusive attempts: who may grant one, and until when a loss is held back.
//!
//! Everything here counts on one fact: no master grants a lease to a worker life more than `SURE_FOR` after that life
//! was declared dead, because it grants only on a reading of the members that is younger. The arithmetic is in
//! `docs/decisions/0022-leases-of-exclusive-attempts.md`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::ids::{DispatchId, Epoch, Incarnation};
use tokio::time::Instant;

use crate::peers::Peers;

/// A reading of the members is good for so long, from the moment at which it was asked for.
const SURE_FOR: Duration = Duration::from_secs(5);

/// After this time without a renewal the attempt is surely over: 20 s of the lease, 3 s to stop it, 2 s to spare.
const AFTER_RENEWAL: Duration = Duration::from_secs(25);

/// The same for an attempt whose renewals may have gone to an earlier owner, counted from when this master learnt that
/// the worker life is over: until `SURE_FOR` after that the earlier owner may have granted a lease.
const AFTER_LEARNING: Duration = Duration::from_secs(30);

/// Renewals that are older than this are forgotten; an attempt without one is held back no shorter.
const REMEMBERED: Duration = Duration::from_secs(600);

/// What this master granted, and may grant; cheap to clone.
#[derive(Debug, Clone)]
pub struct Renewals {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// This life and who lives; none where nobody else could own anything.
    among: Option<(Incarnation, Peers)>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The last renewal of each attempt, under the epoch in which it was granted here.
    granted: BTreeMap<DispatchId, (Epoch, Instant)>,
    /// When this master learnt that a worker life is over.
    over: BTreeMap<Incarnation, Instant>,
}

impl Renewals {
    /// Of a master among others: it grants only while it has read a moment ago that both lives go on.
    pub fn among(me: Incarnation, peers: Peers) -> Self {
        Self::of(Some((me, peers)))
    }

    /// Of the only master that there can be: it always grants.
    pub fn alone() -> Self {
        Self::of(None)
    }

    fn of(among: Option<(Incarnation, Peers)>) -> Self {
        Self {
            inner: Arc::new(Inner {
                among,
                known: Mutex::default(),
            }),
        }
    }

    /// Whether this master may grant anything to that worker life now.
    pub(crate) fn may_grant(&self, worker: Incarnation) -> bool {
        match &self.inner.among {
            Some((me, peers)) => peers.lived(&[*me, worker], SURE_FOR),
            None => true,
        }
    }

    /// Takes note of a renewal that is granted now, by the owner of this epoch.
    pub(crate) fn granted(&self, uid: DispatchId, epoch: Epoch) {
        let now = Instant::now();
        let mut known = self.known();
        known.granted.retain(|_, (_, at)| now - *at < REMEMBERED);
        known.granted.insert(uid, (epoch, now));
    }

    /// Takes note that a worker life is over, unless that is known.
    pub(crate) fn is_over(&self, worker: Incarnation) {
        let now = Instant::now();
        let mut known = self.known();
        known.over.retain(|_, at| now - *at < REMEMBERED);
        known.over.entry(worker).or_insert(now);
    }

    /// Says how long the loss of an attempt of a worker life that is over must still be held back; none: it is over.
    pub(crate) fn held_for(&self, uid: DispatchId, epoch: Epoch, worker: Incarnation) -> Option<Duration> {
        self.is_over(worker);
        let now = Instant::now();
        let known = self.known();
        let free_at = match known.granted.get(&uid) {
            Some((under, at)) if *under == epoch => *at + AFTER_RENEWAL,
            Some(_) | None => known.over.get(&worker).copied().unwrap_or(now) + AFTER_LEARNING,
        };
        (free_at > now).then(|| free_at - now)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
