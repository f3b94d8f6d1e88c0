//! Whether a master that does not reach its workers leaves its instances to one that does.
//!
//! A plan: facts in, a decision out. Instances move only towards a master that reaches more workers than this one, so
//! that they do not go in circles; and who has left them takes none until it has reached its workers for a while.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use engine::ids::Incarnation;

use crate::slots::Heard;

/// So many silent workers are no chance; all of them where there are fewer.
const ENOUGH: usize = 3;

/// What is known when it is decided.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    /// How this master hears its workers.
    pub(super) mine: &'a Heard,
    /// The other active masters that answered, and the workers that answer each.
    pub(super) others: &'a BTreeMap<Incarnation, BTreeSet<Incarnation>>,
    /// This master has reached its workers for a while.
    pub(super) is_well: bool,
}

/// What this master does with its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Plan {
    /// It keeps them.
    #[default]
    Stay,
    /// It does not reach its workers, but nobody else reaches more of them: it keeps them.
    Alone,
    /// It gives them to this master, and takes none.
    Leave(Incarnation),
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stay => f.write_str("stay"),
            Self::Alone => f.write_str("alone"),
            Self::Leave(target) => write!(f, "leave to {target}"),
        }
    }
}

/// Whether too many workers are silent here for work to go on.
pub(super) fn is_cut_off(mine: &Heard) -> bool {
    !mine.silent.is_empty() && mine.silent.len() >= enough(mine)
}

/// Decides. With the same facts it decides the same again.
pub(super) fn plan(problem: &Problem<'_>, previous: Plan) -> Plan {
    if is_cut_off(problem.mine) {
        return best(problem).map_or(Plan::Alone, Plan::Leave);
    }
    match previous {
        Plan::Leave(target) if !problem.is_well && problem.others.contains_key(&target) => previous,
        _ => Plan::Stay,
    }
}

/// The master that hears most, of those that hear enough of the silent and more than this one does.
fn best(problem: &Problem<'_>) -> Option<Incarnation> {
    let Problem { mine, others, .. } = problem;
    let helps = |hears: &BTreeSet<Incarnation>| {
        let of_the_silent = mine.silent.keys().filter(|worker| hears.contains(worker)).count();
        of_the_silent >= enough(mine) && hears.len() > mine.answering.len()
    };
    let candidates = others.iter().filter(|(_, hears)| helps(hears));
    let best = candidates.max_by_key(|(master, hears)| (hears.len(), Reverse(**master)));
    best.map(|(master, _)| *master)
}

fn enough(mine: &Heard) -> usize {
    mine.known.min(ENOUGH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(numbers: &[i64]) -> BTreeSet<Incarnation> {
        numbers.iter().copied().map(Incarnation).collect()
    }

    fn heard(answering: &[i64], silent: &[i64]) -> Heard {
        let named = silent.iter().map(|n| (Incarnation(*n), format!("w{n}")));
        Heard {
            answering: lives(answering),
            silent: named.collect(),
            known: answering.len() + silent.len(),
        }
    }

    /// The plan of a master that hears `answering` and not `silent`, beside others that hear what is given.
    fn decided(answering: &[i64], silent: &[i64], others: &[(i64, &[i64])], previous: Plan) -> String {
        let others = others
            .iter()
            .map(|(master, hears)| (Incarnation(*master), lives(hears)));
        let problem = Problem {
            mine: &heard(answering, silent),
            others: &others.collect(),
            is_well: false,
        };
        let first = plan(&problem, previous);
        assert_eq!(plan(&problem, first), first, "planning twice changes nothing");
        first.to_string()
    }

    #[test]
    fn who_reaches_none_of_its_workers_leaves_to_the_one_that_reaches_most() {
        assert_eq!(decided(&[], &[11], &[(1, &[11])], Plan::Stay), "leave to 1");
        let others: [(i64, &[i64]); 3] = [(1, &[11, 12, 13]), (2, &[11, 12, 13, 14]), (3, &[11, 12, 13, 14])];
        assert_eq!(decided(&[], &[11, 12, 13, 14], &others, Plan::Stay), "leave to 2");
    }

    #[test]
    fn workers_that_nobody_reaches_are_no_reason_to_leave() {
        assert_eq!(decided(&[], &[11, 12], &[], Plan::Stay), "alone");
        assert_eq!(decided(&[], &[11, 12], &[(1, &[])], Plan::Stay), "alone");
        assert_eq!(decided(&[], &[11, 12], &[(1, &[11])], Plan::Stay), "alone");
    }

    #[test]
    fn three_of_many_are_enough_and_fewer_are_not() {
        let all: &[i64] = &[11, 12, 13, 14, 15];
        assert_eq!(decided(&[13, 14, 15], &[11, 12], &[(1, all)], Plan::Stay), "stay");
        assert_eq!(
            decided(&[14, 15], &[11, 12, 13], &[(1, all)], Plan::Stay),
            "leave to 1"
        );
        assert_eq!(decided(&[], &[], &[(1, all)], Plan::Stay), "stay");
    }

    #[test]
    fn two_masters_that_reach_different_halves_do_not_pass_instances_to_and_fro() {
        let (left, right): (&[i64], &[i64]) = (&[11, 12, 13], &[14, 15, 16]);
        assert_eq!(decided(left, right, &[(2, right)], Plan::Stay), "alone");
        assert_eq!(decided(right, left, &[(1, left)], Plan::Stay), "alone");
    }

    #[test]
    fn who_has_left_takes_nothing_until_it_is_well_or_nobody_is_left_to_go_to() {
        let left = Plan::Leave(Incarnation(1));
        assert_eq!(decided(&[11], &[], &[(1, &[11])], left), "leave to 1");
        assert_eq!(decided(&[11], &[], &[], left), "stay");
        let well = Problem {
            mine: &heard(&[11], &[]),
            others: &[(Incarnation(1), lives(&[11]))].into(),
            is_well: true,
        };
        assert_eq!(plan(&well, left), Plan::Stay);
    }
}
