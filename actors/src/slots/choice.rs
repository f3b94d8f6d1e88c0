//! Which of several workers with free slots gets the next attempt.

use engine::ids::Incarnation;

/// How a master chooses among workers with free slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The one with the most free slots.
    #[default]
    LeastLoaded,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
    /// Any, in proportion to their slots.
    Weighted,
}

impl Choice {
    /// Chooses one of the candidates, each with its free and its total slots; there is at least one.
    pub(super) fn pick(self, candidates: &[(Incarnation, u32, u32)], turn: u64) -> Option<Incarnation> {
        let count = u64::try_from(candidates.len()).ok().filter(|count| *count > 0)?;
        let nth = |n: u64| candidates.get(usize::try_from(n % count).unwrap_or(0));
        let chosen = match self {
            Self::LeastLoaded => candidates.iter().max_by_key(|(_, free, _)| *free),
            Self::RoundRobin => nth(turn),
            Self::Random => nth(scatter(turn)),
            Self::Weighted => {
                let all: u64 = candidates.iter().map(|(_, _, total)| u64::from(*total)).sum();
                let mut point = scatter(turn) % all.max(1);
                candidates.iter().find(|(_, _, total)| {
                    let here = point < u64::from(*total);
                    point = point.saturating_sub(u64::from(*total));
                    here
                })
            }
        };
        chosen.map(|(incarnation, _, _)| *incarnation)
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

    /// How often each of three workers is chosen in so many turns; their free slots are 1, 5, 3 and all slots
    /// 10, 10, 40.
    fn chosen(choice: Choice, turns: u64) -> BTreeMap<i64, u64> {
        let candidates = [
            (Incarnation(1), 1, 10),
            (Incarnation(2), 5, 10),
            (Incarnation(3), 3, 40),
        ];
        let mut counts = BTreeMap::new();
        for turn in 0..turns {
            let picked = choice.pick(&candidates, turn).expect("somebody");
            *counts.entry(picked.0).or_insert(0) += 1;
        }
        counts
    }

    #[test]
    fn the_least_loaded_is_the_one_with_the_most_free_slots() {
        assert_eq!(chosen(Choice::LeastLoaded, 9), [(2, 9)].into());
    }

    #[test]
    fn round_robin_takes_each_in_turn() {
        assert_eq!(chosen(Choice::RoundRobin, 9), [(1, 3), (2, 3), (3, 3)].into());
    }

    #[test]
    fn random_is_about_even_and_weighted_is_by_slots() {
        let even = chosen(Choice::Random, 6_000);
        assert!(
            even.values().all(|count| (1_800..2_200).contains(count)),
            "{even:?}"
        );
        let weighted = chosen(Choice::Weighted, 6_000);
        assert!(
            (3_800..4_200).contains(&weighted[&3]),
            "two thirds of all slots: {weighted:?}"
        );
        assert!((850..1_150).contains(&weighted[&1]), "{weighted:?}");
    }

    #[test]
    fn nobody_is_chosen_of_none() {
        assert_eq!(Choice::Random.pick(&[], 7), None);
    }
}
