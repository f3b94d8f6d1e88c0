//! The owner's side of the leases of exclusive attempts: when it may grant one, and until when a loss is deferred.
//!
//! Everything here rests on one fact: no master grants a lease to a worker more than `MEMBERSHIP_FRESHNESS` after that
//! worker was declared dead, because it grants only on a reading of the members that is younger. The arithmetic is in
//! `docs/decisions/0022-leases-of-exclusive-attempts.md`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::ids::{DispatchId, Epoch, Incarnation};
use parking_lot::Mutex;
use tokio::time::Instant;

use ports::peers::Peers;

/// Time for which a reading of the members is valid, from the moment at which it was requested.
const MEMBERSHIP_FRESHNESS: Duration = Duration::from_secs(5);

/// Time without a renewal after which an attempt has surely ended: 20 s of the lease, 3 s to stop it, 2 s to spare.
const AFTER_RENEWAL: Duration = Duration::from_secs(25);

/// The same for an attempt whose renewals may have gone to an earlier owner, from the moment at which this master learned
/// that the worker is dead: until `MEMBERSHIP_FRESHNESS` after that the earlier owner may have granted a lease.
const AFTER_LEARNING: Duration = Duration::from_secs(30);

/// Age at which a renewal is forgotten; an attempt without one is deferred no shorter.
const RETENTION: Duration = Duration::from_secs(600);

/// What this master granted, and may grant. Clones share it.
#[derive(Debug, Clone)]
pub struct LeaseGrants {
    members: Option<ClusterMembers>,
    state: Arc<Mutex<GrantState>>,
}

/// This node among the others.
#[derive(Debug, Clone)]
struct ClusterMembers {
    this_node: Incarnation,
    peers: Peers,
}

#[derive(Debug, Default)]
struct GrantState {
    /// The last renewal of each attempt, under the epoch in which it was granted here.
    granted: BTreeMap<DispatchId, (Epoch, Instant)>,
    /// When this master learned that a worker is dead.
    dead: BTreeMap<Incarnation, Instant>,
}

impl LeaseGrants {
    /// Makes the grants of a master among others: it grants only while it has just read that both nodes are alive.
    pub fn clustered(this_node: Incarnation, peers: Peers) -> Self {
        Self {
            members: Some(ClusterMembers { this_node, peers }),
            state: Arc::default(),
        }
    }

    /// Makes the grants of the only possible master: it always grants.
    pub fn standalone() -> Self {
        Self {
            members: None,
            state: Arc::default(),
        }
    }

    /// Whether this master may grant a lease to a worker now.
    pub(crate) fn can_grant(&self, worker: Incarnation) -> bool {
        self.members.as_ref().is_none_or(|members| {
            members
                .peers
                .all_alive_within(&[members.this_node, worker], MEMBERSHIP_FRESHNESS)
        })
    }

    /// Records a lease that is granted now, by the owner of this epoch.
    pub(crate) fn record_grant(&self, uid: DispatchId, epoch: Epoch) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.granted.retain(|_, (_, at)| now - *at < RETENTION);
        state.granted.insert(uid, (epoch, now));
    }

    /// Records that a worker is dead, unless that is known.
    pub(crate) fn record_death(&self, worker: Incarnation) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.dead.retain(|_, at| now - *at < RETENTION);
        state.dead.entry(worker).or_insert(now);
    }

    /// Returns how long the loss of an attempt of a dead worker must still be deferred; none when it has surely ended.
    pub(crate) fn remaining_grace(
        &self,
        uid: DispatchId,
        epoch: Epoch,
        worker: Incarnation,
    ) -> Option<Duration> {
        self.record_death(worker);
        let now = Instant::now();
        let state = self.state.lock();
        let ended_at = match state.granted.get(&uid) {
            Some((granted_under, at)) if *granted_under == epoch => *at + AFTER_RENEWAL,
            Some(_) | None => state.dead.get(&worker).copied().unwrap_or(now) + AFTER_LEARNING,
        };
        (ended_at > now).then(|| ended_at - now)
    }
}

#[cfg(test)]
mod tests;
