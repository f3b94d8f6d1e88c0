//! Which fires of a schedule start now, which are skipped, and when the next one is due.
//!
//! A schedule stores its next fire, the first one that is not decided. Every decision moves it forward, so that no fire
//! is decided twice. A fire is due at its time plus its jitter, but not later than the fire after it: a jitter that
//! would let it start behind that one is cut short.

use super::fire_times::FireTimes;
use super::jitter::jitter_of;
use super::missed_policy::MissedPolicy;
use crate::ids::Timestamp;

/// Skipped fires are counted up to here.
pub const MAX_COUNTED: u32 = 10_000;

/// The rules by which a schedule fires, besides its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiringRules {
    /// Its row, from which its jitters follow.
    pub schedule: i64,
    /// The limit of its jitters, in milliseconds.
    pub jitter_ms: i64,
    /// What becomes of missed fires.
    pub missed: MissedPolicy,
    /// The most missed fires that `all` starts.
    pub missed_limit: u32,
}

/// A fire to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueFire {
    /// Its time.
    pub fire_at: Timestamp,
    /// Since when it could be started.
    pub due_at: Timestamp,
}

/// Fires in a row that are not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedFires {
    /// The oldest.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
    /// How many, up to [`MAX_COUNTED`].
    pub count: u32,
}

/// The next fire of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextFire {
    /// Its time.
    pub fire_at: Timestamp,
    /// When it has to be started.
    pub due_at: Timestamp,
}

/// What a schedule does at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FireDecision {
    /// Missed fires that are not started; they are older than the others.
    pub skipped: Option<SkippedFires>,
    /// Fires to be started, in order.
    pub starts: Vec<DueFire>,
    /// The first fire that is not decided; `None` when there are no more.
    pub next: Option<NextFire>,
}

/// The fires of one schedule.
#[derive(Debug, Clone, Copy)]
pub struct Firing<'a> {
    times: &'a FireTimes,
    rules: FiringRules,
}

impl<'a> Firing<'a> {
    /// Fires at these times by these rules.
    pub fn new(times: &'a FireTimes, rules: FiringRules) -> Self {
        Self { times, rules }
    }

    /// Returns the first fire after an instant.
    pub fn next_after(self, after: Timestamp) -> Option<NextFire> {
        self.times
            .next_after(after)
            .map(|fire_at| self.plan_fire(fire_at))
    }

    /// Decides the fires from `next` on that are due. One that is due for more than `missed_after_ms` is missed. At
    /// most `limit` are started at once; then the decision is repeated at once.
    pub fn decide(self, next: Timestamp, now: Timestamp, missed_after_ms: i64, limit: usize) -> FireDecision {
        // Fires before this instant are missed, whatever their jitter.
        let surely_missed = now
            .0
            .saturating_sub(missed_after_ms)
            .saturating_sub(self.rules.jitter_ms);
        let recent = self.due_fires(next, Timestamp(surely_missed), now);
        let is_missed = |fire: &&DueFire| now.since(fire.due_at) > missed_after_ms;
        let (missed, fresh) = recent.split_at(recent.iter().take_while(is_missed).count());
        let (skipped, mut starts) = self.select_missed(next, Timestamp(surely_missed), missed);
        starts.extend(fresh);
        let left = starts.split_off(starts.len().min(limit));
        let last = starts
            .last()
            .map(|fire| fire.fire_at)
            .or(skipped.map(|run| run.last));
        FireDecision {
            next: match (left.first(), last) {
                (Some(fire), _) => Some(NextFire {
                    fire_at: fire.fire_at,
                    due_at: fire.due_at,
                }),
                (None, Some(last)) => self.next_after(last),
                (None, None) => Some(self.plan_fire(next)),
            },
            skipped,
            starts,
        }
    }

    /// Returns the fires from `next` on whose time has come: what is dropped when the schedule stops firing, or changes.
    pub fn undecided_fires(self, next: Timestamp, now: Timestamp) -> Option<SkippedFires> {
        let last = self.last_from(next, Timestamp(now.0.saturating_add(1)))?;
        let count = self.count_back(next, last, MAX_COUNTED);
        Some(SkippedFires {
            first: next,
            last,
            count,
        })
    }

