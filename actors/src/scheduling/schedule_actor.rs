//! Fires the schedules of all workflows.
//!
//! In: a timer at the earliest due time, notices that schedules have changed, and a look at the store at a fixed interval
//! that finds what other nodes have changed. Out: decisions that are stored in one commit with their instances, then the
//! instances to the `MasterActor`. Every active master may fire every schedule: a commit holds only for the row that was
//! decided on, so that each fire happens once. Masters share the schedules, so that they do not decide the same; one that
//! does not fire in time is helped out by the others. If the actor dies, the node ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{InstanceId, ScheduleId, Timestamp};

use crate::exit_on_panic::ExitOnPanic;
use crate::messages::schedule::SchedulesChanged;
use crate::messages::{Observe, StartDrain};
use crate::ownership::single_flight::{FlightDecision, SingleFlight};
use crate::scheduling::fire_batch::{FiredBatch, commit_batch};
use crate::scheduling::prepared_schedule::PreparedSchedule;
use crate::scheduling::schedule_deps::ScheduleDeps;
use crate::scheduling::upcoming::{read_upcoming, share_of};
use ports::{FireCommit, FireOutcome, NodeIdentity, StoreError};

/// The interval at which the store is searched for schedules that are due soon.
const LOOK_INTERVAL: Duration = Duration::from_secs(3);

/// The pause before the store is searched again after another master was first, or the store did not answer.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The longest wait of the timer; the look after it arms it again.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The most schedules of one batch.
const BATCH: usize = 1_000;

/// The most new instances whose actors wait until all fires that are due are stored.
const MAX_HELD: usize = 20_000;

/// A stored decision with its instances, and who owns each.
type StoredFires = (FireCommit, Vec<(InstanceId, Option<NodeIdentity>)>);

/// Fires schedules.
pub struct ScheduleActor {
    deps: ScheduleDeps,
    /// Schedules that are due soon, as they were last read or committed.
    upcoming: BTreeMap<ScheduleId, Arc<PreparedSchedule>>,
    /// Schedules in batches that are being committed.
    committing: BTreeSet<ScheduleId>,
    /// Batches that are being committed.
    in_flight: usize,
    /// Stored decisions whose instances have no actor yet: their commits would delay the fires that are still due.
    held: Vec<StoredFires>,
    looking: SingleFlight,
    timer: Option<SpawnHandle>,
    draining: bool,
    _exit_on_panic: ExitOnPanic,
}

