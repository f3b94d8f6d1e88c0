//! Which running attempts a cut ends, and which leases are to be renewed; without clock, mailbox or network.
//!
//! A lease counts from the moment at which the request was sent that the owner answered: what the owner noted of it is
//! later, never earlier. `docs/decisions/0022-leases-of-exclusive-attempts.md` has the arithmetic.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::definition::OnCutOff;
use engine::document::duration;
use engine::ids::Uid;
use tokio::time::Instant;

/// An exclusive attempt is stopped so long after the last request that its owner answered was sent.
const REGISTRY_LEASE: Duration = Duration::from_secs(20);

/// A lease is renewed so often.
const RENEW: Duration = Duration::from_secs(5);

/// A request that was refused or not answered is repeated after this time.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// From SIGTERM to SIGKILL when a lease is over: all are gone before the owner lets another attempt begin.
pub(super) const STOPPED_WITHIN: Duration = Duration::from_secs(3);

/// What is watched of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// It ends when no master has been in contact for so long.
    Contact { limit: Duration, since: Instant },
    /// It runs only with a lease.
    Lease(Lease),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    /// When the last request was sent that the owner answered.
    granted: Option<Instant>,
    /// When the attempt was accepted.
    since: Instant,
    ask_at: Instant,
    /// A request is on its way.
    asking: bool,
}

impl Lease {
    fn over_at(&self) -> Instant {
        self.granted.unwrap_or(self.since) + REGISTRY_LEASE
    }
}

/// What has to be done now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Due {
    /// Leases to ask for; each is answered by `Leases::answered`.
    pub(super) renew: Vec<Uid>,
    /// Attempts to stop; they are not watched any more.
    pub(super) stop: Vec<Stop>,
}

/// One attempt to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    /// Which.
    pub(super) uid: Uid,
    /// Why, in words.
    pub(super) reason: String,
    /// From SIGTERM to SIGKILL, when that is not as usual.
    pub(super) within: Option<Duration>,
}

/// The watched attempts of one worker life.
#[derive(Debug)]
pub(super) struct Leases {
    watched: BTreeMap<Uid, Watch>,
    /// When a master was last in contact.
    contact: Instant,
}

impl Leases {
    /// Begins with nothing.
    pub(super) fn starting_at(now: Instant) -> Self {
        Self {
            watched: BTreeMap::new(),
            contact: now,
        }
    }

    /// Watches an attempt from its acceptance on.
    pub(super) fn watch(&mut self, uid: Uid, policy: OnCutOff, now: Instant) {
        let watch = match policy {
            OnCutOff::Continue => return,
            OnCutOff::StopAfter { ms } => Watch::Contact {
                limit: Duration::from_millis(u64::try_from(ms).unwrap_or_default()),
                since: now,
            },
            OnCutOff::Exclusive => Watch::Lease(Lease {
                granted: None,
                since: now,
                ask_at: now,
                asking: false,
            }),
        };
        self.watched.insert(uid, watch);
    }

    /// Ends the watch.
    pub(super) fn forget(&mut self, uid: &Uid) {
        self.watched.remove(uid);
    }

    /// Whether the attempt may start now: an exclusive one begins with its first lease, since its dispatch may have
    /// been on the way for any time.
    pub(super) fn may_start(&self, uid: &Uid, now: Instant) -> bool {
        match self.watched.get(uid) {
            Some(Watch::Lease(lease)) => lease.granted.is_some() && lease.over_at() > now,
            Some(Watch::Contact { .. }) | None => true,
        }
    }

    /// A master was in contact.
    pub(super) fn contact(&mut self, now: Instant) {
        self.contact = self.contact.max(now);
    }

    /// Another owner: it is asked at once.
    pub(super) fn ask_now(&mut self, uid: &Uid, now: Instant) {
        if let Some(Watch::Lease(lease)) = self.watched.get_mut(uid) {
            lease.ask_at = lease.ask_at.min(now);
        }
    }

    /// The request of `sent` is over: the owner answered it, or it came to nothing.
    pub(super) fn answered(&mut self, uid: &Uid, sent: Instant, granted: bool, now: Instant) {
        if let Some(Watch::Lease(lease)) = self.watched.get_mut(uid) {
            lease.asking = false;
            if granted {
                lease.granted = lease.granted.max(Some(sent));
                lease.ask_at = sent + RENEW;
            } else {
                lease.ask_at = now + ASK_AGAIN;
            }
        }
    }

    /// Returns what is due, each once.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        let contact = self.contact;
        for (uid, watch) in &mut self.watched {
            match watch {
                Watch::Contact { limit, since } if contact.max(*since) + *limit <= now => {
                    due.stop.push(out_of_contact(*uid, *limit));
                }
                Watch::Lease(lease) if lease.over_at() <= now => due.stop.push(without_lease(*uid)),
                Watch::Lease(lease) if lease.ask_at <= now && !lease.asking => {
                    lease.asking = true;
                    due.renew.push(*uid);
                }
                Watch::Contact { .. } | Watch::Lease(_) => {}
            }
        }
        for stop in &due.stop {
            self.watched.remove(&stop.uid);
        }
        due
    }

    /// Returns when something is due next, as far as is known now.
    pub(super) fn next(&self) -> Option<Instant> {
        let contact = self.contact;
        let times = self.watched.values().map(|watch| match watch {
            Watch::Contact { limit, since } => contact.max(*since) + *limit,
            Watch::Lease(lease) if lease.asking => lease.over_at(),
            Watch::Lease(lease) => lease.ask_at.min(lease.over_at()),
        });
        times.min()
    }
}

fn out_of_contact(uid: Uid, limit: Duration) -> Stop {
    let limit = duration::show(i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
    Stop {
        uid,
        reason: format!(
            "cut off from every master for {limit}: stopped by its worker (on_cut_off: stop_after)"
        ),
        within: None,
    }
}

fn without_lease(uid: Uid) -> Stop {
    let lease = REGISTRY_LEASE.as_secs();
    Stop {
        uid,
        reason: format!(
            "cut off from its owner for {lease} s: stopped by its worker (on_cut_off: exclusive)"
        ),
        within: Some(STOPPED_WITHIN),
    }
}

#[cfg(test)]
mod tests;
