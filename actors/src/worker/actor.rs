//! The mailbox of the worker: every message becomes a change of `Attempts`, a journal line or a report.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, MessageResult, WrapFuture,
};
use engine::ids::{Incarnation, Uid};
use engine::instance::{AttemptResult, Ended};
use engine::states::KillCause;
use tokio::sync::oneshot;

use super::attempts::Attempts;
use super::cut_off::Cuts;
use super::desk::Desk;
use super::journal::Line;
use super::known::{Phase, STARTED_AGAIN};
use super::messages::{
    AdoptBatch, AttemptEnded, AttemptStarted, DispatchBatch, Hello, KillAttempt, KillBatch, Observe, TaskGone,
};
use super::outbox::Outbox;
use super::task::{Listener, TaskActor};
use super::{WorkerConfig, WorkerPorts};
use crate::ports::{Job, KILL_GRACE, Leftover};
use crate::protocol::{ReattachAnswer, Dispatch, KillAnswer, Owner};

/// A `started` report waits so long for the end, so that a short task reports once.
const HOLD_BACK: Duration = Duration::from_millis(20);

/// Results are made to outlive the machine at most so often.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The worker of this node.
pub(super) struct WorkerActor {
    pub(super) config: WorkerConfig,
    pub(super) ports: WorkerPorts,
    pub(super) attempts: Attempts,
    pub(super) outbox: Outbox,
    pub(super) desk: Desk,
    pub(super) hungry: VecDeque<Owner>,
    tasks: HashMap<Uid, Addr<TaskActor>>,
    sync_due: bool,
    pub(super) cuts: Cuts,
    pub(super) giving_up: bool,
    /// A look whether new work is still refused is due.
    pub(super) looking: bool,
    pub(super) drained: Vec<oneshot::Sender<()>>,
    used: Arc<AtomicU32>,
}

/// The hold-back of a started attempt is over.
#[derive(Message)]
#[rtype(result = "()")]
struct StartedDue(Uid);

impl WorkerActor {
    pub(super) fn new(
        config: WorkerConfig,
        ports: WorkerPorts,
        attempts: Attempts,
        used: Arc<AtomicU32>,
    ) -> Self {
        Self {
            config,
            ports,
            attempts,
            outbox: Outbox::default(),
            desk: Desk::default(),
            hungry: VecDeque::new(),
            tasks: HashMap::new(),
            sync_due: false,
            cuts: Cuts::default(),
            giving_up: false,
            looking: false,
            drained: Vec::new(),
            used,
        }
    }

    /// Publishes the use of slots for readers outside the mailbox.
    pub(super) fn publish_use(&self) {
        self.used.store(self.attempts.used(), Ordering::Relaxed);
    }

    /// Tells a master later that slots came free, since it was told that there are none.
    pub(super) fn remember_hungry(&mut self, owner: &Owner) {
        if !self
            .hungry
            .iter()
            .any(|known| known.incarnation == owner.incarnation)
        {
            self.hungry.push_back(owner.clone());
        }
    }

    /// Starts the process of an attempt that the journal knows.
    pub(super) fn start_task(&mut self, dispatch: Dispatch, ctx: &mut Context<Self>) {
        let uid = dispatch.uid;
        let Some(known) = self.attempts.get_mut(&uid) else {
            return;
        };
        if known.kill.is_some() || self.giving_up {
            let ended = self.ended_unstarted("killed before it was started");
            self.on_ended(uid, ended, ctx);
            return;
        }
        known.phase = Phase::Running;
        let listener = Listener {
            started: ctx.address().recipient(),
            ended: ctx.address().recipient(),
            gone: ctx.address().recipient(),
        };
        let runner = Arc::clone(&self.ports.runner);
        let task = TaskActor::new(self.job(dispatch), runner, self.ports.clock.clone(), listener);
        self.tasks.insert(uid, task.start());
    }

    fn job(&self, dispatch: Dispatch) -> Job {
        let folders = &self.config.folders;
        let uid = dispatch.uid;
        let output = folders.output(&uid);
        Job {
            log: super::folders::log_file(&folders.logs, &uid),
            workdir: folders.workdir(&uid),
            dispatch: super::environment::complete(dispatch, &output),
            output,
        }
    }

