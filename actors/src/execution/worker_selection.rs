//! Which of several workers with free slots gets the next attempt.

use engine::ids::Incarnation;

/// How a master selects among workers with free slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkerSelection {
    /// The worker with the most free slots.
    #[default]
    LeastLoaded,
    /// One after the other.
    RoundRobin,
    /// A random worker.
    Random,
    /// A random worker, in proportion to the slots.
    Weighted,
}

/// A worker with a free slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotCandidate {
    /// The worker.
    pub(crate) worker: Incarnation,
    /// Its free slots.
    pub(crate) free: u32,
    /// All its slots.
    pub(crate) total: u32,
}

impl WorkerSelection {
    /// Selects one of the candidates; none when there are none.
    pub(crate) fn select_worker(self, candidates: &[SlotCandidate], turn: u64) -> Option<Incarnation> {
        let count = u64::try_from(candidates.len()).ok().filter(|count| *count > 0)?;
        let nth = |n: u64| candidates.get(usize::try_from(n % count).unwrap_or(0));
        let selected = match self {
            Self::LeastLoaded => candidates.iter().max_by_key(|candidate| candidate.free),
            Self::RoundRobin => nth(turn),
            Self::Random => nth(scatter(turn)),
            Self::Weighted => {
                let all: u64 = candidates
                    .iter()
                    .map(|candidate| u64::from(candidate.total))
                    .sum();
                let mut point = scatter(turn) % all.max(1);
                candidates.iter().find(|candidate| {
                    let total = u64::from(candidate.total);
                    let is_here = point < total;
                    point = point.saturating_sub(total);
                    is_here
                })
            }
        };
        selected.map(|candidate| candidate.worker)
    }
}

/// Spreads consecutive numbers over all numbers (the finaliser of SplitMix64).
fn scatter(turn: u64) -> u64 {
    let mixed = turn.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Counts how often each of three workers is selected; their free slots are 1, 5, 3 and all slots 10, 10, 40.
    fn selected(selection: WorkerSelection, turns: u64) -> BTreeMap<i64, u64> {
        let candidates = [(1, 1, 10), (2, 5, 10), (3, 3, 40)].map(|(worker, free, total)| SlotCandidate {
            worker: Incarnation(worker),
            free,
            total,
        });
        let mut counts = BTreeMap::new();
        for turn in 0..turns {
            let picked = selection.select_worker(&candidates, turn).expect("a worker");
            *counts.entry(picked.0).or_insert(0) += 1;
        }
        counts
    }

    #[test]
    fn the_least_loaded_is_the_one_with_the_most_free_slots() {
        assert_eq!(selected(WorkerSelection::LeastLoaded, 9), [(2, 9)].into());
    }

    #[test]
    fn round_robin_takes_each_in_turn() {
        assert_eq!(
            selected(WorkerSelection::RoundRobin, 9),
            [(1, 3), (2, 3), (3, 3)].into()
        );
    }

    #[test]
    fn random_is_about_even_and_weighted_is_by_slots() {
        let even = selected(WorkerSelection::Random, 6_000);
        assert!(
            even.values().all(|count| (1_800..2_200).contains(count)),
            "{even:?}"
        );
        let weighted = selected(WorkerSelection::Weighted, 6_000);
        assert!(
            (3_800..4_200).contains(&weighted[&3]),
            "two thirds of all slots: {weighted:?}"
        );
        assert!((850..1_150).contains(&weighted[&1]), "{weighted:?}");
    }

    #[test]
    fn without_candidates_no_worker_is_selected() {
        assert_eq!(WorkerSelection::Random.select_worker(&[], 7), None);
    }
}
