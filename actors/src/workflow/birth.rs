//! How a workflow actor comes to its state: one path for new, recovered, taken over and crashed instances.

use std::sync::Arc;

use actix::prelude::*;
use engine::attempt::AttemptEnd;
use engine::attempt::AttemptEvent;
use engine::ids::{DispatchId, Incarnation};
use engine::instance::{Effect, Event, Operation};
use engine::spec::Definition;
use engine::states::AttemptState;
use engine::states::Attention;
use engine::task::{Task, Worker};
use tokio::sync::oneshot;

use super::{Adoption, Delivered, Item, Live, Tally, Why, WorkflowActor};
use crate::dispatch::{Ask, Asked};
use crate::faults;
use crate::ports::{InboxVerb, Loaded, StoreError};

/// What an actor is born from.
#[derive(Debug)]
pub enum Birth {
    /// The rows of a new instance, as they were committed a moment ago: reading them again would tell the same.
    Fresh(Box<Loaded>),
    /// Whatever is stored.
    Stored,
    /// Whatever is stored, for those who wait for the take-over.
    TakenOver(Adoption),
    /// Whatever is stored, only to note that the system gives up on it.
    GiveUp(Attention),
}

impl WorkflowActor {
    pub(super) fn be_born(&mut self, ctx: &mut Context<Self>) {
        let around = self.around.clone();
        let (id, epoch) = (self.id, self.epoch);
        let birth = self.birth.take().unwrap_or(Birth::Stored);
        let load = async move {
            let (fresh, news) = News::of(birth);
            let loaded = match fresh {
                Some(loaded) => Some(*loaded),
                None => around.loads.load(id, epoch).await?,
            };
            let Some(loaded) = loaded else { return Ok(None) };
            let definition = around
                .store
                .definition(loaded.workflow_id, loaded.version)
                .await?;
            Ok(Some((loaded, definition, news)))
        };
        ctx.wait(
            load.into_actor(self)
                .map(|read: Result<_, StoreError>, actor, ctx| match read {
                    Ok(Some((loaded, definition, news))) => actor.begin(loaded, definition, news, ctx),
                    Ok(None) => actor.end(Why::Fenced, ctx),
                    Err(error) => {
                        tracing::warn!(instance = %actor.id, %error, "an instance could not be loaded");
                        actor.end(Why::Resync, ctx);
                    }
                }),
        );
    }

    fn begin(&mut self, loaded: Loaded, definition: Arc<Definition>, news: News, ctx: &mut Context<Self>) {
        let (verbs, results, stray) = (loaded.verbs.clone(), loaded.results.clone(), loaded.stray.len());
        if stray > 0 {
            tracing::error!(instance = %self.id, stray, "more than one attempt of a task is open");
        }
        let live = Live::new(loaded, definition);
        let owed = engine::instance::pending_effects(&live.state);
        self.live = Some(live);
        if let Some(attention) = news.attention {
            self.queue.push_back(Item::Event(Event::Quarantine { attention }));
            return self.pump(ctx);
        }
        let tally = news.adoption.as_ref().map(|adoption| Arc::clone(&adoption.tally));
        let taken_over = news.adoption.is_some();
        if taken_over {
            faults::point("adopt.before_asking");
        }
        self.take_up(owed, tally, ctx);
        if let Some(adoption) = news.adoption {
            // Nobody waits any more when the take-over itself was given up.
            adoption.born.send(()).ok();
        }
        if taken_over {
            faults::point("adopt.after_loading");
        }
        self.hear_results(results, ctx);
        self.queue.push_back(Item::Event(Event::Loaded));
        self.hear(verbs);
        self.pump(ctx);
    }

    /// Does again what is owed. An attempt that may be at its worker is asked about, not sent again.
    fn take_up(&mut self, owed: Vec<Effect>, tally: Option<Arc<Tally>>, ctx: &mut Context<Self>) {
        let (others, attempts): (Vec<_>, Vec<_>) = owed
            .into_iter()
            .partition(|effect| !matches!(effect, Effect::Dispatch { .. }));
        drop(attempts);
        self.run(others, ctx);
        let Some(live) = &self.live else { return };
        let mut asked = Vec::new();
        for (&task_index, task) in &live.state.rows.tasks {
            let Some((uid, worker)) = at_worker(task) else {
                continue;
            };
            self.leases.insert(task_index, self.around.slots.occupy(&worker));
            let exclusive = live.is_exclusive(task_index);
            asked.push(Asked {
                uid,
                worker,
                exclusive,
            });
        }
        self.ask(asked, tally, ctx);
    }

