//! Compares what this node owns with what it runs, so that no lost message strands an instance.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId};
use engine::states::OwnerWhy;

use super::{CLAIM_BATCH, MasterActor, Poke, Poked};
use crate::ports::{Claim, Claimed, StoreError};
use crate::workflow::{Birth, Delivered, ReadInbox};

/// How long an actor must have lived before that counts as progress of its instance.
const PROGRESS_MS: i64 = 5_000;

type Owned = Vec<(InstanceId, Epoch, bool)>;

impl MasterActor {
    /// Claims orphans, starts missing actors, hands over unread inboxes.
    pub(super) fn reconcile(&mut self, ctx: &mut Context<Self>) {
        if self.reconciling {
            return;
        }
        self.reconciling = true;
        self.note_progress(ctx);
        let store = Arc::clone(&self.around.store);
        let claim = (!self.draining).then(|| self.claim(None));
        let me = self.around.me.incarnation;
        let read = async move {
            let mut claimed = Vec::new();
            let mut full = false;
            if let Some(claim) = claim {
                claimed = store.claim(&claim).await?;
                full = claimed.len() >= CLAIM_BATCH as usize;
            }
            Ok((claimed, full, store.owned(me).await?))
        };
        ctx.spawn(
            read.into_actor(self)
                .map(|read: Result<_, StoreError>, actor, ctx| {
                    actor.reconciling = false;
                    match read {
                        Ok((claimed, full, owned)) => actor.reconciled(claimed, full, owned, ctx),
                        Err(error) => {
                            tracing::warn!(%error, "reconciliation could not read the store");
                            if !actor.reconciled {
                                ctx.run_later(Duration::from_millis(200), Self::reconcile);
                            }
                        }
                    }
                }),
        );
    }

    fn reconciled(&mut self, claimed: Vec<Claimed>, full: bool, owned: Owned, ctx: &mut Context<Self>) {
        for claimed in claimed {
            self.adopt(&claimed, Birth::Stored, ctx);
        }
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
                    let claimed = Claimed {
                        id,
                        epoch,
                        why: OwnerWhy::Restart,
                        from_owner: None,
                        from_host: None,
                    };
                    self.adopt(&claimed, Birth::Stored, ctx);
                }
            }
        }
        if full {
            // More may wait; the claims of one node follow each other without a pause.
            self.reconcile(ctx);
        } else {
            self.reconciled = true;
        }
    }

    fn claim(&self, only: Option<InstanceId>) -> Claim {
        Claim {
            me: self.around.me.clone(),
            only,
            limit: CLAIM_BATCH,
            at: self.around.clock.now(),
        }
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
        let store = Arc::clone(&self.around.store);
        let claim = self.claim(Some(id));
        let claimed = async move {
            let claimed = store.claim(&claim).await?;
            if claimed.is_empty() {
                store.refuse_at_rest(id, claim.at).await?;
            }
            Ok(claimed)
        };
        Box::pin(
            claimed
                .into_actor(self)
                .then(move |claimed: Result<_, StoreError>, actor, ctx| {
                    let taken = claimed.as_ref().is_ok_and(|claimed| !claimed.is_empty());
                    let addr = match claimed {
                        Ok(claimed) => claimed.first().and_then(|claimed| {
                            actor.adopt(claimed, Birth::Stored, ctx);
                            actor.children.get(&id).and_then(|child| child.addr.clone())
                        }),
                        Err(error) => {
                            tracing::warn!(instance = %id, %error, "a poked instance could not be claimed");
                            return Box::pin(actix::fut::ready(Poked::Again))
                                as ResponseActFuture<Self, Poked>;
                        }
                    };
                    if !taken {
                        return Box::pin(actix::fut::ready(Poked::Decided));
                    }
                    Box::pin(read_inbox(addr).into_actor(actor))
                }),
        )
    }
}

async fn read_inbox(addr: Option<Addr<crate::workflow::WorkflowActor>>) -> Poked {
    let Some(addr) = addr else { return Poked::Again };
    match addr.send(ReadInbox).await {
        Ok(Delivered::Stored) => Poked::Decided,
        Ok(Delivered::Later) | Err(_) => Poked::Again,
    }
}