    pub(super) fn ended_unstarted(&self, why: &str) -> Ended {
        Ended {
            result: AttemptResult::Killed,
            exit_code: None,
            error: Some(why.to_owned()),
            outputs: std::collections::BTreeMap::new(),
            pid: None,
            started_at: None,
            ended_at: self.ports.clock.now(),
        }
    }

    pub(super) fn on_ended(&mut self, uid: Uid, ended: Ended, ctx: &mut Context<Self>) {
        self.tasks.remove(&uid);
        self.cuts.forget(&uid);
        if is_ours(&ended) && self.is_no_result(&uid) {
            self.attempts.lost(&uid);
            self.tell(uid, ctx);
        } else if self.attempts.ended(&uid, &ended) {
            self.desk.note(Line::Ended { uid, ended });
            self.pump_journal(ctx);
            self.want_sync(ctx);
            self.tell(uid, ctx);
        }
        self.publish_use();
        self.offer_slots(uid, ctx);
        self.look_drained();
    }

    /// Whether nobody asked for the end of an attempt that was killed, but the drain or a cut: it is lost. After a
    /// drain a later life says so.
    fn is_no_result(&self, uid: &Uid) -> bool {
        let known = self.attempts.get(uid);
        known.is_some_and(|known| known.kill.is_none() && (self.giving_up || known.cut_off.is_some()))
    }

    fn want_sync(&mut self, ctx: &mut Context<Self>) {
        if self.sync_due {
            return;
        }
        self.sync_due = true;
        ctx.run_later(SYNC_EVERY, |worker, ctx| {
            worker.sync_due = false;
            let journal = Arc::clone(&worker.ports.journal);
            let sync = async move {
                if let Err(error) = journal.sync().await {
                    tracing::warn!(%error, "the worker's journal is not on the disk");
                }
            };
            ctx.spawn(sync.into_actor(worker));
        });
    }

    pub(super) fn order_kill(&self, uid: &Uid, cause: KillCause, within: Duration) {
        if let Some(task) = self.tasks.get(uid) {
            task.do_send(KillAttempt { cause, within });
        }
    }

    /// An owner spoke: what is to be told goes to it from now on.
    fn tell_instance(&mut self, uid: Uid, ctx: &mut Context<Self>) {
        for uid in self.attempts.to_tell_of(uid.instance) {
            self.tell(uid, ctx);
        }
    }
}

/// Whether a kill, and not the task itself, made the end.
fn is_ours(ended: &Ended) -> bool {
    matches!(ended.result, AttemptResult::Killed)
}

impl Actor for WorkerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(1024);
        for uid in self.attempts.to_tell() {
            self.tell(uid, ctx);
        }
    }
}

impl Handler<DispatchBatch> for WorkerActor {
    type Result = ();

    fn handle(&mut self, batch: DispatchBatch, ctx: &mut Context<Self>) {
        self.cuts.heard_of_a_master();
        self.desk.wait(batch);
        self.pump_journal(ctx);
    }
}

impl Handler<KillBatch> for WorkerActor {
    type Result = MessageResult<KillBatch>;

    fn handle(&mut self, KillBatch { to, batch }: KillBatch, ctx: &mut Context<Self>) -> Self::Result {
        self.cuts.heard_of_a_master();
        let mut answers = Vec::with_capacity(batch.len());
        for kill in &batch {
            let answer = self.attempts.kill(kill, to);
            if answer == KillAnswer::Killing {
                self.order_kill(&kill.uid, kill.cause, KILL_GRACE);
                self.start_kept(&kill.uid, ctx);
                self.end_lost_one(kill.uid, ctx);
            }
            self.tell_instance(kill.uid, ctx);
            answers.push(answer);
        }
        MessageResult(answers)
    }
}

impl WorkerActor {
    /// A kill of what has no result, because an earlier life left it or a cut ended it: nothing of it runs.
    fn end_lost_one(&mut self, uid: Uid, ctx: &mut Context<Self>) {
        let cut_off = self.attempts.get(&uid).and_then(|known| known.cut_off.clone());
        let ended = self.ended_unstarted(cut_off.as_deref().unwrap_or(STARTED_AGAIN));
        if let Some(known) = self.attempts.get_mut(&uid)
            && known.phase == Phase::Ended
            && known.recalled.ended.is_none()
        {
            known.recalled.ended = Some(ended.clone());
            self.desk.note(Line::Ended { uid, ended });
            self.pump_journal(ctx);
        }
    }
}

