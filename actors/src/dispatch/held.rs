//! Tells owners what is lost, exclusive attempts not before their leases are surely over.

use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::attempt::AttemptEvent;
use engine::instance::Event;

use super::asking::LIFE_COMES;
use super::{Ask, Asked, DispatchActor, answers, deliver};
use crate::protocol::Owner;
use crate::workflow::Deliver;

/// A new life of the worker's node, which ends the wait, is looked for so often.
const LOOK: Duration = Duration::from_secs(1);

impl DispatchActor {
    /// Attempts of worker lives that are over, about which nobody can be asked: `to` hears that they are lost, or what
    /// is waited for before they are.
    pub(super) fn lose(
        &mut self,
        to: (Owner, Recipient<Deliver>),
        attempts: Vec<Asked>,
        ctx: &mut Context<Self>,
    ) {
        let (owner, reply_to) = to;
        let (mut events, mut held, mut next) = (Vec::new(), Vec::new(), Duration::MAX);
        for asked in attempts {
            let uid = asked.uid;
            match self.held_for(&asked, &owner) {
                Some(wait) => {
                    next = next.min(wait);
                    let reason = waits(&asked);
                    events.push(Event::Attempt {
                        uid,
                        event: AttemptEvent::LossDeferred { reason },
                    });
                    held.push(asked);
                }
                None => {
                    let reason = answers::no_life(&asked.worker);
                    events.push(Event::Attempt {
                        uid,
                        event: AttemptEvent::Lost { reason },
                    });
                }
            }
        }
        deliver(&reply_to, events, ctx);
        if held.is_empty() {
            return;
        }
        let again = Ask {
            owner,
            attempts: held,
            tally: None,
            reply_to,
        };
        // What may be lost at the next look is asked about with a fresh reading of the members.
        let soon = next <= LOOK;
        ctx.run_later(next.min(LOOK), move |actor, ctx| {
            let deadline = Instant::now() + LIFE_COMES;
            match soon {
                true => actor.ask(again, deadline, ctx),
                false => actor.resolve(again, deadline, ctx),
            }
        });
    }

    fn held_for(&self, asked: &Asked, owner: &Owner) -> Option<Duration> {
        if !asked.exclusive {
            return None;
        }
        self.renewals
            .held_for(asked.uid, owner.epoch, asked.worker.incarnation)
    }
}

fn waits(asked: &Asked) -> String {
    format!(
        "waits until the lease of attempt {} at worker {} is over",
        asked.uid.attempt, asked.worker.name
    )
}
