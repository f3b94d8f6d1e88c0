//! Compares what this node owns with what it runs, so that no lost message strands an instance.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId};

use super::children::Owned;
use super::{MasterActor, Poke, Poked};
use crate::db::{self, DbActor};
use crate::ports::{Claim, Claimed, Store, StoreError};
use crate::workflow::{Birth, Delivered, ReadInbox};

/// The pause before the first reading is tried again.
const READ_AGAIN: Duration = Duration::from_millis(200);

/// How long an actor must have lived before that counts as progress of its instance.
const PROGRESS_MS: i64 = 5_000;

impl MasterActor {
    /// Starts missing actors, hands over unread inboxes.
    pub(super) fn reconcile(&mut self, ctx: &mut Context<Self>) {
        if self.reconciling {
            self.reconcile_again = true;
            return;
        }
        self.reconciling = true;
        self.note_progress(ctx);
        self.close_results(ctx);
        let store = Arc::clone(&self.around.store);
        let me = self.around.me.incarnation;
        let read = async move { store.owned(me).await };
        ctx.spawn(read.into_actor(self).map(|read, actor, ctx| {
            actor.reconciling = false;
            if std::mem::take(&mut actor.reconcile_again) {
                actor.reconcile(ctx);
            }
            match read {
                Ok(owned) => actor.compare(owned, ctx),
                Err(error) => {
                    tracing::warn!(%error, "reconciliation could not read the store");
                    if !actor.reconciled {
                        ctx.run_later(READ_AGAIN, Self::reconcile);
                    }
                }
            }
        }));
    }

    fn compare(&mut self, owned: Vec<(InstanceId, Epoch, bool)>, ctx: &mut Context<Self>) {
        for (id, epoch, unread) in owned {
            let known = self
                .children
                .get(&id)
                .map(|child| (child.epoch, child.addr.clone()));
            match known {
                Some((known, addr)) if known >= epoch => {
                    if let (true, Some(addr)) = (unread, addr) {
                        addr.do_send(ReadInbox);
                    }
                }
                _ => {
                    // Whoever handed it over said so by a nudge alone.
                    let came = true;
                    self.adopt(Owned { id, epoch, came }, Birth::Stored, ctx);
                }
            }
        }
        self.reconciled = true;
    }

    fn claim_of(&self, id: InstanceId) -> Claim {
        Claim {
            me: self.around.me.clone(),
            only: Some(id),
            limit: 1,
            at: self.around.clock.now(),
        }
    }

    /// A result that another master kept may find its attempt closed another way; then nobody would ever look at it.
    fn close_results(&self, ctx: &mut Context<Self>) {
        let (store, at) = (Arc::clone(&self.around.store), self.around.clock.now());
        let close = async move {
            if let Err(error) = store.close_results(at).await {
                tracing::debug!(%error, "kept results of closed attempts were not marked");
            }
        };
        ctx.spawn(close.into_actor(self));
    }

    /// Tells the store, in one statement, which instances have stayed loaded for a while.
    fn note_progress(&mut self, ctx: &mut Context<Self>) {
        let now = self.around.clock.now();
        let mut stayed = BTreeSet::new();
        for (id, child) in &mut self.children {
            if !child.progress_noted && child.addr.is_some() && now.since(child.since) >= PROGRESS_MS {
                child.progress_noted = true;
                stayed.insert(*id);
            }
        }
        if stayed.is_empty() {
            return;
        }
        let store = Arc::clone(&self.around.store);
        let me = self.around.me.incarnation;
        let note = async move {
            let ids: Vec<InstanceId> = stayed.into_iter().collect();
            if let Err(error) = store.made_progress(me, &ids).await {
                tracing::debug!(%error, "progress was not noted");
            }
        };
        ctx.spawn(note.into_actor(self));
    }
}

impl Handler<Poke> for MasterActor {
    type Result = ResponseActFuture<Self, Poked>;

    fn handle(&mut self, Poke(id): Poke, _: &mut Self::Context) -> Self::Result {
        if let Some(child) = self.children.get(&id) {
            let addr = child.addr.clone();
            return Box::pin(read_inbox(addr).into_actor(self));
        }
        if self.draining {
            return Box::pin(actix::fut::ready(Poked::Elsewhere));
        }
        let (store, db) = (Arc::clone(&self.around.store), self.around.db.clone());
        let claim = self.claim_of(id);
        let taken = async move { take_one(&*store, &db, claim).await };
        Box::pin(taken.into_actor(self).then(move |taken, actor, ctx| {
            let answer: ResponseActFuture<Self, Poked> = match taken {
                Ok(Taken::Mine(claimed)) => {
                    actor.adopt_claimed(&claimed, Birth::Stored, ctx);
                    let addr = actor.children.get(&id).and_then(|child| child.addr.clone());
                    Box::pin(read_inbox(addr).into_actor(actor))
                }
                Ok(Taken::AtRest) => Box::pin(actix::fut::ready(Poked::Decided)),
                Ok(Taken::Elsewhere) => Box::pin(actix::fut::ready(Poked::Elsewhere)),
                Err(error) => {
                    tracing::warn!(instance = %id, %error, "a poked instance could not be claimed");
                    Box::pin(actix::fut::ready(Poked::Again))
                }
            };
            answer
        }))
    }
}

/// What became of the wish to own one instance.
enum Taken {
    Mine(Claimed),
    /// Nobody has to own it; what cannot apply to it is refused.
    AtRest,
    /// Another life owns it.
    Elsewhere,
}

async fn take_one(store: &dyn Store, db: &Addr<DbActor>, claim: Claim) -> Result<Taken, StoreError> {
    let (id, at, me) = (claim.only, claim.at, claim.me.incarnation);
    if let Some(claimed) = db::take_ownership(db, claim).await?.into_iter().next() {
        return Ok(Taken::Mine(claimed));
    }
    let Some(id) = id else { return Ok(Taken::AtRest) };
    let owned = store.owners(&[id]).await?.into_iter().next();
    match owned.and_then(|row| row.owner) {
        Some((owner, _)) if owner != me => Ok(Taken::Elsewhere),
        _ => {
            store.refuse_at_rest(id, at).await?;
            Ok(Taken::AtRest)
        }
    }
}

async fn read_inbox(addr: Option<Addr<crate::workflow::WorkflowActor>>) -> Poked {
    let Some(addr) = addr else { return Poked::Again };
    match addr.send(ReadInbox).await {
        Ok(Delivered::Stored) => Poked::Decided,
        Ok(Delivered::Later) | Err(_) => Poked::Again,
    }
}
