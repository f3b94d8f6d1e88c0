//! Plans which instances a master hands over so that all masters own about the same; made again each second.
//!
//! ```text
//! stable for 30 s, more than 1.25 times the mean -> idle ones first, to the least loaded, down to the mean
//! at most 50 in a second, and a fifth of its own in a minute; none that came within 5 minutes
//! ```
//!
//! It knows no clock and no store. Planning the same again changes nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use engine::ids::{Incarnation, InstanceId, Timestamp};

use crate::messages::master::HandoverCandidate;

/// Time without a change among the members before anything moves, in milliseconds.
pub const STABLE_MS: i64 = 30_000;

/// Time without an event after which an instance is idle, in milliseconds.
pub const IDLE_MS: i64 = 5_000;

/// Time for which an instance that came from another master stays, in milliseconds.
pub const MIN_STAY_MS: i64 = 300_000;

/// The largest number of instances handed over in one second.
pub const PER_SECOND: u32 = 50;

/// The divisor of the largest part of its instances that a master hands over in one minute; one is always allowed.
pub const PART_PER_MINUTE: u32 = 5;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;

/// What is known at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebalanceInput {
    /// The moment.
    pub now: Timestamp,
    /// The master that plans.
    pub this_node: Incarnation,
    /// The number of instances of each active master, this one included.
    pub loads: BTreeMap<Incarnation, u32>,
    /// When `loads` was read.
    pub read_at: Timestamp,
    /// The members have not changed since then.
    pub stable_since: Timestamp,
    /// The instances that this master could hand over.
    pub candidates: Vec<HandoverCandidate>,
}

/// The instances to hand over now, and the number of those handed over recently.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RebalancePlan {
    /// The instances, by new owner.
    pub moves: BTreeMap<Incarnation, Vec<InstanceId>>,
    /// The hand-overs of the last minute, these included.
    recent: Vec<RecentHandover>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RecentHandover {
    at: Timestamp,
    target: Incarnation,
    count: u32,
}

/// Makes the plan of this moment from the one before.
pub fn plan_rebalance(input: &RebalanceInput, previous: &RebalancePlan) -> RebalancePlan {
    let is_recent =
        |recent: &&RecentHandover| recent.at != input.now && input.now.since(recent.at) < MINUTE_MS;
    let mut next = RebalancePlan {
        moves: BTreeMap::new(),
        recent: previous.recent.iter().filter(is_recent).copied().collect(),
    };
    let mut loads = next.loads_now(input);
    let mut budget = handover_budget(input, &loads, &next);
    for id in candidates_in_order(input) {
        let Some(target) = least_loaded(input.this_node, &loads).filter(|_| budget > 0) else {
            break;
        };
        next.moves.entry(target).or_default().push(id);
        move_load(&mut loads, input.this_node, target, 1);
        budget -= 1;
    }
    for (target, moves) in &next.moves {
        next.recent.push(RecentHandover {
            at: input.now,
            target: *target,
            count: u32::try_from(moves.len()).unwrap_or(u32::MAX),
        });
    }
    next
}

/// Whether this master owns enough more than the others to hand instances over.
pub fn is_overloaded(this_node: Incarnation, loads: &BTreeMap<Incarnation, u32>) -> bool {
    let own = u64::from(loads.get(&this_node).copied().unwrap_or(0));
    own * 4 * masters(loads) > total(loads) * 5
}

impl RebalancePlan {
    fn moved_since(&self, at: Timestamp) -> u32 {
        let recent = self.recent.iter().filter(|recent| recent.at >= at);
        recent.map(|recent| recent.count).sum()
    }

    /// Returns the loads after the arrival of everything handed over since they were read.
    fn loads_now(&self, input: &RebalanceInput) -> BTreeMap<Incarnation, u32> {
        let mut loads = input.loads.clone();
        for recent in self.recent.iter().filter(|recent| recent.at >= input.read_at) {
            if loads.contains_key(&recent.target) {
                move_load(&mut loads, input.this_node, recent.target, recent.count);
            }
        }
        loads
    }
}

/// Returns the number of instances that may be handed over now.
fn handover_budget(input: &RebalanceInput, loads: &BTreeMap<Incarnation, u32>, plan: &RebalancePlan) -> u32 {
    let is_stable = input.now.since(input.stable_since) >= STABLE_MS;
    if !is_stable || !is_overloaded(input.this_node, loads) {
        return 0;
    }
    let own = loads.get(&input.this_node).copied().unwrap_or(0);
    let mean = u32::try_from(total(loads).div_ceil(masters(loads))).unwrap_or(u32::MAX);
    let in_last_second = plan.moved_since(input.now.plus(1 - SECOND_MS));
    let in_last_minute = plan.moved_since(input.now.plus(1 - MINUTE_MS));
    let part = ((own + in_last_minute) / PART_PER_MINUTE).max(1);
    own.saturating_sub(mean)
        .min(PER_SECOND.saturating_sub(in_last_second))
        .min(part.saturating_sub(in_last_minute))
}

/// Returns the instances that may be handed over, the longest idle first; the others only when none is idle.
fn candidates_in_order(input: &RebalanceInput) -> impl Iterator<Item = InstanceId> {
    let must_stay = |received_at: Timestamp| input.now.since(received_at) < MIN_STAY_MS;
    let mut eligible: Vec<&HandoverCandidate> = input.candidates.iter().collect();
    eligible.retain(|candidate| !candidate.received_at.is_some_and(must_stay));
    eligible.sort_by_key(|candidate| (Reverse(input.now.since(candidate.active_at)), candidate.id));
    let is_idle = |candidate: &&&HandoverCandidate| input.now.since(candidate.active_at) >= IDLE_MS;
    let idle = eligible.iter().take_while(is_idle).count();
    let count = if idle > 0 { idle } else { eligible.len() };
    eligible.into_iter().take(count).map(|candidate| candidate.id)
}

fn least_loaded(this_node: Incarnation, loads: &BTreeMap<Incarnation, u32>) -> Option<Incarnation> {
    let others = loads.iter().filter(|(master, _)| **master != this_node);
    others.min_by_key(|(_, load)| **load).map(|(master, _)| *master)
}

fn move_load(loads: &mut BTreeMap<Incarnation, u32>, from: Incarnation, to: Incarnation, count: u32) {
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

impl fmt::Display for RebalancePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.moves.is_empty() {
            f.write_str("nothing")?;
        }
        for (n, (target, moves)) in self.moves.iter().enumerate() {
            let ids: Vec<String> = moves.iter().map(ToString::to_string).collect();
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{} -> {target}", ids.join(" "))?;
        }
        let recently: u32 = self.recent.iter().map(|recent| recent.count).sum();
        write!(f, " ({recently} within a minute)")
    }
}

#[cfg(test)]
mod tests;
