//! Who lives now, as this node last read it: addresses for messages, never a reason to own anything.

use std::sync::{Arc, PoisonError, RwLock};

use engine::ids::Incarnation;
use engine::states::MemberState;

use crate::ports::{Member, Seen};

/// The living members; cheap to clone, shared by everything on this node that sends to others.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    living: Arc<RwLock<Vec<Seen>>>,
}

impl Peers {
    /// Takes over what was read.
    pub fn update(&self, living: Vec<Seen>) {
        *self.living.write().unwrap_or_else(PoisonError::into_inner) = living;
    }

    /// Returns everybody that lives.
    pub fn living(&self) -> Vec<Seen> {
        self.living.read().unwrap_or_else(PoisonError::into_inner).clone()
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
        let living = self.living.read().unwrap_or_else(PoisonError::into_inner);
        let active =
            |seen: &&Seen| seen.member.state == MemberState::Active && seen.member.has_role("master");
        living
            .iter()
            .filter(active)
            .map(|seen| seen.member.clone())
            .collect()
    }

    fn find(&self, is: impl Fn(&Member) -> bool) -> Option<Member> {
        let living = self.living.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = living.iter().map(|seen| &seen.member).filter(|member| is(member));
        found.next_back().cloned()
    }
}