    /// Returns a fire with the instant at which it is due.
    pub fn plan_fire(self, fire_at: Timestamp) -> NextFire {
        NextFire {
            fire_at,
            due_at: self.due_at(fire_at),
        }
    }

    /// Splits the missed fires from `next` on into those that the policy leaves out and those that it starts. `recent`
    /// are the missed ones from `boundary` on.
    fn select_missed(
        self,
        next: Timestamp,
        boundary: Timestamp,
        recent: &[DueFire],
    ) -> (Option<SkippedFires>, Vec<DueFire>) {
        let wanted = match self.rules.missed {
            MissedPolicy::Skip => 0,
            MissedPolicy::Latest => 1,
            MissedPolicy::All => self.rules.missed_limit as usize,
        };
        let mut kept: Vec<DueFire> = recent.iter().rev().take(wanted).copied().collect();
        let mut skipped_recent = recent.iter().rev().skip(wanted).map(|fire| fire.fire_at);
        let newest_skipped = skipped_recent.next();
        let older_skipped = u32::try_from(skipped_recent.count()).unwrap_or(MAX_COUNTED);
        let mut older = self.last_from(next, boundary);
        while kept.len() < wanted
            && let Some(fire_at) = older
        {
            kept.push(DueFire {
                fire_at,
                due_at: self.due_at(fire_at),
            });
            older = self.last_from(next, fire_at);
        }
        kept.reverse();
        let among_older = older.map_or(0, |last| self.count_back(next, last, MAX_COUNTED));
        let skipped = newest_skipped.or(older).map(|last| SkippedFires {
            first: next,
            last,
            count: (u32::from(newest_skipped.is_some()) + older_skipped + among_older).min(MAX_COUNTED),
        });
        (skipped, kept)
    }

    /// The fires from `next` and from `boundary` on that are due, in order.
    fn due_fires(self, next: Timestamp, boundary: Timestamp, now: Timestamp) -> Vec<DueFire> {
        let mut fires = Vec::new();
        let mut fire = if next >= boundary {
            Some(next)
        } else {
            self.times.next_after(Timestamp(boundary.0.saturating_sub(1)))
        };
        while let Some(fire_at) = fire.filter(|fire_at| *fire_at <= now) {
            let due_at = self.jittered(fire_at);
            fires.push(DueFire { fire_at, due_at });
            fire = self.times.next_after(fire_at);
        }
        let mut earliest = Timestamp(i64::MAX);
        for fire in fires.iter_mut().rev() {
            earliest = earliest.min(fire.due_at);
            fire.due_at = earliest;
        }
        fires.retain(|fire| fire.due_at <= now);
        fires
    }

    /// When a fire is due: at its time with its jitter, or with the first later one that is due before.
    fn due_at(self, fire_at: Timestamp) -> Timestamp {
        let mut due = self.jittered(fire_at);
        let mut later = fire_at;
        while due > later
            && let Some(next) = self.times.next_after(later).filter(|next| *next < due)
        {
            due = due.min(self.jittered(next));
            later = next;
        }
        due
    }

    fn jittered(self, fire_at: Timestamp) -> Timestamp {
        let limit = u64::try_from(self.rules.jitter_ms).unwrap_or(0);
        let jitter = jitter_of(self.rules.schedule.cast_unsigned(), fire_at, limit);
        fire_at.plus(i64::try_from(jitter).unwrap_or(0))
    }

    /// The last fire before an instant that is not before `next`, which is one whatever the times say now.
    fn last_from(self, next: Timestamp, before: Timestamp) -> Option<Timestamp> {
        if next >= before {
            return None;
        }
        let last = self.times.last_before(before);
        Some(last.map_or(next, |last| last.max(next)))
    }

    /// Counts the fires from `next` to `last`, both included, up to `limit`.
    fn count_back(self, next: Timestamp, last: Timestamp, limit: u32) -> u32 {
        let mut count = 1;
        let mut fire = last;
        while count < limit
            && let Some(earlier) = self.last_from(next, fire)
        {
            count += 1;
            fire = earlier;
        }
        count
    }
}

#[cfg(test)]
mod tests;
