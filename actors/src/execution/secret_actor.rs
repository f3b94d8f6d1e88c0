//! Adds the values of secrets to attempts before they are sent.
//!
//! In: attempts whose tasks name secrets. Out: the same with the values, to the dispatch actor; or the end of an attempt
//! whose secret is missing. A batch is what came while the last one was looked up. If it dies, the node ends: no other
//! actor would send these attempts.

use std::sync::Arc;

use actix::prelude::*;
use engine::attempt::{AttemptEnd, AttemptEvent};
use engine::instance::Event;
use engine::task::TaskReport;

use crate::execution::event_delivery::deliver;
use crate::execution::store_outage::StoreOutage;
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::dispatch::{SendAttempt, SendCompleted};
use ports::clock::Clock;
use ports::secrets::{GivenSecrets, SecretRequest, SecretSource};

/// The most attempts of one look-up.
const BATCH: usize = 200;

/// Looks up the values of secrets.
pub(crate) struct SecretActor {
    source: Arc<dyn SecretSource>,
    clock: Clock,
    dispatch: Recipient<SendCompleted>,
    waiting: Vec<SendAttempt>,
    in_flight: bool,
    outage: StoreOutage,
    _exit_on_panic: ExitOnPanic,
}

impl SecretActor {
    /// Makes the look-ups of a dispatch actor.
    pub(crate) fn new(
        source: Arc<dyn SecretSource>,
        clock: Clock,
        dispatch: Recipient<SendCompleted>,
        exit_on_panic: ExitOnPanic,
    ) -> Self {
        Self {
            source,
            clock,
            dispatch,
            waiting: Vec::new(),
            in_flight: false,
            outage: StoreOutage::of("secrets"),
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Looks up the next batch, unless one is in flight.
    fn look_up(&mut self, ctx: &mut Context<Self>) {
        if self.in_flight || self.waiting.is_empty() {
            return;
        }
        self.in_flight = true;
        let rest = self.waiting.split_off(self.waiting.len().min(BATCH));
        let batch = std::mem::replace(&mut self.waiting, rest);
        let source = Arc::clone(&self.source);
        let requests: Vec<SecretRequest> = batch.iter().map(request_of).collect();
        let given = async move { source.give_secrets(&requests).await };
        ctx.spawn(given.into_actor(self).map(move |given, actor, ctx| match given {
            Ok(given) => {
                actor.outage.note_answer();
                for (attempt, given) in batch.into_iter().zip(given) {
                    actor.pass_on(attempt, given, ctx);
                }
                actor.in_flight = false;
                actor.look_up(ctx);
            }
            Err(error) => {
                drop(actor.waiting.splice(..0, batch));
                ctx.run_later(actor.outage.note_failure(&error), |actor, ctx| {
                    actor.in_flight = false;
                    actor.look_up(ctx);
                });
            }
        }));
    }

    fn pass_on(&self, mut attempt: SendAttempt, given: GivenSecrets, ctx: &mut Context<Self>) {
        let uid = attempt.dispatch.uid;
        match given {
            GivenSecrets::Values(values) => {
                attempt.dispatch.secrets = values;
                self.dispatch.do_send(SendCompleted(attempt));
            }
            GivenSecrets::Gap(reason) => {
                metrics::counter!("porpoise_dispatch_gaps_total", "kind" => "secret").increment(1);
                let event = AttemptEvent::Ended(AttemptEnd::hopeless(&reason, self.clock.now()));
                let report = Event::Report(TaskReport::Attempt { uid, event });
                deliver(&attempt.reply_to, vec![report], ctx);
            }
            GivenSecrets::NotOwned => tracing::debug!(%uid, "an attempt is sent by the next owner"),
        }
    }
}

fn request_of(attempt: &SendAttempt) -> SecretRequest {
    let dispatch = &attempt.dispatch;
    SecretRequest {
        uid: dispatch.uid,
        owner: dispatch.owner.incarnation,
        epoch: dispatch.owner.epoch,
        names: dispatch.secret_names(),
        others: dispatch.connection_secrets(),
    }
}

impl Actor for SecretActor {
    type Context = Context<Self>;
}

impl Handler<SendAttempt> for SecretActor {
    type Result = ();

    fn handle(&mut self, msg: SendAttempt, ctx: &mut Self::Context) {
        self.waiting.push(msg);
        self.look_up(ctx);
    }
}

#[cfg(test)]
mod tests;
