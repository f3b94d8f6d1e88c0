//! Sends attempts, kills and questions to workers, in batches, until each is answered.
//!
//! In: what workflow actors decided. Out: one request at a time per worker life through the `WorkerLink`, and the
//! answers as events. A batch is what queued while the last one was on its way. If it dies, the node ends:
//! nobody else would send what is owed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::ids::{DispatchId, Epoch, Incarnation};
use engine::instance::Event;
use engine::spec::OnCutOff;
use engine::task::Worker;

use crate::faults;
use crate::links::{LinkError, WorkerLink};
use crate::ports::{Me, Seen, Store};
use crate::protocol::{Dispatch, DispatchAnswer, Kill, KillAnswer, Owner, ReattachAnswer, ReattachRequest};
use crate::registry::Membership;
use crate::renewals::Renewals;
use crate::slots::Slots;
use crate::vital::Vital;
use crate::workflow::{Deliver, Delivered, Tally, WorkerOver};
use asking::LIFE_COMES;
use lives::Lives;

mod answers;
mod asking;
mod held;
mod lives;

/// Messages of one kind in one request.
const BATCH: usize = 200;

/// How often workers are asked for free slots: what they tell by themselves may be lost, and who does not answer
/// gets nothing new.
const HELLO: Duration = Duration::from_secs(1);

/// The wait before a message that was not answered is sent again.
const RETRY: Duration = Duration::from_millis(200);

/// Sends an attempt to the worker life that its row names. Losing it is repaired when the instance is loaded.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SendAttempt {
    /// The worker life.
    pub to: Worker,
    /// What to send.
    pub dispatch: Dispatch,
    /// Who hears what became of it.
    pub reply_to: Recipient<Deliver>,
}

/// Orders an attempt to end.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct KillAttempt {
    /// The worker life.
    pub to: Worker,
    /// The order.
    pub kill: Kill,
    /// The attempt runs only with a lease.
    pub exclusive: bool,
    /// Who hears what became of it.
    pub reply_to: Recipient<Deliver>,
}

/// An attempt that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub uid: DispatchId,
    /// The worker life that its row names.
    pub worker: Worker,
    /// It runs only with a lease, so that its loss is held back until that is surely over.
    pub exclusive: bool,
}

/// Asks workers about open attempts that this owner found when it took the instance.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Ask {
    /// The new owner.
    pub owner: Owner,
    /// The attempts.
    pub attempts: Vec<Asked>,
    /// Where their fates are counted, after a take-over.
    pub tally: Option<Arc<Tally>>,
    /// Who hears the answers.
    pub reply_to: Recipient<Deliver>,
}

/// Asks for a picture of the actor.
#[derive(Debug, Message)]
#[rtype(result = "serde_json::Value")]
pub struct Observe;

/// One message for a worker life.
#[derive(Clone)]
enum Parcel {
    Dispatch(Box<Dispatch>),
    Kill(Kill),
    Adopt(ReattachRequest, Option<Arc<Tally>>),
}

/// A message and who hears the answer.
#[derive(Clone)]
struct Entry {
    parcel: Parcel,
    exclusive: bool,
    reply_to: Recipient<Deliver>,
}

#[derive(Default)]
struct Outbox {
    queue: VecDeque<Entry>,
    sending: bool,
}

/// What the sender reaches the world through.
#[derive(Clone)]
pub struct Ways {
    /// Workers.
    pub link: Arc<dyn WorkerLink>,
    /// The members.
    pub store: Arc<dyn Store>,
    /// Leases of exclusive attempts.
    pub renewals: Renewals,
}

/// Sends to workers. See the module.
pub struct DispatchActor {
    /// Who asks for slots.
    me: Owner,
    link: Arc<dyn WorkerLink>,
    store: Arc<dyn Store>,
    renewals: Renewals,
    slots: Slots,
    /// Who hears of worker lives that are over.
    over: Recipient<WorkerOver>,
    lives: Lives,
    outboxes: BTreeMap<Incarnation, Outbox>,
    /// Ends the node when this actor does.
    _vital: Vital,
}

impl DispatchActor {
    /// Makes the sender of a master; `over` hears of worker lives that are over.
    pub fn new(me: &Me, ways: Ways, slots: Slots, over: Recipient<WorkerOver>, vital: Vital) -> Self {
        let me = Owner {
            incarnation: me.incarnation,
            host: me.host.clone(),
            generation: me.generation,
            epoch: Epoch(0),
        };
        Self {
            me,
            link: ways.link,
            store: ways.store,
            renewals: ways.renewals,
            slots,
            over,
            lives: Lives::default(),
            outboxes: BTreeMap::new(),
            _vital: vital,
        }
    }

    fn push(&mut self, to: Incarnation, entry: Entry, ctx: &mut Context<Self>) {
        self.outboxes.entry(to).or_default().queue.push_back(entry);
        self.send_next(to, ctx);
    }

    /// Sends the next batch of one kind, unless one is on its way to this worker life.
    fn send_next(&mut self, to: Incarnation, ctx: &mut Context<Self>) {
        let Some(outbox) = self.outboxes.get_mut(&to) else {
            return;
        };
        if outbox.sending || outbox.queue.is_empty() {
            return;
        }
        let batch = take_one_kind(&mut outbox.queue);
        outbox.sending = true;
        let link = Arc::clone(&self.link);
        let parcels: Vec<Parcel> = batch.iter().map(|entry| entry.parcel.clone()).collect();
        let sent = async move { send(&*link, to, parcels).await };
        ctx.spawn(sent.into_actor(self).map(move |reply, actor, ctx| {
            if let Some(outbox) = actor.outboxes.get_mut(&to) {
                outbox.sending = false;
            }
            actor.answered(to, batch, reply, ctx);
            actor.send_next(to, ctx);
        }));
    }

