//! The lease or the contact that a running attempt depends on, without clock, mailbox or network.
//!
//! A lease counts from the moment at which the request was sent that the owner answered: the owner recorded it later,
//! never earlier. `docs/decisions/0022-leases-of-exclusive-attempts.md` has the arithmetic.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ids::DispatchId;
use engine::spec::OnCutOff;
use engine::spec::duration;
use tokio::time::Instant;

/// Age of the last granted request at which an exclusive attempt is stopped.
const EXCLUSIVE_LEASE: Duration = Duration::from_secs(20);

/// Interval at which a granted lease is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(5);

/// Pause before a request that was denied or not answered is repeated.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Time from SIGTERM to SIGKILL when a lease expires: every process is gone before the owner starts another attempt.
pub(crate) const EXPIRED_GRACE: Duration = Duration::from_secs(3);

/// What one attempt depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WatchedAttempt {
    /// It is stopped when no master has been in contact for `limit`.
    Contact { limit: Duration, since: Instant },
    /// It runs only with a lease.
    Lease(AttemptLease),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AttemptLease {
    /// When the last granted request was sent.
    granted: Option<Instant>,
    /// When the attempt was accepted.
    since: Instant,
    request_at: Instant,
    /// A request is in flight.
    in_flight: bool,
}

impl AttemptLease {
    fn expires_at(&self) -> Instant {
        self.granted.unwrap_or(self.since) + EXCLUSIVE_LEASE
    }
}

/// What is due now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LeasesDue {
    /// Leases to request; each is answered by `grant` or `deny`.
    pub(crate) requests: Vec<DispatchId>,
    /// Attempts to stop; they are not watched any more.
    pub(crate) stops: Vec<StopOrder>,
}

/// One attempt to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StopOrder {
    /// The attempt.
    pub(crate) uid: DispatchId,
    /// Why, as a sentence.
    pub(crate) reason: String,
    /// Time from SIGTERM to SIGKILL, when it is not the usual one.
    pub(crate) grace: Option<Duration>,
}

/// The attempts that depend on contact or on a lease.
#[derive(Debug)]
pub(crate) struct LeaseWatch {
    watched: BTreeMap<DispatchId, WatchedAttempt>,
    /// When a master was last in contact.
    last_contact: Instant,
}

impl LeaseWatch {
    /// Begins without an attempt, as if a master had been in contact.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            watched: BTreeMap::new(),
            last_contact: now,
        }
    }

    /// Watches an attempt from its acceptance on.
    pub(crate) fn watch(&mut self, uid: DispatchId, policy: OnCutOff, now: Instant) {
        let watch = match policy {
            OnCutOff::Continue => return,
            OnCutOff::StopAfter { ms } => WatchedAttempt::Contact {
                limit: Duration::from_millis(u64::try_from(ms).unwrap_or_default()),
                since: now,
            },
            OnCutOff::Exclusive => WatchedAttempt::Lease(AttemptLease {
                granted: None,
                since: now,
                request_at: now,
                in_flight: false,
            }),
        };
        self.watched.insert(uid, watch);
    }

    /// Stops watching an attempt.
    pub(crate) fn forget(&mut self, uid: &DispatchId) {
        self.watched.remove(uid);
    }

    /// Whether the attempt may start now: an exclusive one begins with its first lease, since its dispatch may have
    /// been on the way for any time.
    pub(crate) fn may_start(&self, uid: &DispatchId, now: Instant) -> bool {
        match self.watched.get(uid) {
            Some(WatchedAttempt::Lease(lease)) => lease.granted.is_some() && lease.expires_at() > now,
            Some(WatchedAttempt::Contact { .. }) | None => true,
        }
    }

    /// A master sent a message or answered one.
    pub(crate) fn record_contact(&mut self, now: Instant) {
        self.last_contact = self.last_contact.max(now);
    }

    /// The attempt may have another owner: its lease is requested at once.
    pub(crate) fn request_now(&mut self, uid: &DispatchId, now: Instant) {
        if let Some(WatchedAttempt::Lease(lease)) = self.watched.get_mut(uid) {
            lease.request_at = lease.request_at.min(now);
        }
    }

    /// The owner granted the request that was sent at `sent`.
    pub(crate) fn grant(&mut self, uid: &DispatchId, sent: Instant) {
        if let Some(WatchedAttempt::Lease(lease)) = self.watched.get_mut(uid) {
            lease.in_flight = false;
            lease.granted = lease.granted.max(Some(sent));
            lease.request_at = sent + RENEW_INTERVAL;
        }
    }

    /// The owner denied a request, or did not answer it.
    pub(crate) fn deny(&mut self, uid: &DispatchId, now: Instant) {
        if let Some(WatchedAttempt::Lease(lease)) = self.watched.get_mut(uid) {
            lease.in_flight = false;
            lease.request_at = now + RETRY_PAUSE;
        }
    }

    /// Returns what is due, each once.
    pub(crate) fn take_due(&mut self, now: Instant) -> LeasesDue {
        let mut due = LeasesDue::default();
        let contact = self.last_contact;
        for (uid, watch) in &mut self.watched {
            match watch {
                WatchedAttempt::Contact { limit, since } if contact.max(*since) + *limit <= now => {
                    due.stops.push(out_of_contact(*uid, *limit));
                }
                WatchedAttempt::Lease(lease) if lease.expires_at() <= now => {
                    due.stops.push(without_lease(*uid))
                }
                WatchedAttempt::Lease(lease) if lease.request_at <= now && !lease.in_flight => {
                    lease.in_flight = true;
                    due.requests.push(*uid);
                }
                WatchedAttempt::Contact { .. } | WatchedAttempt::Lease(_) => {}
            }
        }
        for stop in &due.stops {
            self.watched.remove(&stop.uid);
        }
        due
    }

    /// Returns when something is due next, as far as is known now.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let contact = self.last_contact;
        let times = self.watched.values().map(|watch| match watch {
            WatchedAttempt::Contact { limit, since } => contact.max(*since) + *limit,
            WatchedAttempt::Lease(lease) if lease.in_flight => lease.expires_at(),
            WatchedAttempt::Lease(lease) => lease.request_at.min(lease.expires_at()),
        });
        times.min()
    }
}

fn out_of_contact(uid: DispatchId, limit: Duration) -> StopOrder {
    let limit = duration::HumanDuration(i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
    StopOrder {
        uid,
        reason: format!(
            "cut off from every master for {limit}: stopped by its worker (on_cut_off: stop_after)"
        ),
        grace: None,
    }
}

fn without_lease(uid: DispatchId) -> StopOrder {
    let lease = EXCLUSIVE_LEASE.as_secs();
    StopOrder {
        uid,
        reason: format!(
            "cut off from its owner for {lease} s: stopped by its worker (on_cut_off: exclusive)"
        ),
        grace: Some(EXPIRED_GRACE),
    }
}

#[cfg(test)]
mod tests;
