//! Every attempt that this worker knows, and who speaks for each instance.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use engine::ids::{AttemptNumber, Generation, Incarnation, InstanceId, Millis, Ordinal, Uid};
use engine::instance::Ended;

use super::journal::{Line, Process, Replay};
use super::known::{Known, Phase, STARTED_AGAIN};
use crate::protocol::{Adopt, ReattachAnswer, Dispatch, DispatchAnswer, Kill, KillAnswer, Owner, Report};

/// So many ended and refused uids are remembered, so that a late copy of a message starts nothing.
const PAST: usize = 200_000;

/// Above so many instances those without an attempt here are forgotten.
const SEEN: usize = 100_000;

/// What became of a uid that is not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// It never started and never will.
    Tombstone,
    /// It ended, and the owner has stored the end.
    Stored,
}

/// What is to be done with a dispatch.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Judgement {
    /// Journal it, then start it.
    Take,
    /// Only answer.
    Answer(DispatchAnswer),
}

/// The attempts of one worker life.
#[derive(Debug)]
pub(super) struct Attempts {
    me: Incarnation,
    slots: u32,
    used: u32,
    /// Why nothing new is taken.
    closed: Option<&'static str>,
    /// Why nothing new is taken for a while.
    refusing: Option<String>,
    known: BTreeMap<Uid, Known>,
    past: HashMap<Uid, Past>,
    past_order: VecDeque<Uid>,
    seen: HashMap<InstanceId, Owner>,
    /// Lives of this boot, whose journal is complete.
    complete: BTreeSet<Incarnation>,
    lives: Vec<(Incarnation, String)>,
}

impl Attempts {
    /// Begins with what the journal tells of earlier lives; `boot_id` is the boot of this one.
    pub(super) fn recall(me: Incarnation, slots: u32, replay: Replay, boot_id: &str) -> Self {
        let complete = replay
            .lives
            .iter()
            .filter(|(_, boot)| boot == boot_id)
            .map(|(life, _)| *life)
            .collect();
        let mut attempts = Self {
            me,
            slots,
            used: 0,
            closed: None,
            refusing: None,
            known: BTreeMap::new(),
            past: HashMap::new(),
            past_order: VecDeque::new(),
            seen: HashMap::new(),
            complete,
            lives: replay.lives,
        };
        for (uid, recalled) in replay.attempts {
            attempts.see(uid.instance, &recalled.owner);
            attempts.known.insert(uid, Known::earlier(recalled));
        }
        attempts
    }

    /// Returns how many attempts have a slot.
    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// Returns how many more may start.
    pub(super) fn free(&self) -> u32 {
        match (self.closed, &self.refusing) {
            (None, None) => self.slots.saturating_sub(self.used),
            (Some(_), _) | (_, Some(_)) => 0,
        }
    }

    /// Takes nothing new as long as there is a reason.
    pub(super) fn refuse(&mut self, why: Option<String>) {
        self.refusing = why;
    }

    /// Whether nothing new is taken for a while.
    pub(super) fn is_refusing(&self) -> bool {
        self.refusing.is_some()
    }

    /// Takes nothing new from now on, for this reason.
    pub(super) fn close(&mut self, why: &'static str) {
        self.closed = Some(why);
    }

    /// Whether nothing new is taken.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Returns an attempt that is not forgotten.
    pub(super) fn get(&self, uid: &Uid) -> Option<&Known> {
        self.known.get(uid)
    }

    /// Returns an attempt that is not forgotten, to be changed.
    pub(super) fn get_mut(&mut self, uid: &Uid) -> Option<&mut Known> {
        self.known.get_mut(uid)
    }

    /// Returns whom to tell about an instance.
    pub(super) fn owner(&self, instance: InstanceId) -> Option<&Owner> {
        self.seen.get(&instance)
    }

    /// Takes note of who speaks for an instance; the error is a newer one.
    pub(super) fn see(&mut self, instance: InstanceId, owner: &Owner) -> Option<&Owner> {
        let stale = self
            .seen
            .get(&instance)
            .is_some_and(|seen| (owner.generation, owner.epoch) < (seen.generation, seen.epoch));
        if !stale {
            self.seen.insert(instance, owner.clone());
            self.forget_instances();
            return None;
        }
        self.seen.get(&instance)
    }

