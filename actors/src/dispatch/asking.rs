//! Asks what became of attempts: of their worker life, of a later one of its node, or of nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::task::Worker;

use super::lives::Witness;
use super::{Ask, Asked, DispatchActor, Entry, Parcel};
use crate::protocol::ReattachRequest;
use crate::workflow::Fate;

/// How long a new life of a worker's node may take to come, before attempts of its last life are lost.
pub(super) const LIFE_COMES: Duration = Duration::from_secs(10);

/// The pause between two looks for a life that is coming.
const WAIT_FOR_LIFE: Duration = Duration::from_millis(300);

impl DispatchActor {
    /// Asks about attempts. What this node does not know of a worker life, the store may: the life may have
    /// begun a moment ago, and an attempt is lost only when its life is surely over.
    pub(super) fn ask(&mut self, ask: Ask, deadline: Instant, ctx: &mut Context<Self>) {
        let unknown = |asked: &Asked| !self.lives.goes_on(asked.worker.incarnation);
        if !ask.attempts.iter().any(unknown) {
            return self.resolve(ask, deadline, ctx);
        }
        let store = Arc::clone(&self.store);
        let read = async move { store.living().await };
        ctx.spawn(read.into_actor(self).map(move |read, actor, ctx| match read {
            Ok(living) => {
                actor.update(&living);
                actor.resolve(ask, deadline, ctx);
            }
            Err(error) => {
                tracing::debug!(%error, "the members could not be read; asking again");
                ctx.run_later(WAIT_FOR_LIFE, move |actor, ctx| actor.ask(ask, deadline, ctx));
            }
        }));
    }

    pub(super) fn resolve(&mut self, ask: Ask, deadline: Instant, ctx: &mut Context<Self>) {
        let Ask {
            owner,
            attempts,
            tally,
            reply_to,
        } = ask;
        let (mut lost, mut coming) = (Vec::new(), Vec::new());
        for asked in attempts {
            match self.lives.witness(&asked.worker) {
                Witness::Life(to) => {
                    let adopt = ReattachRequest {
                        uid: asked.uid,
                        worker: asked.worker.incarnation,
                        owner: owner.clone(),
                    };
                    let entry = Entry {
                        parcel: Parcel::Adopt(adopt, tally.clone()),
                        exclusive: asked.exclusive,
                        reply_to: reply_to.clone(),
                    };
                    self.push(to, entry, ctx);
                }
                Witness::Coming if Instant::now() < deadline => coming.push(asked),
                Witness::Coming | Witness::None => {
                    if let Some(tally) = &tally {
                        tally.answered(Fate::Lost);
                    }
                    lost.push(asked);
                }
            }
        }
        self.lose((owner.clone(), reply_to.clone()), lost, ctx);
        if !coming.is_empty() {
            let later = Ask {
                owner,
                attempts: coming,
                tally,
                reply_to,
            };
            ctx.run_later(WAIT_FOR_LIFE, move |actor, ctx| actor.ask(later, deadline, ctx));
        }
    }

    /// Asks about the attempt of a message that cannot be sent because its worker life is over.
    fn ask_instead(&mut self, worker: Worker, entry: Entry, ctx: &mut Context<Self>) {
        let (uid, owner) = match entry.parcel {
            Parcel::Dispatch(dispatch) => (dispatch.uid, dispatch.owner),
            Parcel::Kill(kill) => (kill.uid, kill.owner),
            Parcel::Adopt(adopt, _) => (adopt.uid, adopt.owner),
        };
        let ask = Ask {
            owner,
            attempts: vec![Asked {
                uid,
                worker,
                exclusive: entry.exclusive,
            }],
            tally: None,
            reply_to: entry.reply_to,
        };
        self.ask(ask, Instant::now() + LIFE_COMES, ctx);
    }

    /// Sends to the life that a row names, or asks what became of the attempt when that life is over.
    pub(super) fn send_or_ask(&mut self, to: Worker, entry: Entry, ctx: &mut Context<Self>) {
        if self.lives.goes_on(to.incarnation) {
            self.push(to.incarnation, entry, ctx);
        } else {
            self.ask_instead(to, entry, ctx);
        }
    }
}