impl ScheduleActor {
    /// Makes the actor of a master.
    pub fn new(deps: ScheduleDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            upcoming: BTreeMap::new(),
            committing: BTreeSet::new(),
            in_flight: 0,
            held: Vec::new(),
            looking: SingleFlight::default(),
            timer: None,
            draining: false,
            _exit_on_panic: exit_on_panic,
        }
    }

    fn is_active(&self) -> bool {
        !self.draining && self.deps.is_accepting()
    }

    /// Reads which schedules are due soon.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if !self.is_active() || self.looking.request() == FlightDecision::Wait {
            return;
        }
        let (deps, known) = (self.deps.clone(), self.upcoming.clone());
        let read = async move { read_upcoming(&deps, known).await };
        ctx.spawn(read.into_actor(self).map(|read, actor, ctx| {
            let look_again = actor.looking.finish();
            match read {
                Ok(upcoming) => actor.replace_upcoming(upcoming),
                Err(error) => tracing::debug!(%error, "the schedules could not be read"),
            }
            if look_again {
                actor.look(ctx);
            }
            actor.fire_due(ctx);
        }));
    }

    /// Takes a reading; a schedule that was committed since is newer than the reading.
    fn replace_upcoming(&mut self, mut read: BTreeMap<ScheduleId, Arc<PreparedSchedule>>) {
        for (id, known) in &self.upcoming {
            let is_newer = |read: &Arc<PreparedSchedule>| read.revision() < known.revision();
            if self.committing.contains(id) || read.get(id).is_some_and(is_newer) {
                read.insert(*id, Arc::clone(known));
            }
        }
        self.upcoming = read;
        metrics::gauge!("porpoise_schedules_upcoming")
            .set(u32::try_from(self.upcoming.len()).unwrap_or(u32::MAX));
    }

    /// Commits the fires that are due, in batches, as many at a time as the store has writers.
    fn fire_due(&mut self, ctx: &mut Context<Self>) {
        while self.is_active() && self.in_flight < self.deps.store.writer_count() {
            let now = self.deps.clock.now();
            let batch = self.take_due(now);
            if batch.is_empty() {
                break;
            }
            self.committing.extend(batch.iter().map(|schedule| schedule.id()));
            self.in_flight += 1;
            let ids: BTreeSet<ScheduleId> = batch.iter().map(|schedule| schedule.id()).collect();
            let commit = commit_batch(self.deps.clone(), batch);
            ctx.spawn(commit.into_actor(self).map(move |committed, actor, ctx| {
                actor.in_flight -= 1;
                actor.committing.retain(|id| !ids.contains(id));
                actor.apply(committed, ctx);
                actor.fire_due(ctx);
            }));
        }
        if self.in_flight == 0 || self.held.len() >= MAX_HELD {
            for (commit, instances) in self.held.drain(..) {
                self.deps.run_instances(commit, instances);
            }
        }
        self.arm_timer(ctx);
    }

    /// Takes the schedules that this master has to fire now, the earliest first.
    fn take_due(&self, now: Timestamp) -> Vec<Arc<PreparedSchedule>> {
        let share = share_of(&self.deps);
        let mut due: Vec<&Arc<PreparedSchedule>> = self
            .upcoming
            .values()
            .filter(|schedule| !self.committing.contains(&schedule.id()))
            .filter(|schedule| share.fires_at(schedule.id(), schedule.due_at()) <= now)
            .collect();
        due.sort_by_key(|schedule| (schedule.due_at(), schedule.id()));
        due.into_iter().take(BATCH).cloned().collect()
    }

    /// Takes what is stored, and forgets what is not known any more.
    fn apply(&mut self, committed: Result<FiredBatch, StoreError>, ctx: &mut Context<Self>) {
        let fired = match committed {
            Ok(fired) => fired,
            Err(error) => {
                tracing::warn!(%error, "fires of schedules were not committed");
                metrics::counter!("porpoise_schedule_commits_total", "result" => "failed").increment(1);
                self.upcoming.clear();
                ctx.run_later(RETRY_PAUSE, Self::look);
                return;
            }
        };
        metrics::counter!("porpoise_schedule_commits_total", "result" => "stored").increment(1);
        let mut has_changed = false;
        for (schedule, commit, outcome) in fired.into_entries() {
            let id = schedule.id();
            match outcome {
                FireOutcome::Stored(instances) => {
                    match schedule.after(&commit) {
                        Some(next) => self.upcoming.insert(id, Arc::new(next)),
                        None => self.upcoming.remove(&id),
                    };
                    self.held.push((commit, instances));
                }
                FireOutcome::Changed => {
                    self.upcoming.remove(&id);
                    has_changed = true;
                }
                FireOutcome::Rejected(why) => {
                    tracing::error!(schedule = %id, %why, "the store refuses the fires of a schedule");
                    self.upcoming.remove(&id);
                }
            }
        }
        if has_changed {
            ctx.run_later(RETRY_PAUSE, Self::look);
        }
    }

    /// Wakes this actor when the next schedule is due.
    fn arm_timer(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        if self.in_flight >= self.deps.store.writer_count() {
            return;
        }
        let share = share_of(&self.deps);
        let waiting = self
            .upcoming
            .values()
            .filter(|schedule| !self.committing.contains(&schedule.id()));
        let next = waiting
            .map(|schedule| share.fires_at(schedule.id(), schedule.due_at()))
            .min();
        let Some(next) = next.filter(|_| self.is_active()) else {
            return;
        };
        let wait_ms = u64::try_from(next.since(self.deps.clock.now())).unwrap_or(0);
        let wait = Duration::from_millis(wait_ms).min(MAX_WAIT);
        self.timer = Some(ctx.run_later(wait, |actor, ctx| {
            actor.timer = None;
            actor.fire_due(ctx);
        }));
    }
}

impl Actor for ScheduleActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(LOOK_INTERVAL, Self::look);
    }
}

impl Handler<SchedulesChanged> for ScheduleActor {
    type Result = ();

    fn handle(&mut self, _: SchedulesChanged, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<StartDrain> for ScheduleActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

impl Handler<Observe> for ScheduleActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        let next = self.upcoming.values().map(|schedule| schedule.due_at().0).min();
        MessageResult(serde_json::json!({
            "upcoming": self.upcoming.len(),
            "committing": self.committing.len(),
            "next_due_at": next,
            "draining": self.draining,
        }))
    }
}
