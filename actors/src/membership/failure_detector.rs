//! Decides from the registry's views which members are suspected.
//!
//! A view proves no death. It makes suspects, and only a trustworthy view does: one that shows this node, that has been
//! steady for a while, and that did not just lose half of the masters. The rules W1 to W9 are those of the ownership
//! protocol; the tests name them.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ids::Incarnation;
use engine::states::MemberState;

use crate::messages::membership::{Suspect, SuspicionBasis};
use ports::{MemberStatus, RegistryError, View};

/// Time after a gap in the views during which they suspect no member: twice the lease and some gossip.
const WARM_UP_MS: i64 = 7_000;

/// Time after a mass loss during which no member is suspected: more often than not, the registry has failed.
const MASS_LOSS_MS: i64 = 5_000;

/// Time without a heartbeat after which a joining member is suspected.
const STUCK_JOIN_MS: i64 = 10_000;

/// Time within which a registration shows in the views.
const REGISTRATION_MS: i64 = 3_000;

/// Age of a database heartbeat from which a member is suspected while the registry cannot be used.
const STALE_HEARTBEAT_MS: i64 = 30_000;

/// Age of this node's own last accepted heartbeat above which a view suspects no member. A registry that stops accepting
/// heartbeats misses every member a lease later; which one first is chance.
const LATE_HEARTBEAT: Duration = Duration::from_secs(1);

/// What a view means for this node itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewOutcome {
    /// The registry knows this node, or gave no view.
    Accepted,
    /// The registry does not know this node.
    RegisterAgain,
}

/// What this node concludes from the views so far. Times are those of a monotonic clock, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureDetector {
    last: Option<View>,
    /// Views suspect no member before this time.
    warming_up_until: i64,
    /// The registry has not answered since then.
    unknown_since: Option<i64>,
    /// The views have not shown this node since then.
    self_missing_since: Option<i64>,
    /// Half of the masters vanished at this time.
    mass_loss_at: Option<i64>,
    /// The age of this node's last accepted heartbeat.
    own_heartbeat_age: Duration,
    /// The missing members, with the time since when they have been missing.
    missing: BTreeMap<Incarnation, i64>,
}

impl FailureDetector {
    /// Makes a detector that has no view yet.
    pub fn new(now: i64) -> Self {
        Self {
            last: None,
            warming_up_until: now + WARM_UP_MS,
            unknown_since: Some(now),
            self_missing_since: None,
            mass_loss_at: None,
            own_heartbeat_age: Duration::ZERO,
            missing: BTreeMap::new(),
        }
    }

    /// Returns the index after which to ask for the next view. After an error it starts from 0: a registry that came back
    /// without its memory would keep a watch of an earlier index open for its whole timeout.
    pub fn index(&self) -> u64 {
        if self.is_known() { self.last_index() } else { 0 }
    }

    fn last_index(&self) -> u64 {
        self.last.as_ref().map_or(0, |view| view.index)
    }

    /// Whether the registry answered the last request.
    pub fn is_known(&self) -> bool {
        self.unknown_since.is_none()
    }

    /// Whether the registry answers and shows every member of the last call of `suspects`.
    pub fn sees_all(&self) -> bool {
        self.is_known() && self.missing.is_empty()
    }

    /// Whether the views have not shown this node for longer than a registration takes.
    pub fn is_self_missing(&self, now: i64) -> bool {
        self.self_missing_since
            .is_some_and(|since| now - since > REGISTRATION_MS)
    }

    /// Records how long ago the registry last accepted a heartbeat of this node.
    pub fn record_own_heartbeat(&mut self, age: Duration) {
        self.own_heartbeat_age = age;
    }