    fn forget_instances(&mut self) {
        if self.seen.len() > SEEN {
            let live: BTreeSet<InstanceId> = self.known.keys().map(|uid| uid.instance).collect();
            self.seen.retain(|instance, _| live.contains(instance));
        }
    }

    /// Decides on a dispatch; a taken one has its slot from now on.
    pub(super) fn judge(&mut self, dispatch: &Dispatch) -> Judgement {
        let uid = dispatch.uid;
        if dispatch.worker != self.me {
            return refused(format!("it is for life {} of this worker", dispatch.worker));
        }
        if let Some(newer) = self.see(uid.instance, &dispatch.owner) {
            return Judgement::Answer(DispatchAnswer::StaleEpoch { seen: newer.epoch });
        }
        if self.known.contains_key(&uid) {
            return Judgement::Answer(DispatchAnswer::Accepted);
        }
        match self.past.get(&uid) {
            Some(Past::Stored) => return Judgement::Answer(DispatchAnswer::Accepted),
            Some(Past::Tombstone) => return refused("it was called off before it arrived".to_owned()),
            None => {}
        }
        if self.free() == 0 {
            self.tombstone(uid);
            let passing = self.refusing.as_deref().unwrap_or("no slot is free");
            return refused(self.closed.unwrap_or(passing).to_owned());
        }
        self.used += 1;
        self.known.insert(uid, Known::taken(dispatch));
        Judgement::Take
    }

    /// Refuses for ever a uid that was not started; gives its slot back if it had one.
    pub(super) fn tombstone(&mut self, uid: Uid) {
        if self.known.remove(&uid).is_some_and(|known| known.has_slot()) {
            self.used -= 1;
        }
        self.remember(uid, Past::Tombstone);
    }

    fn remember(&mut self, uid: Uid, past: Past) {
        if self.past.insert(uid, past).is_none() {
            self.past_order.push_back(uid);
        }
        if self.past_order.len() > PAST
            && let Some(oldest) = self.past_order.pop_front()
        {
            self.past.remove(&oldest);
        }
    }

    /// Decides on a kill that was sent to a life of this worker.
    pub(super) fn kill(&mut self, kill: &Kill, to: Incarnation) -> KillAnswer {
        let uid = kill.uid;
        if let Some(newer) = self.see(uid.instance, &kill.owner) {
            return KillAnswer::StaleEpoch { seen: newer.epoch };
        }
        if let Some(known) = self.known.get_mut(&uid) {
            known.kill.get_or_insert(kill.cause);
            return KillAnswer::Killing;
        }
        if self.past.get(&uid) == Some(&Past::Stored) {
            return KillAnswer::Killing;
        }
        if to == self.me {
            self.tombstone(uid);
        }
        KillAnswer::NeverStarted
    }

    /// Decides on a question of a new owner.
    pub(super) fn adopt(&mut self, adopt: &Adopt) -> ReattachAnswer {
        let uid = adopt.uid;
        if let Some(newer) = self.see(uid.instance, &adopt.owner) {
            return ReattachAnswer::StaleEpoch { seen: newer.epoch };
        }
        if let Some(known) = self.known.get(&uid) {
            return known.adopted(self.me);
        }
        match self.past.get(&uid) {
            Some(Past::Tombstone) => ReattachAnswer::NeverStarted,
            Some(Past::Stored) => lost(),
            None if adopt.worker == self.me => {
                self.tombstone(uid);
                ReattachAnswer::NeverStarted
            }
            None if self.complete.contains(&adopt.worker) => ReattachAnswer::NeverStarted,
            None => lost(),
        }
    }

    /// Takes note of a start.
    pub(super) fn started(&mut self, uid: &Uid, process: &Process, at: Millis) {
        if let Some(known) = self.known.get_mut(uid) {
            known.recalled.started = Some((process.clone(), at));
        }
    }

