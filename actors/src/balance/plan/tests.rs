use std::collections::BTreeMap;

use engine::ids::{Incarnation, InstanceId, Timestamp};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

/// A calm cluster; this master is 1, and all it owns is idle.
fn calm(loads: &[(i64, u32)]) -> Problem {
    let own = loads
        .iter()
        .find(|(master, _)| *master == 1)
        .map_or(0, |(_, own)| *own);
    Problem {
        now: NOW,
        me: Incarnation(1),
        loads: loads
            .iter()
            .map(|(master, load)| (Incarnation(*master), *load))
            .collect(),
        read_at: NOW.plus(-1_000),
        calm_since: NOW.plus(-CALM_MS),
        movable: (1..=i64::from(own)).map(|id| movable(id, -IDLE_MS)).collect(),
    }
}

fn movable(id: i64, stirred: i64) -> Movable {
    Movable {
        id: InstanceId(id),
        stirred_at: NOW.plus(stirred),
        came_at: None,
    }
}

fn planned(problem: &Problem) -> String {
    plan(problem, &Plan::default()).to_string()
}

#[test]
fn a_fifth_goes_to_the_newcomer_and_no_more_within_the_minute() {
    let mut problem = calm(&[(1, 20), (2, 0)]);
    let first = plan(&problem, &Plan::default());
    assert_eq!(first.to_string(), "1 2 3 4 -> 2 (4 within a minute)");
    problem.now = NOW.plus(59_000);
    let second = plan(&problem, &first);
    assert_eq!(second.to_string(), "nothing (4 within a minute)");
    problem.now = NOW.plus(60_000);
    assert_eq!(
        plan(&problem, &second).to_string(),
        "1 2 3 4 -> 2 (4 within a minute)"
    );
}

#[test]
fn fifty_go_in_one_second() {
    let mut problem = calm(&[(1, 1_000), (2, 0)]);
    let first = plan(&problem, &Plan::default());
    assert_eq!(first.gifts[&Incarnation(2)].len(), 50);
    problem.now = NOW.plus(999);
    let soon = plan(&problem, &first);
    assert!(soon.gifts.is_empty(), "{soon}");
    problem.now = NOW.plus(1_000);
    assert_eq!(plan(&problem, &soon).gifts[&Incarnation(2)].len(), 50);
}

#[test]
fn a_quarter_above_the_mean_is_not_worth_a_move() {
    assert_eq!(planned(&calm(&[(1, 10), (2, 6)])), "nothing (0 within a minute)");
    assert_eq!(planned(&calm(&[(1, 11), (2, 6)])), "1 2 -> 2 (2 within a minute)");
}

#[test]
fn nobody_else_or_nothing_to_even_out_is_no_reason_to_move() {
    for loads in [
        &[(1, 9)][..],
        &[(1, 1), (2, 0)],
        &[(1, 0), (2, 9)],
        &[(1, 2), (2, 2), (3, 0)],
    ] {
        assert_eq!(planned(&calm(loads)), "nothing (0 within a minute)", "{loads:?}");
    }
}

#[test]
fn the_least_loaded_is_filled_up_to_the_next() {
    let problem = calm(&[(1, 25), (2, 3), (3, 2)]);
    assert_eq!(planned(&problem), "2 4 -> 2, 1 3 5 -> 3 (5 within a minute)");
}

#[test]
fn nothing_moves_within_thirty_seconds_of_a_change() {
    let mut problem = calm(&[(1, 20), (2, 0)]);
    problem.calm_since = NOW.plus(1 - CALM_MS);
    assert_eq!(planned(&problem), "nothing (0 within a minute)");
}

#[test]
fn the_longest_idle_go_first_and_those_that_work_only_when_nobody_is_idle() {
    let mut problem = calm(&[(1, 20), (2, 0)]);
    problem.movable = vec![
        movable(1, 0),
        movable(2, -6_000),
        movable(3, -4_999),
        movable(4, -9_000),
    ];
    assert_eq!(planned(&problem), "4 2 -> 2 (2 within a minute)");
    problem.movable = vec![movable(1, 0), movable(2, -4_999)];
    assert_eq!(planned(&problem), "2 1 -> 2 (2 within a minute)");
}

#[test]
fn what_came_from_another_master_stays_for_five_minutes() {
    let mut problem = calm(&[(1, 20), (2, 0)]);
    problem.movable.truncate(2);
    problem.movable[0].came_at = Some(NOW.plus(1 - STAYS_MS));
    problem.movable[1].came_at = Some(NOW.plus(-STAYS_MS));
    assert_eq!(planned(&problem), "2 -> 2 (1 within a minute)");
}