    /// Greets every worker, to find out which can be reached before an attempt is bound to one that cannot: what
    /// was sent into a cut may have arrived, and may not go elsewhere.
    fn greet(&self, ctx: &mut Context<Self>) {
        for life in self.lives.answering() {
            let (link, me) = (Arc::clone(&self.link), self.me.clone());
            let hello = async move { link.hello(life, &me).await };
            ctx.spawn(hello.into_actor(self).map(move |free, actor, _| match free {
                Ok(free) => {
                    actor.slots.reached(life);
                    actor.slots.free(life, free);
                }
                Err(_) => actor.slots.not_reached(life),
            }));
        }
    }

    /// Takes over a reading of the living members.
    fn update(&mut self, living: &[Seen]) {
        let change = self.lives.update(living);
        for member in change.usable {
            let worker = Worker {
                incarnation: member.incarnation,
                name: member.name,
            };
            self.slots.worker(&worker, &member.worker_group, member.slots);
        }
        for life in change.draining {
            self.slots.worker_gone(life);
        }
        for life in change.over {
            self.slots.worker_gone(life);
            self.renewals.is_over(life);
            self.outboxes.remove(&life);
            // The actors ask again about what was there, also about what was queued here.
            self.over.do_send(WorkerOver(life));
        }
    }
}

/// The answers to a batch, in its order.
enum Reply {
    Dispatch(Vec<DispatchAnswer>, u32),
    Kill(Vec<KillAnswer>),
    Adopt(Vec<ReattachAnswer>),
}

async fn send(link: &dyn WorkerLink, to: Incarnation, parcels: Vec<Parcel>) -> Result<Reply, LinkError> {
    let (mut dispatches, mut kills, mut adopts) = (Vec::new(), Vec::new(), Vec::new());
    for parcel in parcels {
        match parcel {
            Parcel::Dispatch(dispatch) => dispatches.push(*dispatch),
            Parcel::Kill(kill) => kills.push(kill),
            Parcel::Adopt(adopt, _) => adopts.push(adopt),
        }
    }
    if !dispatches.is_empty() {
        faults::point("dispatch.before_send");
        let reply = link.dispatch(to, dispatches).await?;
        faults::point("dispatch.after_send");
        return Ok(Reply::Dispatch(reply.answers, reply.free_slots));
    }
    if !kills.is_empty() {
        return Ok(Reply::Kill(link.kill(to, kills).await?));
    }
    Ok(Reply::Adopt(link.adopt(to, adopts).await?))
}

/// Takes entries from the front as long as they are of the first one's kind, so that the order per attempt
/// (dispatch before kill) is kept.
fn take_one_kind(queue: &mut VecDeque<Entry>) -> Vec<Entry> {
    let Some(first) = queue.front() else {
        return Vec::new();
    };
    let kind = std::mem::discriminant(&first.parcel);
    let same = queue
        .iter()
        .take(BATCH)
        .take_while(|e| std::mem::discriminant(&e.parcel) == kind)
        .count();
    queue.drain(..same).collect()
}

impl Actor for DispatchActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(HELLO, |actor, ctx| actor.greet(ctx));
    }
}

impl Handler<SendAttempt> for DispatchActor {
    type Result = ();

    fn handle(&mut self, msg: SendAttempt, ctx: &mut Self::Context) {
        let entry = Entry {
            exclusive: msg.dispatch.on_cut_off == OnCutOff::Exclusive,
            parcel: Parcel::Dispatch(Box::new(msg.dispatch)),
            reply_to: msg.reply_to,
        };
        self.send_or_ask(msg.to, entry, ctx);
    }
}

impl Handler<KillAttempt> for DispatchActor {
    type Result = ();

    fn handle(&mut self, msg: KillAttempt, ctx: &mut Self::Context) {
        let entry = Entry {
            parcel: Parcel::Kill(msg.kill),
            exclusive: msg.exclusive,
            reply_to: msg.reply_to,
        };
        self.send_or_ask(msg.to, entry, ctx);
    }
}

impl Handler<Ask> for DispatchActor {
    type Result = ();

    fn handle(&mut self, ask: Ask, ctx: &mut Self::Context) {
        self.ask(ask, Instant::now() + LIFE_COMES, ctx);
    }
}

impl Handler<Membership> for DispatchActor {
    type Result = ();

    fn handle(&mut self, msg: Membership, _: &mut Self::Context) {
        self.update(&msg.living);
    }
}

impl Handler<Observe> for DispatchActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        let queued: BTreeMap<_, _> = self
            .outboxes
            .iter()
            .map(|(to, box_)| (to, box_.queue.len()))
            .collect();
        MessageResult(serde_json::json!({"slots": self.slots.observe(), "queued": queued}))
    }
}

/// Delivers events until they are stored, or nobody wants them any more.
fn deliver(to: &Recipient<Deliver>, events: Vec<Event>, ctx: &mut Context<DispatchActor>) {
    if events.is_empty() {
        return;
    }
    let (to, again) = (to.clone(), events.clone());
    let delivery = actix::fut::wrap_future::<_, DispatchActor>(to.send(Deliver(events)));
    ctx.spawn(delivery.map(move |answer, _, ctx| {
        if matches!(answer, Ok(Delivered::Later)) {
            ctx.run_later(RETRY, move |_, ctx| deliver(&to, again, ctx));
        }
    }));
}