    /// Takes note of an end and gives the slot back; `false` when it had ended before.
    pub(super) fn ended(&mut self, uid: &Uid, ended: &Ended) -> bool {
        let Some(known) = self.known.get_mut(uid) else {
            return false;
        };
        if !known.has_slot() {
            return false;
        }
        known.phase = Phase::Ended;
        known.recalled.ended = Some(ended.clone());
        self.used -= 1;
        true
    }

    /// Gives the slot back of an attempt that has no result: it is lost, as the owner hears now or from a later life.
    pub(super) fn lost(&mut self, uid: &Uid) {
        if let Some(known) = self.known.get_mut(uid)
            && known.has_slot()
        {
            known.phase = Phase::Ended;
            self.used -= 1;
        }
    }

    /// Forgets an attempt whose end is stored.
    pub(super) fn stored(&mut self, uid: Uid) {
        if self.known.remove(&uid).is_some() {
            self.remember(uid, Past::Stored);
        }
    }

    /// Returns what there is to tell about an attempt now.
    pub(super) fn report(&self, uid: &Uid) -> Option<Report> {
        let known = self.known.get(uid)?;
        Some(Report {
            uid: *uid,
            worker: known.recalled.worker,
            fact: known.fact()?,
        })
    }

    /// Returns the attempts about which there is something to tell, of one instance.
    pub(super) fn to_tell_of(&self, instance: InstanceId) -> Vec<Uid> {
        let mut found = Vec::new();
        // Of any generation: an attempt keeps its uid when the generation is raised. There are few of them.
        let mut next = self.known.keys().next().map(|uid| uid.generation);
        while let Some(generation) = next {
            let of = first_of(generation, instance)..first_of(generation, InstanceId(instance.0 + 1));
            found.extend(self.known.range(of).map(|(uid, _)| *uid));
            let later = first_of(Generation(generation.0 + 1), InstanceId(0));
            next = self.known.range(later..).next().map(|(uid, _)| uid.generation);
        }
        found.retain(|uid| self.report(uid).is_some());
        found
    }

    /// Returns every attempt about which there is something to tell.
    pub(super) fn to_tell(&self) -> Vec<Uid> {
        self.known
            .keys()
            .filter(|uid| self.report(uid).is_some())
            .copied()
            .collect()
    }

    /// Returns the attempts that have a slot.
    pub(super) fn open(&self) -> Vec<Uid> {
        self.known
            .iter()
            .filter(|(_, known)| known.has_slot())
            .map(|(uid, _)| *uid)
            .collect()
    }

    /// Whether nothing runs and nothing of this life waits to be stored.
    pub(super) fn is_idle(&self) -> bool {
        self.used == 0
            && !self.known.values().any(|known| {
                let told = known.recalled.ended.is_some() || known.cut_off.is_some();
                known.recalled.worker == self.me && told
            })
    }

    /// Returns how many attempts are not forgotten.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether this master has an attempt here that has a slot.
    pub(super) fn has_open_of(&self, master: Incarnation) -> bool {
        self.known.iter().any(|(uid, known)| {
            known.has_slot()
                && self
                    .owner(uid.instance)
                    .is_some_and(|owner| owner.incarnation == master)
        })
    }

    /// Returns the lines that say all this again.
    pub(super) fn lines(&self) -> Vec<Line> {
        let replay = Replay {
            lives: self.lives.clone(),
            attempts: self
                .known
                .iter()
                .map(|(uid, known)| (*uid, known.recalled.clone()))
                .collect(),
        };
        replay.lines()
    }
}

fn lost() -> ReattachAnswer {
    ReattachAnswer::Lost {
        reason: STARTED_AGAIN.to_owned(),
    }
}

/// The least uid of an instance in a generation.
fn first_of(generation: Generation, instance: InstanceId) -> Uid {
    Uid {
        generation,
        instance,
        ordinal: Ordinal(0),
        attempt: AttemptNumber(0),
        binding: 0,
    }
}

fn refused(reason: String) -> Judgement {
    Judgement::Answer(DispatchAnswer::Refused { reason })
}
