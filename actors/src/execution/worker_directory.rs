//! The live workers as a master last read them, and which of them to ask about the attempts of a dead one.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::Incarnation;
use engine::states::MemberState;
use engine::task::Worker;

use ports::{Member, MemberStatus};

/// The live workers.
#[derive(Debug, Default)]
pub(crate) struct WorkerDirectory {
    workers: BTreeMap<Incarnation, Member>,
}

/// What a new reading changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DirectoryChange {
    /// Workers that can be used from now on.
    pub(crate) active: Vec<Member>,
    /// Workers that accept nothing new any more, but answer.
    pub(crate) draining: Vec<Incarnation>,
    /// Workers that have left or died.
    pub(crate) dead: Vec<Incarnation>,
}

/// Where to query an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryTarget {
    /// At this incarnation: that of the attempt, or the newest of its node.
    Incarnation(Incarnation),
    /// A new incarnation of its node is joining.
    RestartExpected,
    /// Nowhere.
    None,
}

impl WorkerDirectory {
    /// Replaces the workers with those of a reading of the live members.
    pub(crate) fn update(&mut self, living: &[MemberStatus]) -> DirectoryChange {
        let workers: BTreeMap<Incarnation, Member> = living
            .iter()
            .map(|status| &status.member)
            .filter(|member| member.has_role("worker"))
            .map(|member| (member.incarnation, member.clone()))
            .collect();
        let mut change = DirectoryChange::default();
        for (incarnation, member) in &workers {
            let before = self.workers.get(incarnation).map(|member| member.state);
            match member.state {
                MemberState::Active if before != Some(MemberState::Active) => {
                    change.active.push(member.clone());
                }
                MemberState::Draining if before != Some(MemberState::Draining) => {
                    change.draining.push(*incarnation);
                }
                _ => {}
            }
        }
        let is_gone = |incarnation: &&Incarnation| !workers.contains_key(incarnation);
        change.dead = self.workers.keys().filter(is_gone).copied().collect();
        self.workers = workers;
        change
    }

    /// Whether a worker is alive, as far as is known here.
    pub(crate) fn is_alive(&self, incarnation: Incarnation) -> bool {
        self.workers.contains_key(&incarnation)
    }

    /// Returns the workers that answer calls.
    pub(crate) fn answering(&self) -> BTreeSet<Incarnation> {
        let answers = |(_, member): &(&Incarnation, &Member)| member.state != MemberState::Joining;
        self.workers
            .iter()
            .filter(answers)
            .map(|(incarnation, _)| *incarnation)
            .collect()
    }

    /// Returns where to query attempts of a worker. One that is joining has not read its journal yet, and may still find
    /// a result.
    pub(crate) fn query_target(&self, worker: &Worker) -> QueryTarget {
        let own = self.workers.get(&worker.incarnation);
        let namesakes = self.workers.values().filter(|member| member.name == worker.name);
        match own.or_else(|| namesakes.max_by_key(|member| member.incarnation)) {
            Some(member) if member.state == MemberState::Joining => QueryTarget::RestartExpected,
            Some(member) => QueryTarget::Incarnation(member.incarnation),
            None => QueryTarget::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::ids::Timestamp;

    use super::*;

    fn member(incarnation: i64, name: &str, state: MemberState) -> MemberStatus {
        let member = Member {
            incarnation: Incarnation(incarnation),
            name: name.to_owned(),
            host: format!("{name}:1"),
            roles: vec!["worker".to_owned()],
            state,
            joined_at: Timestamp(0),
            slots: 4,
            worker_group: "default".to_owned(),
            version: "1".to_owned(),
        };
        MemberStatus {
            member,
            heartbeat_age_ms: 0,
        }
    }

    fn worker(incarnation: i64, name: &str) -> Worker {
        Worker {
            incarnation: Incarnation(incarnation),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_reading_reports_each_change_once() {
        let mut directory = WorkerDirectory::default();
        let first = [
            member(1, "a", MemberState::Active),
            member(2, "b", MemberState::Joining),
        ];
        let change = directory.update(&first);
        assert_eq!(change.active, [first[0].member.clone()]);
        assert_eq!(directory.update(&first), DirectoryChange::default());
        let change = directory.update(&[member(1, "a", MemberState::Draining)]);
        assert_eq!(change.draining, [Incarnation(1)]);
        assert_eq!(change.dead, [Incarnation(2)]);
    }

    #[test]
    fn attempts_of_a_dead_worker_are_queried_at_the_newest_incarnation_of_its_node() {
        let mut directory = WorkerDirectory::default();
        directory.update(&[
            member(3, "a", MemberState::Active),
            member(4, "b", MemberState::Joining),
        ]);
        let target = |incarnation, name| directory.query_target(&worker(incarnation, name));
        assert_eq!(target(3, "a"), QueryTarget::Incarnation(Incarnation(3)));
        assert_eq!(target(1, "a"), QueryTarget::Incarnation(Incarnation(3)));
        assert_eq!(target(2, "b"), QueryTarget::RestartExpected);
        assert_eq!(target(9, "c"), QueryTarget::None);
    }
}
