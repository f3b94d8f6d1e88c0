//! What may be believed of the registry's views.
//!
//! A view makes nobody dead. It makes suspects, and only a view that can be trusted does: one that knows us, that
//! has been steady for a while, and that did not just lose half of the masters. The rules W1 to W8 are those of
//! the ownership protocol; the tests name them.

use std::collections::BTreeMap;

use engine::ids::Incarnation;
use engine::states::MemberState;

use crate::ports::{RegistryError, Seen, View};

/// A young view suspects nobody for so long: twice the lease and some gossip.
const YOUTH_MS: i64 = 7_000;

/// After a mass loss nobody is suspected for so long: it is the registry, more often than not.
const MASS_LOSS_MS: i64 = 5_000;

/// Who joins and has not beaten for so long does not come any more.
const STUCK_JOIN_MS: i64 = 10_000;

/// A registration shows within this time, when nothing is wrong.
const SHOWS_MS: i64 = 3_000;

/// Without a registry, a beat that is older than this makes a suspect.
const VERY_OLD_BEAT_MS: i64 = 30_000;

/// Somebody who may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspect {
    /// Which life.
    pub incarnation: Incarnation,
    /// For how long it has been missed, in milliseconds.
    pub missed_ms: i64,
    /// The registry cannot be used: only a very old beat speaks against it.
    pub without_registry: bool,
}

/// What this node believes of the views it got. Time is that of a monotonic clock, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    last: Option<View>,
    /// Views suspect nobody before this time.
    young_until: i64,
    /// The registry has not answered since then.
    unknown_since: Option<i64>,
    /// The views have not shown this node since then.
    stranger_since: Option<i64>,
    /// Half of the masters vanished at this time.
    mass_loss_at: Option<i64>,
    /// Who is missed, since when.
    missed: BTreeMap<Incarnation, i64>,
}

impl Trust {
    /// Begins at a moment; the first view is young.
    pub fn starting_at(now: i64) -> Self {
        Self {
            last: None,
            young_until: now + YOUTH_MS,
            unknown_since: Some(now),
            stranger_since: None,
            mass_loss_at: None,
            missed: BTreeMap::new(),
        }
    }

    /// Returns the index after which the next view is asked for. After an error it begins anew: a registry that
    /// came back without its memory would keep a question about an index of before open for the whole wait.
    pub fn index(&self) -> u64 {
        if self.is_known() { self.last_index() } else { 0 }
    }

    fn last_index(&self) -> u64 {
        self.last.as_ref().map_or(0, |view| view.index)
    }

    /// Whether the registry answered when it was last asked.
    pub fn is_known(&self) -> bool {
        self.unknown_since.is_none()
    }

    /// Whether the registry answers and shows everybody whom the last question about suspects named.
    pub fn misses_nobody(&self) -> bool {
        self.is_known() && self.missed.is_empty()
    }

    /// Whether views have not shown this node for longer than a registration takes.
    pub fn is_stranger(&self, now: i64) -> bool {
        self.stranger_since.is_some_and(|since| now - since > SHOWS_MS)
    }

    /// Takes over an answer of the registry; answers whether this node has to register again.
    pub fn observed(&mut self, now: i64, answer: Result<View, RegistryError>, me: Incarnation) -> bool {
        let view = match answer {
            Ok(view) => view,
            Err(error) => {
                self.unknown_since.get_or_insert(now);
                self.stranger_since = None;
                return error == RegistryError::NotRegistered;
            }
        };
        let went_back = view.index == 0 || view.index < self.last_index();
        let was_unknown = self.unknown_since.take().is_some();
        let knows_me = view.present.contains(&me);
        self.stranger_since = (!knows_me).then(|| self.stranger_since.unwrap_or(now));
        let knew_me = self.last.as_ref().is_some_and(|last| last.present.contains(&me));
        if went_back || was_unknown || !knows_me || !knew_me {
            self.young_until = now + YOUTH_MS;
            self.missed.clear();
        }
        // After a step back the next question begins anew.
        let index = if went_back { 0 } else { view.index };
        self.last = Some(View { index, ..view });
        !knows_me
    }

    /// Returns who is suspected now, of those that live according to the store.
    pub fn suspects(&mut self, now: i64, me: Incarnation, living: &[Seen]) -> Vec<Suspect> {
        if self.unknown_since.is_some() {
            return silent(me, living);
        }
        let Some(view) = self.last.as_ref().filter(|view| view.present.contains(&me)) else {
            return silent(me, living);
        };
        // Who joins is in no view yet, but it beats.
        let expected = living.iter().filter(|seen| match seen.member.state {
            MemberState::Joining => seen.beat_age_ms > STUCK_JOIN_MS,
            _ => true,
        });
        let absent: Vec<&Seen> = expected
            .filter(|seen| !view.present.contains(&seen.member.incarnation))
            .collect();
        self.missed
            .retain(|life, _| absent.iter().any(|seen| seen.member.incarnation == *life));
        for seen in &absent {
            self.missed.entry(seen.member.incarnation).or_insert(now);
        }
        if self.is_mass_loss(now, living, &absent) || now < self.young_until {
            return Vec::new();
        }
        let suspects = self.missed.iter().map(|(incarnation, since)| Suspect {
            incarnation: *incarnation,
            missed_ms: now - since,
            without_registry: false,
        });
        suspects.collect()
    }

    /// Whether half or more of the masters, two at least, vanished a moment ago.
    fn is_mass_loss(&mut self, now: i64, living: &[Seen], absent: &[&Seen]) -> bool {
        let masters = living
            .iter()
            .filter(|seen| seen.member.has_role("master"))
            .count();
        let gone = absent
            .iter()
            .filter(|seen| seen.member.has_role("master"))
            .count();
        if gone < 2 || gone * 2 < masters {
            self.mass_loss_at = None;
            return false;
        }
        let since = *self.mass_loss_at.get_or_insert(now);
        now - since < MASS_LOSS_MS
    }
}

/// Those whose beats are so old that they are suspected without any registry.
fn silent(me: Incarnation, living: &[Seen]) -> Vec<Suspect> {
    living
        .iter()
        .filter(|seen| seen.member.incarnation != me && seen.beat_age_ms > VERY_OLD_BEAT_MS)
        .map(|seen| Suspect {
            incarnation: seen.member.incarnation,
            missed_ms: seen.beat_age_ms,
            without_registry: true,
        })
        .collect()
}

#[cfg(test)]
mod tests;
