//! How a workflow actor comes to its state: one path for new, recovered, taken over and crashed instances.

use std::sync::Arc;

use actix::prelude::*;
use engine::definition::Definition;
use engine::instance::{Attention, Effect, Event};
use engine::states::AttemptState;
use engine::task::Task;
use tokio::sync::oneshot;

use super::{Delivered, Item, Live, Why, WorkflowActor};
use crate::dispatch::Ask;
use crate::ports::{InboxVerb, Loaded, StoreError};

/// What an actor is born from.
#[derive(Debug)]
pub enum Birth {
    /// The rows of a new instance, as they were committed a moment ago: reading them again would tell the same.
    Fresh(Box<Loaded>),
    /// Whatever is stored.
    Stored,
    /// Whatever is stored, only to note that the system gives up on it.
    GiveUp(Attention),
}

impl WorkflowActor {
    pub(super) fn be_born(&mut self, ctx: &mut Context<Self>) {
        let around = self.around.clone();
        let (id, epoch) = (self.id, self.epoch);
        let birth = self.birth.take().unwrap_or(Birth::Stored);
        let load = async move {
            let _permit = match &birth {
                Birth::Fresh(_) => None,
                Birth::Stored | Birth::GiveUp(_) => around.loads.acquire().await.ok(),
            };
            let (loaded, attention) = match birth {
                Birth::Fresh(loaded) => (Some(*loaded), None),
                Birth::Stored => (around.store.load(id, around.me.incarnation, epoch).await?, None),
                Birth::GiveUp(why) => (
                    around.store.load(id, around.me.incarnation, epoch).await?,
                    Some(why),
                ),
            };
            let Some(loaded) = loaded else { return Ok(None) };
            let definition = around
                .store
                .definition(loaded.workflow_id, loaded.version)
                .await?;
            Ok(Some((loaded, definition, attention)))
        };
        ctx.wait(
            load.into_actor(self)
                .map(|read: Result<_, StoreError>, actor, ctx| match read {
                    Ok(Some((loaded, definition, attention))) => {
                        actor.begin(loaded, definition, attention, ctx)
                    }
                    Ok(None) => actor.end(Why::Fenced, ctx),
                    Err(error) => {
                        tracing::warn!(instance = %actor.id, %error, "an instance could not be loaded");
                        actor.end(Why::Resync, ctx);
                    }
                }),
        );
    }

    fn begin(
        &mut self,
        loaded: Loaded,
        definition: Arc<Definition>,
        attention: Option<Attention>,
        ctx: &mut Context<Self>,
    ) {
        let (verbs, stray) = (loaded.verbs.clone(), loaded.stray.len());
        if stray > 0 {
            tracing::error!(instance = %self.id, stray, "more than one attempt of a task is open");
        }
        let live = Live::new(loaded, definition);
        let owed = engine::instance::pending(&live.plan, &live.state);
        self.live = Some(live);
        if let Some(attention) = attention {
            self.queue.push_back(Item::Event(Event::GiveUp { attention }));
            return self.pump(ctx);
        }
        self.take_up(owed, ctx);
        self.queue.push_back(Item::Event(Event::Loaded));
        self.hear(verbs);
        self.pump(ctx);
    }

    /// Does again what is owed. An attempt that may be at its worker is asked about, not sent again.
    fn take_up(&mut self, owed: Vec<Effect>, ctx: &mut Context<Self>) {
        let (others, attempts): (Vec<_>, Vec<_>) = owed
            .into_iter()
            .partition(|effect| !matches!(effect, Effect::Dispatch { .. }));
        drop(attempts);
        self.run(others, ctx);
        let Some(live) = &self.live else { return };
        let mut asked = Vec::new();
        for (ordinal, task) in (0u32..).map(engine::ids::Ordinal).zip(&live.state.tasks) {
            let Some((uid, worker)) = task.as_ref().and_then(at_worker) else {
                continue;
            };
            self.leases.insert(ordinal, self.around.slots.occupy(&worker));
            asked.push((uid, worker));
        }
        if !asked.is_empty() {
            let reply_to = ctx.address().recipient();
            let owner = self.owner();
            self.around.dispatch.do_send(Ask {
                owner,
                attempts: asked,
                reply_to,
            });
        }
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
                .and_then(|name| live.plan.definition.ordinal_of(name));
            let InboxVerb {
                operation, verb, run, ..
            } = found;
            self.queue.push_back(Item::Event(Event::Verb {
                operation,
                verb,
                run,
                task,
            }));
        }
    }

    /// Reads the inbox; `answer` follows when what was found is decided.
    pub(super) fn read_inbox(&mut self, answer: oneshot::Sender<Delivered>, ctx: &mut Context<Self>) {
        let store = Arc::clone(&self.around.store);
        let id = self.id;
        let read = async move { store.verbs(&[id]).await };
        ctx.spawn(read.into_actor(self).map(move |found, actor, ctx| match found {
            Ok(found) => {
                actor.hear(found.into_iter().map(|(_, verb)| verb).collect());
                actor.queue.push_back(Item::Answer(answer));
                actor.pump(ctx);
            }
            Err(error) => tracing::warn!(instance = %actor.id, %error, "the inbox could not be read"),
        }));
    }
}

/// The binding of a task whose attempt may be at a worker.
fn at_worker(task: &Task) -> Option<(engine::ids::Uid, engine::task::Worker)> {
    let attempt = task.attempt.as_ref()?;
    let open = matches!(attempt.state, AttemptState::Created | AttemptState::Running);
    (open).then_some(())?;
    Some((attempt.uid?, attempt.worker.clone()?))
}