#[test]
fn what_was_given_since_the_last_reading_counts_as_arrived() {
    let mut problem = calm(&[(1, 11), (2, 6)]);
    let first = plan(&problem, &Plan::default());
    assert_eq!(first.to_string(), "1 2 -> 2 (2 within a minute)");
    problem.now = NOW.plus(2_000);
    assert_eq!(plan(&problem, &first).to_string(), "nothing (2 within a minute)");
}

/// Masters that each plan every second, and read the loads every five.
struct Cluster {
    now: Timestamp,
    owned: BTreeMap<Incarnation, Vec<Movable>>,
    plans: BTreeMap<Incarnation, Plan>,
    read: (Timestamp, BTreeMap<Incarnation, u32>),
    /// When each instance moved.
    moves: BTreeMap<InstanceId, Vec<Timestamp>>,
    /// How many each master gave, and when.
    given: Vec<(Incarnation, Timestamp, u32)>,
}

impl Cluster {
    fn of(loads: &[u32]) -> Self {
        let mut ids = 1..;
        let owned = (1..).map(Incarnation).zip(loads).map(|(master, load)| {
            let ids = ids.by_ref().take(usize::try_from(*load).unwrap());
            (master, ids.map(|id| movable(id, -(id % 20_000))).collect())
        });
        let owned: BTreeMap<_, _> = owned.collect();
        Self {
            now: NOW,
            plans: owned.keys().map(|master| (*master, Plan::default())).collect(),
            owned,
            read: (NOW, BTreeMap::new()),
            moves: BTreeMap::new(),
            given: Vec::new(),
        }
    }

    fn loads(&self) -> BTreeMap<Incarnation, u32> {
        let count = |owned: &Vec<Movable>| u32::try_from(owned.len()).unwrap();
        self.owned
            .iter()
            .map(|(master, owned)| (*master, count(owned)))
            .collect()
    }

    /// One second; everybody plans before anything moves.
    fn tick(&mut self) {
        if self.now.0 % 5_000 == 0 {
            self.read = (self.now, self.loads());
        }
        let masters: Vec<Incarnation> = self.owned.keys().copied().collect();
        for master in &masters {
            let problem = self.problem(*master);
            let next = plan(&problem, &self.plans[master]);
            assert_eq!(plan(&problem, &next), next, "planning twice changes nothing");
            self.plans.insert(*master, next);
        }
        for master in masters {
            for (target, ids) in self.plans[&master].gifts.clone() {
                self.given
                    .push((master, self.now, u32::try_from(ids.len()).unwrap()));
                ids.into_iter().for_each(|id| self.carry(id, master, target));
            }
            self.within_the_rates(master);
        }
        self.now = self.now.plus(1_000);
    }

    fn problem(&self, me: Incarnation) -> Problem {
        Problem {
            now: self.now,
            me,
            loads: self.read.1.clone(),
            read_at: self.read.0,
            calm_since: NOW.plus(-CALM_MS),
            movable: self.owned[&me].clone(),
        }
    }

    fn carry(&mut self, id: InstanceId, from: Incarnation, to: Incarnation) {
        let owned = self.owned.get_mut(&from).unwrap();
        let place = owned.iter().position(|movable| movable.id == id);
        let mut carried = owned.remove(place.expect("only what it owns"));
        assert!(!owned.is_empty(), "no master is emptied");
        carried.came_at = Some(self.now);
        carried.stirred_at = self.now;
        self.owned.get_mut(&to).unwrap().push(carried);
        let moves = self.moves.entry(id).or_default();
        if let Some(last) = moves.last() {
            assert!(
                self.now.since(*last) >= STAYS_MS,
                "{id} moved twice within five minutes"
            );
        }
        moves.push(self.now);
    }

    fn within_the_rates(&self, master: Incarnation) {
        let given_within = |ms: i64| -> u32 {
            let given = self
                .given
                .iter()
                .filter(|(giver, at, _)| *giver == master && self.now.since(*at) < ms);
            given.map(|(_, _, count)| *count).sum()
        };
        assert!(given_within(1_000) <= PER_SECOND);
        let own = u32::try_from(self.owned[&master].len()).unwrap();
        let minute = given_within(60_000);
        assert!(minute <= 1 || minute * 5 <= own + minute, "{minute} of {own}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn masters_become_even_within_the_rates_and_then_rest(
        loads in proptest::collection::vec(0_u32..300, 1..6)
    ) {
        let mut cluster = Cluster::of(&loads);
        for _ in 0..1_500 {
            cluster.tick();
        }
        let now = cluster.loads();
        let mean = total(&now).div_ceil(masters(&now));
        for (master, load) in &now {
            let load = u64::from(*load);
            prop_assert!(load <= mean || !is_overloaded(*master, &now), "{now:?} of {loads:?}");
        }
        let moves = cluster.given.len();
        for _ in 0..400 {
            cluster.tick();
        }
        prop_assert_eq!(cluster.given.len(), moves, "who is even rests");
    }
}