    /// Takes a view of the registry.
    pub fn observe(
        &mut self,
        now: i64,
        view: Result<View, RegistryError>,
        this_node: Incarnation,
    ) -> ViewOutcome {
        let view = match view {
            Ok(view) => view,
            Err(error) => {
                self.unknown_since.get_or_insert(now);
                self.self_missing_since = None;
                return match error {
                    RegistryError::NotRegistered => ViewOutcome::RegisterAgain,
                    RegistryError::Unavailable(_) => ViewOutcome::Accepted,
                };
            }
        };
        let went_back = view.index == 0 || view.index < self.last_index();
        let was_unknown = self.unknown_since.take().is_some();
        let shows_this_node = view.present.contains(&this_node);
        self.self_missing_since = (!shows_this_node).then(|| self.self_missing_since.unwrap_or(now));
        let showed_this_node = self
            .last
            .as_ref()
            .is_some_and(|last| last.present.contains(&this_node));
        if went_back || was_unknown || !shows_this_node || !showed_this_node {
            self.warming_up_until = now + WARM_UP_MS;
            self.missing.clear();
        }
        // After a step back the next watch starts from the beginning.
        let index = if went_back { 0 } else { view.index };
        self.last = Some(View { index, ..view });
        if shows_this_node {
            ViewOutcome::Accepted
        } else {
            ViewOutcome::RegisterAgain
        }
    }

    /// Returns the members that are suspected now, among those that are live according to the store.
    pub fn suspects(&mut self, now: i64, this_node: Incarnation, living: &[MemberStatus]) -> Vec<Suspect> {
        if self.unknown_since.is_some() {
            return stale_members(this_node, living);
        }
        let Some(view) = self
            .last
            .as_ref()
            .filter(|view| view.present.contains(&this_node))
        else {
            return stale_members(this_node, living);
        };
        // A joining member is in no view yet, but it sends heartbeats to the database.
        let expected = living.iter().filter(|status| match status.member.state {
            MemberState::Joining => status.heartbeat_age_ms > STUCK_JOIN_MS,
            _ => true,
        });
        let absent: Vec<&MemberStatus> = expected
            .filter(|status| !view.present.contains(&status.member.incarnation))
            .collect();
        self.missing.retain(|incarnation, _| {
            absent
                .iter()
                .any(|status| status.member.incarnation == *incarnation)
        });
        for status in &absent {
            self.missing.entry(status.member.incarnation).or_insert(now);
        }
        let is_own_late = self.own_heartbeat_age > LATE_HEARTBEAT;
        if self.is_mass_loss(now, living, &absent) || now < self.warming_up_until || is_own_late {
            return Vec::new();
        }
        let suspects = self.missing.iter().map(|(incarnation, since)| Suspect {
            incarnation: *incarnation,
            missing_ms: now - since,
            basis: SuspicionBasis::Registry,
        });
        suspects.collect()
    }

    /// Whether half or more of the masters, two at least, vanished a moment ago.
    fn is_mass_loss(&mut self, now: i64, living: &[MemberStatus], absent: &[&MemberStatus]) -> bool {
        let is_master = |status: &MemberStatus| status.member.has_role("master");
        let masters = living.iter().filter(|status| is_master(status)).count();
        let gone = absent.iter().filter(|status| is_master(status)).count();
        if gone < 2 || gone * 2 < masters {
            self.mass_loss_at = None;
            return false;
        }
        let since = *self.mass_loss_at.get_or_insert(now);
        now - since < MASS_LOSS_MS
    }
}

/// Returns the members whose heartbeats are so old that they are suspected without the registry.
fn stale_members(this_node: Incarnation, living: &[MemberStatus]) -> Vec<Suspect> {
    living
        .iter()
        .filter(|status| {
            status.member.incarnation != this_node && status.heartbeat_age_ms > STALE_HEARTBEAT_MS
        })
        .map(|status| Suspect {
            incarnation: status.member.incarnation,
            missing_ms: status.heartbeat_age_ms,
            basis: SuspicionBasis::HeartbeatOnly,
        })
        .collect()
}

#[cfg(test)]
mod tests;
