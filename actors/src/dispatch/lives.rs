//! Which worker lives can be used, which only answer, and whom to ask about attempts of a life that is over.

use std::collections::{BTreeMap, BTreeSet};

use engine::ids::Incarnation;
use engine::states::MemberState;
use engine::task::Worker;

use crate::ports::{Member, Seen};

/// The live workers as this master last read them.
#[derive(Debug, Default)]
pub(super) struct Lives {
    known: BTreeMap<Incarnation, Member>,
}

/// What a new reading changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Lives that can be used from now on.
    pub(super) usable: Vec<Member>,
    /// Lives that take nothing new any more, but answer.
    pub(super) draining: Vec<Incarnation>,
    /// Lives that are over.
    pub(super) over: Vec<Incarnation>,
}

/// Whom to ask about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Witness {
    /// This life: the one of the attempt, or the newest of its node.
    Life(Incarnation),
    /// A new life of its node is about to come.
    Coming,
    /// Nobody.
    None,
}

impl Lives {
    /// Takes over a reading of the living members.
    pub(super) fn update(&mut self, living: &[Seen]) -> Change {
        let now: BTreeMap<Incarnation, Member> = living
            .iter()
            .map(|seen| &seen.member)
            .filter(|member| member.has_role("worker"))
            .map(|member| (member.incarnation, member.clone()))
            .collect();
        let mut change = Change::default();
        for (incarnation, member) in &now {
            let before = self.known.get(incarnation).map(|member| member.state);
            match member.state {
                MemberState::Active if before != Some(MemberState::Active) => {
                    change.usable.push(member.clone());
                }
                MemberState::Draining if before != Some(MemberState::Draining) => {
                    change.draining.push(*incarnation);
                }
                _ => {}
            }
        }
        let gone = |incarnation: &&Incarnation| !now.contains_key(incarnation);
        change.over = self.known.keys().filter(gone).copied().collect();
        self.known = now;
        change
    }

    /// Whether a life goes on, as far as is known here.
    pub(super) fn goes_on(&self, incarnation: Incarnation) -> bool {
        self.known.contains_key(&incarnation)
    }

    /// Returns the lives that answer.
    pub(super) fn answering(&self) -> BTreeSet<Incarnation> {
        let answers = |(_, member): &(&Incarnation, &Member)| member.state != MemberState::Joining;
        self.known.iter().filter(answers).map(|(life, _)| *life).collect()
    }

    /// Says whom to ask about attempts of a worker life. A life that is joining has not swept up yet, and may
    /// still find a result.
    pub(super) fn witness(&self, worker: &Worker) -> Witness {
        let own = self.known.get(&worker.incarnation);
        let namesakes = self.known.values().filter(|member| member.name == worker.name);
        match own.or_else(|| namesakes.max_by_key(|member| member.incarnation)) {
            Some(member) if member.state == MemberState::Joining => Witness::Coming,
            Some(member) => Witness::Life(member.incarnation),
            None => Witness::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::ids::Timestamp;

    use super::*;

    fn seen(incarnation: i64, name: &str, state: MemberState) -> Seen {
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
        Seen {
            member,
            beat_age_ms: 0,
        }
    }

    fn worker(incarnation: i64, name: &str) -> Worker {
        Worker {
            incarnation: Incarnation(incarnation),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_reading_tells_each_change_once() {
        let mut lives = Lives::default();
        let first = [
            seen(1, "a", MemberState::Active),
            seen(2, "b", MemberState::Joining),
        ];
        let change = lives.update(&first);
        assert_eq!(change.usable, [first[0].member.clone()]);
        assert_eq!(lives.update(&first), Change::default());
        let change = lives.update(&[seen(1, "a", MemberState::Draining)]);
        assert_eq!(change.draining, [Incarnation(1)]);
        assert_eq!(change.over, [Incarnation(2)]);
    }

    #[test]
    fn attempts_of_a_life_that_is_over_are_asked_of_the_newest_life_of_its_node() {
        let mut lives = Lives::default();
        lives.update(&[
            seen(3, "a", MemberState::Active),
            seen(4, "b", MemberState::Joining),
        ]);
        assert_eq!(lives.witness(&worker(3, "a")), Witness::Life(Incarnation(3)));
        assert_eq!(lives.witness(&worker(1, "a")), Witness::Life(Incarnation(3)));
        assert_eq!(lives.witness(&worker(2, "b")), Witness::Coming);
        assert_eq!(lives.witness(&worker(9, "c")), Witness::None);
    }
}
