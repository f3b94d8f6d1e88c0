//! What a master gives away so that all own about the same: a plan, made anew each second from what is known then.
//!
//! ```text
//! calm for 30 s, more than 1.25 times the mean -> idle ones first, to the least loaded, down to the mean
//! at most 50 in a second, and a fifth of its own in a minute; none that came within 5 minutes
//! ```
//!
//! It knows no clock and no store. Planning the same again changes nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use engine::ids::{Incarnation, InstanceId, Timestamp};

/// Nobody has come, gone or been missed for so long before anything moves.
pub const CALM_MS: i64 = 30_000;

/// An instance that was not told anything for so long is idle.
pub const IDLE_MS: i64 = 5_000;

/// An instance that came from another master stays for so long.
pub const STAYS_MS: i64 = 300_000;

/// Given in one second, at most.
pub const PER_SECOND: u32 = 50;

/// The part of its instances that a master gives in one minute, at most; one is always allowed.
pub const PART_PER_MINUTE: u32 = 5;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;

/// What is known at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The moment.
    pub now: Timestamp,
    /// Who plans.
    pub me: Incarnation,
    /// How many instances each active master owned, this one among them.
    pub loads: BTreeMap<Incarnation, u32>,
    /// When that was read.
    pub read_at: Timestamp,
    /// Nobody has come, gone or been missed since.
    pub calm_since: Timestamp,
    /// What this master could give.
    pub movable: Vec<Movable>,
}

/// An instance that could be given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movable {
    /// Which.
    pub id: InstanceId,
    /// When it was last told anything.
    pub stirred_at: Timestamp,
    /// When it came from another master, if it did.
    pub came_at: Option<Timestamp>,
}

/// What is given now, and what has been given lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// To whom goes what.
    pub gifts: BTreeMap<Incarnation, Vec<InstanceId>>,
    /// What was given within the last minute, these gifts among it.
    given: Vec<Given>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    at: Timestamp,
    target: Incarnation,
    count: u32,
}

/// Makes the plan of this moment from the one before.
pub fn plan(problem: &Problem, previous: &Plan) -> Plan {
    let recent = |given: &&Given| given.at != problem.now && problem.now.since(given.at) < MINUTE_MS;
    let mut next = Plan {
        gifts: BTreeMap::new(),
        given: previous.given.iter().filter(recent).copied().collect(),
    };
    let mut loads = next.loads_now(problem);
    let mut room = room(problem, &loads, &next);
    for id in in_order(problem) {
        let Some(target) = least_loaded(problem.me, &loads).filter(|_| room > 0) else {
            break;
        };
        next.gifts.entry(target).or_default().push(id);
        give(&mut loads, problem.me, target, 1);
        room -= 1;
    }
    for (target, gifts) in &next.gifts {
        next.given.push(Given {
            at: problem.now,
            target: *target,
            count: u32::try_from(gifts.len()).unwrap_or(u32::MAX),
        });
    }
    next
}

/// Whether this master has so much more than the others that it should give.
pub fn is_overloaded(me: Incarnation, loads: &BTreeMap<Incarnation, u32>) -> bool {
    let own = u64::from(loads.get(&me).copied().unwrap_or(0));
    own * 4 * masters(loads) > total(loads) * 5
}

impl Plan {
    fn given_since(&self, at: Timestamp) -> u32 {
        let given = self.given.iter().filter(|given| given.at >= at);
        given.map(|given| given.count).sum()
    }

    /// The loads as they are when everything arrived that was given since they were read.
    fn loads_now(&self, problem: &Problem) -> BTreeMap<Incarnation, u32> {
        let mut loads = problem.loads.clone();
        for given in self.given.iter().filter(|given| given.at >= problem.read_at) {
            if loads.contains_key(&given.target) {
                give(&mut loads, problem.me, given.target, given.count);
            }
        }
        loads
    }
}

/// How many may be given now.
fn room(problem: &Problem, loads: &BTreeMap<Incarnation, u32>, plan: &Plan) -> u32 {
    let calm = problem.now.since(problem.calm_since) >= CALM_MS;
    if !calm || !is_overloaded(problem.me, loads) {
        return 0;
    }
    let own = loads.get(&problem.me).copied().unwrap_or(0);
    let mean = u32::try_from(total(loads).div_ceil(masters(loads))).unwrap_or(u32::MAX);
    let in_this_second = plan.given_since(problem.now.plus(1 - SECOND_MS));
    let in_this_minute = plan.given_since(problem.now.plus(1 - MINUTE_MS));
    let part = ((own + in_this_minute) / PART_PER_MINUTE).max(1);
    own.saturating_sub(mean)
        .min(PER_SECOND.saturating_sub(in_this_second))
        .min(part.saturating_sub(in_this_minute))
}

/// What may be given, the longest idle first. The others follow only when nobody is idle.
fn in_order(problem: &Problem) -> impl Iterator<Item = InstanceId> {
    let stays = |came_at: Timestamp| problem.now.since(came_at) < STAYS_MS;
    let mut free: Vec<&Movable> = problem.movable.iter().collect();
    free.retain(|movable| !movable.came_at.is_some_and(stays));
    free.sort_by_key(|movable| (Reverse(problem.now.since(movable.stirred_at)), movable.id));
    let is_idle = |movable: &&&Movable| problem.now.since(movable.stirred_at) >= IDLE_MS;
    let idle = free.iter().take_while(is_idle).count();
    let count = if idle > 0 { idle } else { free.len() };
    free.into_iter().take(count).map(|movable| movable.id)
}

fn least_loaded(me: Incarnation, loads: &BTreeMap<Incarnation, u32>) -> Option<Incarnation> {
    let others = loads.iter().filter(|(master, _)| **master != me);
    others.min_by_key(|(_, load)| **load).map(|(master, _)| *master)
}

fn give(loads: &mut BTreeMap<Incarnation, u32>, from: Incarnation, to: Incarnation, count: u32) {
    let own = loads.entry(from).or_default();
    *own = own.saturating_sub(count);
    *loads.entry(to).or_default() += count;
}

fn total(loads: &BTreeMap<Incarnation, u32>) -> u64 {
    loads.values().map(|load| u64::from(*load)).sum()
}

fn masters(loads: &BTreeMap<Incarnation, u32>) -> u64 {
    u64::try_from(loads.len()).unwrap_or(u64::MAX).max(1)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.gifts.is_empty() {
            f.write_str("nothing")?;
        }
        for (n, (target, gifts)) in self.gifts.iter().enumerate() {
            let ids: Vec<String> = gifts.iter().map(ToString::to_string).collect();
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{} -> {target}", ids.join(" "))?;
        }
        let lately: u32 = self.given.iter().map(|given| given.count).sum();
        write!(f, " ({lately} within a minute)")
    }
}

#[cfg(test)]
mod tests;