impl Handler<AdoptBatch> for WorkerActor {
    type Result = MessageResult<AdoptBatch>;

    fn handle(&mut self, AdoptBatch(batch): AdoptBatch, ctx: &mut Context<Self>) -> Self::Result {
        self.cuts.heard_of_a_master();
        let mut answers = Vec::with_capacity(batch.len());
        for adopt in &batch {
            let answer = self.attempts.adopt(adopt);
            if !matches!(answer, ReattachAnswer::StaleEpoch { .. }) {
                self.tell_instance(adopt.uid, ctx);
                self.cuts.ask_now(&adopt.uid);
            }
            answers.push(answer);
        }
        self.mind_cuts(ctx);
        MessageResult(answers)
    }
}

impl Handler<Hello> for WorkerActor {
    type Result = u32;

    fn handle(&mut self, Hello { to, from }: Hello, _: &mut Context<Self>) -> u32 {
        self.cuts.heard_of_a_master();
        let free = if to == self.config.me.incarnation {
            self.attempts.free()
        } else {
            0
        };
        if free == 0 {
            self.remember_hungry(&from);
        }
        free
    }
}

impl Handler<AttemptStarted> for WorkerActor {
    type Result = ();

    fn handle(&mut self, AttemptStarted { uid, process, at }: AttemptStarted, ctx: &mut Context<Self>) {
        self.attempts.started(&uid, &process, at);
        self.desk.note(Line::Started { uid, process, at });
        self.pump_journal(ctx);
        ctx.notify_later(StartedDue(uid), HOLD_BACK);
    }
}

impl Handler<StartedDue> for WorkerActor {
    type Result = ();

    fn handle(&mut self, StartedDue(uid): StartedDue, ctx: &mut Context<Self>) {
        if let Some(known) = self.attempts.get_mut(&uid) {
            known.start_due = true;
            self.tell(uid, ctx);
        }
    }
}

impl Handler<AttemptEnded> for WorkerActor {
    type Result = ();

    fn handle(&mut self, AttemptEnded { uid, ended }: AttemptEnded, ctx: &mut Context<Self>) {
        self.on_ended(uid, ended, ctx);
    }
}

impl Handler<TaskGone> for WorkerActor {
    type Result = ();

    /// Without an end before it, the task actor panicked: whatever it started is killed.
    fn handle(&mut self, TaskGone { uid }: TaskGone, ctx: &mut Context<Self>) {
        self.tasks.remove(&uid);
        let Some(known) = self.attempts.get(&uid).filter(|known| known.has_slot()) else {
            return;
        };
        let process = known
            .recalled
            .started
            .as_ref()
            .map(|(process, _)| process.clone());
        let process = process.unwrap_or_default();
        let left = Leftover {
            uid,
            pid: process.pid,
            start_ticks: process.start_ticks,
            boot_id: Some(self.config.boot_id.clone()),
            output: self.config.folders.output(&uid),
        };
        let runner = Arc::clone(&self.ports.runner);
        let sweep = async move { runner.kill_leftovers(&[left]).await };
        ctx.spawn(sweep.into_actor(self).map(move |(), worker, ctx| {
            let ended = Ended {
                result: AttemptResult::Failed,
                ..worker.ended_unstarted("the worker lost track of it because of an error of its own")
            };
            worker.on_ended(uid, ended, ctx);
        }));
    }
}

impl Handler<Observe> for WorkerActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Context<Self>) -> Self::Result {
        MessageResult(serde_json::json!({
            "incarnation": self.config.me.incarnation,
            "slots": self.config.slots,
            "used": self.attempts.used(),
            "known": self.attempts.len(),
            "draining": self.attempts.is_closed(),
            "reporting_to": self.outbox.masters(),
            "told_to_wait": self.hungry.iter().map(|owner| owner.incarnation).collect::<Vec<Incarnation>>(),
        }))
    }
}
