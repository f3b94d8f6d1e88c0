use std::collections::BTreeMap;

use engine::ids::{Incarnation, InstanceId, Timestamp};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

/// A stable cluster; this master is 1, and all it owns is idle.
fn stable(loads: &[(i64, u32)]) -> RebalanceInput {
    let own = loads
        .iter()
        .find(|(master, _)| *master == 1)
        .map_or(0, |(_, own)| *own);
    RebalanceInput {
        now: NOW,
        this_node: Incarnation(1),
        loads: loads
            .iter()
            .map(|(master, load)| (Incarnation(*master), *load))
            .collect(),
        read_at: NOW.plus(-1_000),
        stable_since: NOW.plus(-STABLE_MS),
        candidates: (1..=i64::from(own)).map(|id| candidate(id, -IDLE_MS)).collect(),
    }
}

fn candidate(id: i64, idle: i64) -> HandoverCandidate {
    HandoverCandidate {
        id: InstanceId(id),
        active_at: NOW.plus(idle),
        received_at: None,
    }
}

fn planned(input: &RebalanceInput) -> String {
    plan_rebalance(input, &RebalancePlan::default()).to_string()
}

#[test]
fn a_fifth_goes_to_a_new_master_and_no_more_within_the_minute() {
    let mut input = stable(&[(1, 20), (2, 0)]);
    let first = plan_rebalance(&input, &RebalancePlan::default());
    assert_eq!(first.to_string(), "1 2 3 4 -> 2 (4 within a minute)");
    input.now = NOW.plus(59_000);
    let second = plan_rebalance(&input, &first);
    assert_eq!(second.to_string(), "nothing (4 within a minute)");
    input.now = NOW.plus(60_000);
    assert_eq!(
        plan_rebalance(&input, &second).to_string(),
        "1 2 3 4 -> 2 (4 within a minute)"
    );
}

#[test]
fn fifty_go_in_one_second() {
    let mut input = stable(&[(1, 1_000), (2, 0)]);
    let first = plan_rebalance(&input, &RebalancePlan::default());
    assert_eq!(first.moves[&Incarnation(2)].len(), 50);
    input.now = NOW.plus(999);
    let soon = plan_rebalance(&input, &first);
    assert!(soon.moves.is_empty(), "{soon}");
    input.now = NOW.plus(1_000);
    assert_eq!(plan_rebalance(&input, &soon).moves[&Incarnation(2)].len(), 50);
}

#[test]
fn a_quarter_above_the_mean_is_not_worth_a_move() {
    assert_eq!(
        planned(&stable(&[(1, 10), (2, 6)])),
        "nothing (0 within a minute)"
    );
    assert_eq!(
        planned(&stable(&[(1, 11), (2, 6)])),
        "1 2 -> 2 (2 within a minute)"
    );
}

#[test]
fn a_single_master_or_even_loads_are_no_reason_to_move() {
    for loads in [
        &[(1, 9)][..],
        &[(1, 1), (2, 0)],
        &[(1, 0), (2, 9)],
        &[(1, 2), (2, 2), (3, 0)],
    ] {
        assert_eq!(
            planned(&stable(loads)),
            "nothing (0 within a minute)",
            "{loads:?}"
        );
    }
}

#[test]
fn the_least_loaded_is_filled_up_to_the_next() {
    let input = stable(&[(1, 25), (2, 3), (3, 2)]);
    assert_eq!(planned(&input), "2 4 -> 2, 1 3 5 -> 3 (5 within a minute)");
}

#[test]
fn nothing_moves_within_thirty_seconds_of_a_change() {
    let mut input = stable(&[(1, 20), (2, 0)]);
    input.stable_since = NOW.plus(1 - STABLE_MS);
    assert_eq!(planned(&input), "nothing (0 within a minute)");
}

#[test]
fn the_longest_idle_go_first_and_busy_ones_only_when_none_is_idle() {
    let mut input = stable(&[(1, 20), (2, 0)]);
    input.candidates = vec![
        candidate(1, 0),
        candidate(2, -6_000),
        candidate(3, -4_999),
        candidate(4, -9_000),
    ];
    assert_eq!(planned(&input), "4 2 -> 2 (2 within a minute)");
    input.candidates = vec![candidate(1, 0), candidate(2, -4_999)];
    assert_eq!(planned(&input), "2 1 -> 2 (2 within a minute)");
}

#[test]
fn what_came_from_another_master_stays_for_five_minutes() {
    let mut input = stable(&[(1, 20), (2, 0)]);
    input.candidates.truncate(2);
    input.candidates[0].received_at = Some(NOW.plus(1 - MIN_STAY_MS));
    input.candidates[1].received_at = Some(NOW.plus(-MIN_STAY_MS));
    assert_eq!(planned(&input), "2 -> 2 (1 within a minute)");
}

#[test]
fn what_was_handed_over_since_the_last_reading_counts_as_arrived() {
    let mut input = stable(&[(1, 11), (2, 6)]);
    let first = plan_rebalance(&input, &RebalancePlan::default());
    assert_eq!(first.to_string(), "1 2 -> 2 (2 within a minute)");
    input.now = NOW.plus(2_000);
    assert_eq!(
        plan_rebalance(&input, &first).to_string(),
        "nothing (2 within a minute)"
    );
}

