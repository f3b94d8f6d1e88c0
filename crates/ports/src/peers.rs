//! The live members as this node last read them: addresses for messages, never a reason to own anything.

use std::sync::Arc;
use std::time::Duration;

use engine::ids::Incarnation;
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::{Member, MemberStatus};

/// The live members. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    reading: Arc<RwLock<PeerReading>>,
}

#[derive(Debug, Default)]
struct PeerReading {
    living: Vec<MemberStatus>,
    /// Every member of the reading was alive at that time, or later.
    requested_at: Option<Instant>,
}

impl Peers {
    /// Replaces the members with those of a reading that was requested at that time.
    pub fn update(&self, living: Vec<MemberStatus>, requested_at: Instant) {
        *self.reading.write() = PeerReading {
            living,
            requested_at: Some(requested_at),
        };
    }

    /// Whether these incarnations were all alive less than `within` ago, as far as this node has read.
    pub fn all_alive_within(&self, incarnations: &[Incarnation], within: Duration) -> bool {
        let reading = self.reading.read();
        let is_alive = |incarnation: &Incarnation| {
            let mut living = reading.living.iter();
            living.any(|status| status.member.incarnation == *incarnation)
        };
        reading.requested_at.is_some_and(|at| at.elapsed() <= within) && incarnations.iter().all(is_alive)
    }

    /// Returns every live member.
    pub fn living(&self) -> Vec<MemberStatus> {
        self.reading.read().living.clone()
    }

    /// Returns the live member of an incarnation.
    pub fn get(&self, incarnation: Incarnation) -> Option<Member> {
        self.find_newest(|member| member.incarnation == incarnation)
    }

    /// Returns the newest live member of a node.
    pub fn named(&self, name: &str) -> Option<Member> {
        self.find_newest(|member| member.name == name)
    }

    /// Returns the active members with the role `master`, oldest first.
    pub fn active_masters(&self) -> Vec<Member> {
        let reading = self.reading.read();
        let masters = reading.living.iter().map(|status| &status.member);
        masters
            .filter(|member| member.is_active_master())
            .cloned()
            .collect()
    }

    /// Returns the active members whose workers serve a group, oldest first.
    pub fn active_workers(&self, group: &str) -> Vec<Member> {
        let reading = self.reading.read();
        let workers = reading.living.iter().map(|status| &status.member);
        workers
            .filter(|member| member.is_active_worker(group))
            .cloned()
            .collect()
    }

    fn find_newest(&self, matches: impl Fn(&Member) -> bool) -> Option<Member> {
        let reading = self.reading.read();
        let mut found = reading
            .living
            .iter()
            .map(|status| &status.member)
            .filter(|member| matches(member));
        found.next_back().cloned()
    }
}