    /// Asks workers what became of attempts.
    fn ask(&self, attempts: Vec<Asked>, tally: Option<Arc<Tally>>, ctx: &mut Context<Self>) {
        if attempts.is_empty() {
            return;
        }
        if let Some(tally) = &tally {
            attempts.iter().for_each(|_| tally.asked());
        }
        self.around.dispatch.do_send(Ask {
            owner: self.owner(),
            attempts,
            tally,
            reply_to: ctx.address().recipient(),
        });
    }

    /// A worker life is over: asks about what was there, since a later life of its node may know more.
    pub(super) fn worker_is_over(&mut self, gone: Incarnation, ctx: &mut Context<Self>) {
        let Some(live) = &self.live else { return };
        let there = live.state.rows.tasks.iter().filter_map(|(&task_index, task)| {
            let (uid, worker) = at_worker(task)?;
            let exclusive = live.is_exclusive(task_index);
            (worker.incarnation == gone).then_some(Asked {
                uid,
                worker,
                exclusive,
            })
        });
        self.ask(there.collect(), None, ctx);
    }

    /// Queues results that workers gave to other masters; they are marked once they are decided.
    fn hear_results(&mut self, results: Vec<(DispatchId, AttemptEnd)>, ctx: &mut Context<Self>) {
        if results.is_empty() {
            return;
        }
        let uids: Vec<DispatchId> = results.iter().map(|(uid, _)| *uid).collect();
        let ends = results.into_iter().map(|(uid, ended)| Event::Attempt {
            uid,
            event: AttemptEvent::Ended(ended),
        });
        self.queue.extend(ends.map(Item::Event));
        let (answer, decided) = oneshot::channel();
        self.queue.push_back(Item::Answer(answer));
        let (store, clock) = (Arc::clone(&self.around.store), self.around.clock.clone());
        let mark = async move {
            if decided.await == Ok(Delivered::Stored)
                && let Err(error) = store.results_applied(&uids, clock.now()).await
            {
                tracing::debug!(%error, "kept results were not marked; they are closed anyway");
            }
        };
        ctx.spawn(mark.into_actor(self));
    }

    /// Queues control operations, each once.
    fn hear(&mut self, verbs: Vec<InboxVerb>) {
        let Some(live) = &self.live else { return };
        for found in verbs {
            if !self.seen_operations.insert(found.operation) {
                continue;
            }
            let task = found
                .task
                .as_deref()
                .and_then(|name| live.plan.definition.task_index_of(name));
            let InboxVerb {
                operation, verb, run, ..
            } = found;
            self.queue.push_back(Item::Event(Event::Command(Operation {
                id: operation,
                command: verb,
                run,
                task,
            })));
        }
    }

    /// Reads the inbox; `answer` follows when what was found is decided.
    pub(super) fn read_inbox(&mut self, answer: oneshot::Sender<Delivered>, ctx: &mut Context<Self>) {
        let store = Arc::clone(&self.around.store);
        let id = self.id;
        let read = async move {
            let verbs = store.verbs(&[id]).await?;
            Ok::<_, StoreError>((verbs, store.results(&[id]).await?))
        };
        ctx.spawn(read.into_actor(self).map(move |found, actor, ctx| match found {
            Ok((verbs, results)) => {
                actor.hear_results(results, ctx);
                actor.hear(verbs.into_iter().map(|(_, verb)| verb).collect());
                actor.queue.push_back(Item::Answer(answer));
                actor.pump(ctx);
            }
            Err(error) => tracing::warn!(instance = %actor.id, %error, "the inbox could not be read"),
        }));
    }
}

/// What a birth brings beside the rows.
#[derive(Default)]
struct News {
    attention: Option<Attention>,
    adoption: Option<Adoption>,
}

impl News {
    /// Separates the rows, when the birth has them, from what else it says.
    fn of(birth: Birth) -> (Option<Box<Loaded>>, Self) {
        let mut news = Self::default();
        let mut fresh = None;
        match birth {
            Birth::Fresh(loaded) => fresh = Some(loaded),
            Birth::Stored => {}
            Birth::TakenOver(adoption) => news.adoption = Some(adoption),
            Birth::GiveUp(attention) => news.attention = Some(attention),
        }
        (fresh, news)
    }
}

/// The binding of a task whose attempt may be at a worker.
fn at_worker(task: &Task) -> Option<(DispatchId, Worker)> {
    let attempt = task.attempt.as_ref()?;
    let open = matches!(attempt.state, AttemptState::Created | AttemptState::Running);
    (open).then_some(())?;
    Some((attempt.uid?, attempt.worker.clone()?))
}
