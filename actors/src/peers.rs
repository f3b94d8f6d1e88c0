//! Who lives now, as this node last read it: addresses for messages, never a reason to own anything.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use engine::ids::Incarnation;
use engine::states::MemberState;
use tokio::time::Instant;

use crate::ports::{Member, Seen};

/// The living members; cheap to clone, shared by everything on this node that sends to others.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    reading: Arc<RwLock<Reading>>,
}

#[derive(Debug, Default)]
struct Reading {
    living: Vec<Seen>,
    /// Whoever it names lived at that time, or later.
    asked: Option<Instant>,
}

impl Peers {
    /// Takes over what was read, and when it was asked for.
    pub fn update(&self, living: Vec<Seen>, asked: Instant) {
        let mut reading = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        *reading = Reading {
            living,
            asked: Some(asked),
        };
    }

    /// Whether these lives all went on less than `within` ago, as far as this node has read.
    pub fn lived(&self, lives: &[Incarnation], within: Duration) -> bool {
        let reading = self.reading();
        let lives_on = |life: &Incarnation| {
            let mut living = reading.living.iter();
            living.any(|seen| seen.member.incarnation == *life)
        };
        reading.asked.is_some_and(|asked| asked.elapsed() <= within) && lives.iter().all(lives_on)
    }

    /// Returns everybody that lives.
    pub fn living(&self) -> Vec<Seen> {
        self.reading().living.clone()
    }

    /// Returns a live member.
    pub fn get(&self, incarnation: Incarnation) -> Option<Member> {
        self.find(|member| member.incarnation == incarnation)
    }

    /// Returns the newest live member of a node.
    pub fn named(&self, name: &str) -> Option<Member> {
        self.find(|member| member.name == name)
    }

    /// Returns active members with the role `master`, oldest first.
    pub fn active_masters(&self) -> Vec<Member> {
        let reading = self.reading();
        let active =
            |seen: &&Seen| seen.member.state == MemberState::Active && seen.member.has_role("master");
        let living = reading.living.iter();
        living.filter(active).map(|seen| seen.member.clone()).collect()
    }

    fn find(&self, is: impl Fn(&Member) -> bool) -> Option<Member> {
        let reading = self.reading();
        let mut found = reading
            .living
            .iter()
            .map(|seen| &seen.member)
            .filter(|member| is(member));
        found.next_back().cloned()
    }
    fn reading(&self) -> RwLockReadGuard<'_, Reading> {
        self.reading.read().unwrap_or_else(PoisonError::into_inner)
    }
}
