//! The only writer of engine state: collects what many actors want stored and commits it together.
//!
//! In: `WriteOne` from workflow actors and the API, `TakeOwnership` and `GiveOwnership` from those that move
//! instances. Out: as many batches at a time through the `Store` port as it has writers; a batch is whatever queued
//! while the last ones were being committed, so that it grows with the load and a lone write never waits. Two
//! batches never have a round of the same instance, which has one in flight. Ownership moves in statements of its
//! own, which store host, owner and epoch before anybody acts on them. If it dies, every waiting caller sees a
//! closed channel, which it must treat as "maybe applied", and the node ends.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId};
use tokio::sync::oneshot;

use crate::faults;
use crate::ports::{Claim, Claimed, HandOver, Store, StoreError, Write, Written};
use crate::vital::Vital;

/// Entries in one batch. Past some hundreds, a larger batch gains little and delays everybody in it.
const BATCH: usize = 500;

/// How many messages may wait in the mailbox before senders wait for room.
const MAILBOX: usize = 4096;

/// Stores one entry; answered when its batch is committed. Losing it is harmless: the caller sees an error.
#[derive(Debug, Message)]
#[rtype(result = "Result<Written, StoreError>")]
pub struct WriteOne(pub Write);

/// Takes instances that need an owner and have none that lives; answered when host, owner and epoch are stored.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Claimed>, StoreError>")]
pub struct TakeOwnership(pub Claim);

/// Gives instances to another master; answered when its host, owner and epoch are stored.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<(InstanceId, Epoch)>, StoreError>")]
pub struct GiveOwnership(pub HandOver);

/// Asks for a picture of the actor.
#[derive(Debug, Message)]
#[rtype(result = "serde_json::Value")]
pub struct Observe;

type Answer = oneshot::Sender<Result<Written, StoreError>>;

/// Groups commits. See the module.
pub struct DbActor {
    store: Arc<dyn Store>,
    queue: VecDeque<(Write, Answer)>,
    /// Entries in batches that are being committed.
    committing: usize,
    /// Batches that are being committed.
    in_flight: usize,
    batches: u64,
    entries: u64,
    /// Ends the node when this actor does.
    _vital: Vital,
}

impl DbActor {
    /// Makes the writer of a store.
    pub fn new(store: Arc<dyn Store>, vital: Vital) -> Self {
        Self {
            store,
            queue: VecDeque::new(),
            committing: 0,
            in_flight: 0,
            batches: 0,
            entries: 0,
            _vital: vital,
        }
    }

    fn pump(&mut self, ctx: &mut Context<Self>) {
        if self.in_flight >= self.store.writers() || self.queue.is_empty() {
            return;
        }
        let take = self.queue.len().min(BATCH);
        let (batch, answers): (Vec<Write>, Vec<Answer>) = self.queue.drain(..take).unzip();
        self.committing += take;
        self.in_flight += 1;
        let store = Arc::clone(&self.store);
        let commit = async move {
            faults::point("db.before_commit");
            let written = store.write(&batch).await;
            faults::point("db.after_commit");
            written
        };
        ctx.spawn(commit.into_actor(self).map(move |result, actor, ctx| {
            actor.committed(result, answers);
            actor.pump(ctx);
        }));
    }

    fn committed(&mut self, result: Result<Vec<Written>, StoreError>, answers: Vec<Answer>) {
        self.batches += 1;
        self.entries += answers.len() as u64;
        self.committing -= answers.len();
        self.in_flight -= 1;
        let outcome = if result.is_ok() { "stored" } else { "failed" };
        metrics::counter!("porpoise_db_commits_total", "result" => outcome).increment(1);
        metrics::counter!("porpoise_db_commit_rounds_total").increment(answers.len() as u64);
        match result {
            Ok(written) => {
                for (answer, written) in answers.into_iter().zip(written) {
                    answer.send(Ok(written)).ok();
                }
            }
            Err(error) => {
                tracing::warn!(%error, entries = answers.len(), "a batch was not committed");
                for answer in answers {
                    answer.send(Err(error.clone())).ok();
                }
            }
        }
    }
}

impl Actor for DbActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<WriteOne> for DbActor {
    type Result = ResponseFuture<Result<Written, StoreError>>;

    fn handle(&mut self, WriteOne(write): WriteOne, ctx: &mut Self::Context) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        self.queue.push_back((write, answer));
        self.pump(ctx);
        Box::pin(async move { answered.await.unwrap_or_else(|_| Err(gone())) })
    }
}

impl Handler<TakeOwnership> for DbActor {
    type Result = ResponseFuture<Result<Vec<Claimed>, StoreError>>;

    fn handle(&mut self, TakeOwnership(claim): TakeOwnership, _: &mut Self::Context) -> Self::Result {
        let store = Arc::clone(&self.store);
        Box::pin(async move { store.claim(&claim).await })
    }
}

impl Handler<GiveOwnership> for DbActor {
    type Result = ResponseFuture<Result<Vec<(InstanceId, Epoch)>, StoreError>>;

    fn handle(&mut self, GiveOwnership(hand_over): GiveOwnership, _: &mut Self::Context) -> Self::Result {
        let store = Arc::clone(&self.store);
        Box::pin(async move { store.hand_over(&hand_over).await })
    }
}

impl Handler<Observe> for DbActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "queued": self.queue.len(),
            "committing": self.committing,
            "batches": self.batches,
            "entries": self.entries,
        }))
    }
}

/// Sends one entry to the writer and waits until it is stored.
///
/// # Errors
/// As the store says; a writer that died in between is `Uncertain`.
pub async fn write(db: &Addr<DbActor>, write: Write) -> Result<Written, StoreError> {
    db.send(WriteOne(write)).await.unwrap_or_else(|_| Err(gone()))
}

/// Takes instances that need an owner through the writer.
///
/// # Errors
/// As the store says; after a writer that died in between, the next reconciliation finds what was taken.
pub async fn take_ownership(db: &Addr<DbActor>, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
    db.send(TakeOwnership(claim))
        .await
        .unwrap_or_else(|_| Err(gone()))
}

fn gone() -> StoreError {
    StoreError::Uncertain("the writer stopped before it answered".to_owned())
}
