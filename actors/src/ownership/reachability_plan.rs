//! Decides whether a master that does not reach its workers hands its instances over to one that does.
//!
//! A pure function from facts to a plan. Instances move only towards a master that reaches more workers than this one, so
//! that they do not go in circles; and a master that has handed them over accepts none until it has reached its workers
//! for a while.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use engine::ids::Incarnation;

use crate::execution::reachability::Reachability;

/// The number of unreachable workers from which it is no coincidence; all of them where there are fewer.
const ISOLATION_THRESHOLD: usize = 3;

/// The other active masters that answered, and the workers that answer each.
pub(crate) type PeerReachability = BTreeMap<Incarnation, BTreeSet<Incarnation>>;

/// What is known when it is decided.
#[derive(Debug)]
pub(crate) struct ReachabilityInput<'a> {
    /// The workers as this master reaches them.
    pub(crate) mine: &'a Reachability,
    /// The workers as the other masters reach them.
    pub(crate) others: &'a PeerReachability,
    /// This master has reached its workers for a while.
    pub(crate) has_recovered: bool,
}

/// What this master does with its instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ReachabilityPlan {
    /// It keeps them.
    #[default]
    Keep,
    /// It does not reach its workers, but no other master reaches more of them: it keeps them.
    KeepIsolated,
    /// It hands them over to this master, and accepts none.
    HandOverTo(Incarnation),
}

impl fmt::Display for ReachabilityPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::KeepIsolated => f.write_str("keep, isolated"),
            Self::HandOverTo(target) => write!(f, "hand over to {target}"),
        }
    }
}

/// Whether too many workers are unreachable from here for work to continue.
pub(crate) fn is_isolated(mine: &Reachability) -> bool {
    !mine.unreachable.is_empty() && mine.unreachable.len() >= threshold(mine)
}

/// Makes the plan. The same facts give the same plan.
pub(crate) fn plan_reachability(
    input: &ReachabilityInput<'_>,
    previous: ReachabilityPlan,
) -> ReachabilityPlan {
    if is_isolated(input.mine) {
        return best_master(input).map_or(ReachabilityPlan::KeepIsolated, ReachabilityPlan::HandOverTo);
    }
    match previous {
        ReachabilityPlan::HandOverTo(target)
            if !input.has_recovered && input.others.contains_key(&target) =>
        {
            previous
        }
        _ => ReachabilityPlan::Keep,
    }
}

/// Returns the master that reaches most workers, of those that reach enough of the unreachable ones and more than this
/// one does.
fn best_master(input: &ReachabilityInput<'_>) -> Option<Incarnation> {
    let ReachabilityInput { mine, others, .. } = input;
    let helps = |reached: &BTreeSet<Incarnation>| {
        let unreachable = mine.unreachable.keys();
        let helped = unreachable.filter(|worker| reached.contains(worker)).count();
        helped >= threshold(mine) && reached.len() > mine.reachable.len()
    };
    let candidates = others.iter().filter(|(_, reached)| helps(reached));
    let best = candidates.max_by_key(|(master, reached)| (reached.len(), Reverse(**master)));
    best.map(|(master, _)| *master)
}

fn threshold(mine: &Reachability) -> usize {
    mine.known.min(ISOLATION_THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(numbers: &[i64]) -> BTreeSet<Incarnation> {
        numbers.iter().copied().map(Incarnation).collect()
    }

    fn reachability(reachable: &[i64], unreachable: &[i64]) -> Reachability {
        let named = unreachable.iter().map(|n| (Incarnation(*n), format!("w{n}")));
        Reachability {
            reachable: workers(reachable),
            unreachable: named.collect(),
            known: reachable.len() + unreachable.len(),
        }
    }

    /// The plan of a master that reaches `reachable` and not `unreachable`, beside the given others.
    fn decided(
        reachable: &[i64],
        unreachable: &[i64],
        others: &[(i64, &[i64])],
        previous: ReachabilityPlan,
    ) -> String {
        let others = others
            .iter()
            .map(|(master, reached)| (Incarnation(*master), workers(reached)));
        let input = ReachabilityInput {
            mine: &reachability(reachable, unreachable),
            others: &others.collect(),
            has_recovered: false,
        };
        let first = plan_reachability(&input, previous);
        assert_eq!(
            plan_reachability(&input, first),
            first,
            "planning twice changes nothing"
        );
        first.to_string()
    }

    #[test]
    fn a_master_that_reaches_no_worker_hands_over_to_the_one_that_reaches_most() {
        assert_eq!(
            decided(&[], &[11], &[(1, &[11])], ReachabilityPlan::Keep),
            "hand over to 1"
        );
        let others: [(i64, &[i64]); 3] = [(1, &[11, 12, 13]), (2, &[11, 12, 13, 14]), (3, &[11, 12, 13, 14])];
        assert_eq!(
            decided(&[], &[11, 12, 13, 14], &others, ReachabilityPlan::Keep),
            "hand over to 2"
        );
    }

    #[test]
    fn workers_that_no_master_reaches_are_no_reason_to_hand_over() {
        assert_eq!(
            decided(&[], &[11, 12], &[], ReachabilityPlan::Keep),
            "keep, isolated"
        );
        assert_eq!(
            decided(&[], &[11, 12], &[(1, &[])], ReachabilityPlan::Keep),
            "keep, isolated"
        );
        assert_eq!(
            decided(&[], &[11, 12], &[(1, &[11])], ReachabilityPlan::Keep),
            "keep, isolated"
        );
    }

    #[test]
    fn three_of_many_are_enough_and_fewer_are_not() {
        let all: &[i64] = &[11, 12, 13, 14, 15];
        assert_eq!(
            decided(&[13, 14, 15], &[11, 12], &[(1, all)], ReachabilityPlan::Keep),
            "keep"
        );
        assert_eq!(
            decided(&[14, 15], &[11, 12, 13], &[(1, all)], ReachabilityPlan::Keep),
            "hand over to 1"
        );
        assert_eq!(decided(&[], &[], &[(1, all)], ReachabilityPlan::Keep), "keep");
    }

    #[test]
    fn two_masters_that_reach_different_halves_do_not_exchange_instances() {
        let (left, right): (&[i64], &[i64]) = (&[11, 12, 13], &[14, 15, 16]);
        assert_eq!(
            decided(left, right, &[(2, right)], ReachabilityPlan::Keep),
            "keep, isolated"
        );
        assert_eq!(
            decided(right, left, &[(1, left)], ReachabilityPlan::Keep),
            "keep, isolated"
        );
    }

    #[test]
    fn a_master_that_handed_over_accepts_nothing_until_it_has_recovered_or_the_target_is_gone() {
        let handed_over = ReachabilityPlan::HandOverTo(Incarnation(1));
        assert_eq!(decided(&[11], &[], &[(1, &[11])], handed_over), "hand over to 1");
        assert_eq!(decided(&[11], &[], &[], handed_over), "keep");
        let recovered = ReachabilityInput {
            mine: &reachability(&[11], &[]),
            others: &[(Incarnation(1), workers(&[11]))].into(),
            has_recovered: true,
        };
        assert_eq!(plan_reachability(&recovered, handed_over), ReachabilityPlan::Keep);
    }
}