/// Masters that each plan every second, and read the loads every five.
struct Cluster {
    now: Timestamp,
    owned: BTreeMap<Incarnation, Vec<HandoverCandidate>>,
    plans: BTreeMap<Incarnation, RebalancePlan>,
    read: (Timestamp, BTreeMap<Incarnation, u32>),
    /// When each instance moved.
    moves: BTreeMap<InstanceId, Vec<Timestamp>>,
    /// The number of instances that each master handed over, with the time.
    handed_over: Vec<(Incarnation, Timestamp, u32)>,
}

impl Cluster {
    fn with_loads(loads: &[u32]) -> Self {
        let mut ids = 1..;
        let owned = (1..).map(Incarnation).zip(loads).map(|(master, load)| {
            let ids = ids.by_ref().take(usize::try_from(*load).unwrap());
            (master, ids.map(|id| candidate(id, -(id % 20_000))).collect())
        });
        let owned: BTreeMap<_, _> = owned.collect();
        Self {
            now: NOW,
            plans: owned
                .keys()
                .map(|master| (*master, RebalancePlan::default()))
                .collect(),
            owned,
            read: (NOW, BTreeMap::new()),
            moves: BTreeMap::new(),
            handed_over: Vec::new(),
        }
    }

    fn loads(&self) -> BTreeMap<Incarnation, u32> {
        let count = |owned: &Vec<HandoverCandidate>| u32::try_from(owned.len()).unwrap();
        self.owned
            .iter()
            .map(|(master, owned)| (*master, count(owned)))
            .collect()
    }

    /// One second; every master plans before anything moves.
    fn tick(&mut self) {
        if self.now.0 % 5_000 == 0 {
            self.read = (self.now, self.loads());
        }
        let masters: Vec<Incarnation> = self.owned.keys().copied().collect();
        for master in &masters {
            let input = self.input_of(*master);
            let next = plan_rebalance(&input, &self.plans[master]);
            assert_eq!(
                plan_rebalance(&input, &next),
                next,
                "planning twice changes nothing"
            );
            self.plans.insert(*master, next);
        }
        for master in masters {
            for (target, ids) in self.plans[&master].moves.clone() {
                self.handed_over
                    .push((master, self.now, u32::try_from(ids.len()).unwrap()));
                ids.into_iter()
                    .for_each(|id| self.execute_move(id, master, target));
            }
            self.within_the_rates(master);
        }
        self.now = self.now.plus(1_000);
    }

    fn input_of(&self, this_node: Incarnation) -> RebalanceInput {
        RebalanceInput {
            now: self.now,
            this_node,
            loads: self.read.1.clone(),
            read_at: self.read.0,
            stable_since: NOW.plus(-STABLE_MS),
            candidates: self.owned[&this_node].clone(),
        }
    }

    fn execute_move(&mut self, id: InstanceId, from: Incarnation, to: Incarnation) {
        let owned = self.owned.get_mut(&from).unwrap();
        let position = owned.iter().position(|candidate| candidate.id == id);
        let mut moved = owned.remove(position.expect("only what it owns"));
        assert!(!owned.is_empty(), "no master is emptied");
        moved.received_at = Some(self.now);
        moved.active_at = self.now;
        self.owned.get_mut(&to).unwrap().push(moved);
        let moves = self.moves.entry(id).or_default();
        if let Some(last) = moves.last() {
            assert!(
                self.now.since(*last) >= MIN_STAY_MS,
                "{id} moved twice within five minutes"
            );
        }
        moves.push(self.now);
    }

    fn within_the_rates(&self, master: Incarnation) {
        let handed_over_within = |ms: i64| -> u32 {
            let handed_over = self
                .handed_over
                .iter()
                .filter(|(from, at, _)| *from == master && self.now.since(*at) < ms);
            handed_over.map(|(_, _, count)| *count).sum()
        };
        assert!(handed_over_within(1_000) <= PER_SECOND);
        let own = u32::try_from(self.owned[&master].len()).unwrap();
        let minute = handed_over_within(60_000);
        assert!(minute <= 1 || minute * 5 <= own + minute, "{minute} of {own}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn masters_become_even_within_the_rates_and_then_move_nothing(
        loads in proptest::collection::vec(0_u32..300, 1..6)
    ) {
        let mut cluster = Cluster::with_loads(&loads);
        for _ in 0..1_500 {
            cluster.tick();
        }
        let now = cluster.loads();
        let mean = total(&now).div_ceil(masters(&now));
        for (master, load) in &now {
            let load = u64::from(*load);
            prop_assert!(load <= mean || !is_overloaded(*master, &now), "{now:?} of {loads:?}");
        }
        let moves = cluster.handed_over.len();
        for _ in 0..400 {
            cluster.tick();
        }
        prop_assert_eq!(cluster.handed_over.len(), moves, "even masters move nothing");
    }
}
