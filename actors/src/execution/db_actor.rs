//! The only writer of engine state: collects what many actors want stored, and commits it together.
//!
//! In: `WriteOne` from workflow actors and the API, `ClaimOwnership` and `HandOverOwnership` from the actors that move
//! instances. Out: as many concurrent batches through the store as it has writers; a batch is what queued while the last
//! ones were being committed, so that it grows with the load and a single write never waits. Two batches never hold
//! commits of the same instance, which has one in flight. Ownership moves in statements of its own, which store host,
//! owner and epoch before any actor acts on them. If it dies, every waiting caller sees a closed channel, which it must
//! treat as "maybe applied", and the node ends.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::exit_on_panic::ExitOnPanic;
use crate::messages::{IsIdle, Observe};
use ports::fail_points::fail_point;
use ports::{
    BackfillCommit, BackfillOutcome, Claim, ClaimedInstance, HandOver, Ownership, Store, StoreError, Write,
    WriteOutcome,
};

/// The largest number of entries in one batch. Past some hundreds, a larger batch gains little and delays every entry.
const BATCH: usize = 500;

/// The number of messages in the mailbox from which senders wait for room.
const MAILBOX: usize = 4096;

/// Stores one entry; answered when its batch is committed. Losing it is harmless: the caller sees an error.
#[derive(Debug, Message)]
#[rtype(result = "Result<WriteOutcome, StoreError>")]
pub struct WriteOne(pub Write);

/// Claims instances that need an owner and have no live one; answered when host, owner and epoch are stored.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<ClaimedInstance>, StoreError>")]
pub struct ClaimOwnership(pub Claim);

/// Gives instances to another master; answered when its host, owner and epoch are stored.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Ownership>, StoreError>")]
pub struct HandOverOwnership(pub HandOver);

/// Stores decisions about backfills with the instances of the dates that start; answered when they are committed.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<BackfillOutcome>, StoreError>")]
pub struct CommitBackfills(pub Vec<BackfillCommit>);

type WriteReply = oneshot::Sender<Result<WriteOutcome, StoreError>>;

/// Groups commits of many actors.
pub struct DbActor {
    store: Arc<dyn Store>,
    queue: VecDeque<(Write, WriteReply)>,
    /// Entries in batches that are being committed.
    committing: usize,
    /// Batches that are being committed.
    in_flight: usize,
    batches: u64,
    entries: u64,
    _exit_on_panic: ExitOnPanic,
}

impl DbActor {
    /// Makes the writer of a store.
    pub fn new(store: Arc<dyn Store>, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            store,
            queue: VecDeque::new(),
            committing: 0,
            in_flight: 0,
            batches: 0,
            entries: 0,
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Starts the commit of the next batch, if a writer is free.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        if self.in_flight >= self.store.writer_count() || self.queue.is_empty() {
            return;
        }
        let size = self.queue.len().min(BATCH);
        let (batch, replies): (Vec<Write>, Vec<WriteReply>) = self.queue.drain(..size).unzip();
        self.committing += size;
        self.in_flight += 1;
        let store = Arc::clone(&self.store);
        let commit = async move {
            fail_point("db.before_commit");
            let written = store.write_batch(&batch).await;
            fail_point("db.after_commit");
            written
        };
        ctx.spawn(commit.into_actor(self).map(move |written, actor, ctx| {
            actor.answer_batch(written, replies);
            actor.pump(ctx);
        }));
    }

    fn answer_batch(&mut self, written: Result<Vec<WriteOutcome>, StoreError>, replies: Vec<WriteReply>) {
        self.batches += 1;
        self.entries += replies.len() as u64;
        self.committing -= replies.len();
        self.in_flight -= 1;
        let result = if written.is_ok() { "stored" } else { "failed" };
        metrics::counter!("porpoise_db_commits_total", "result" => result).increment(1);
        metrics::counter!("porpoise_db_commit_rounds_total").increment(replies.len() as u64);
        match written {
            Ok(written) => {
                for (reply, outcome) in replies.into_iter().zip(written) {
                    reply.send(Ok(outcome)).ok();
                }
            }
            Err(error) => {
                tracing::warn!(%error, entries = replies.len(), "a batch was not committed");
                for reply in replies {
                    reply.send(Err(error.clone())).ok();
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
    type Result = ResponseFuture<Result<WriteOutcome, StoreError>>;

    fn handle(&mut self, WriteOne(write): WriteOne, ctx: &mut Self::Context) -> Self::Result {
        let (reply, outcome) = oneshot::channel();
        self.queue.push_back((write, reply));
        self.pump(ctx);
        Box::pin(async move { outcome.await.unwrap_or_else(|_| Err(writer_stopped())) })
    }
}

impl Handler<ClaimOwnership> for DbActor {
    type Result = ResponseFuture<Result<Vec<ClaimedInstance>, StoreError>>;

    fn handle(&mut self, ClaimOwnership(claim): ClaimOwnership, _: &mut Self::Context) -> Self::Result {
        let store = Arc::clone(&self.store);
        Box::pin(async move { store.claim_instances(&claim).await })
    }
}

impl Handler<HandOverOwnership> for DbActor {
    type Result = ResponseFuture<Result<Vec<Ownership>, StoreError>>;

    fn handle(
        &mut self,
        HandOverOwnership(hand_over): HandOverOwnership,
        _: &mut Self::Context,
    ) -> Self::Result {
        let store = Arc::clone(&self.store);
        Box::pin(async move { store.hand_over_instances(&hand_over).await })
    }
}

impl Handler<CommitBackfills> for DbActor {
    type Result = ResponseFuture<Result<Vec<BackfillOutcome>, StoreError>>;

    fn handle(&mut self, CommitBackfills(commits): CommitBackfills, _: &mut Self::Context) -> Self::Result {
        let store = Arc::clone(&self.store);
        Box::pin(async move {
            fail_point("backfill.before_commit");
            let stored = store.commit_backfills(&commits).await;
            fail_point("backfill.after_commit");
            stored
        })
    }
}

impl Handler<IsIdle> for DbActor {
    type Result = bool;

    fn handle(&mut self, _: IsIdle, _: &mut Self::Context) -> bool {
        self.queue.is_empty() && self.committing == 0
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

/// Sends one entry to the writer, and waits until it is stored.
///
/// # Errors
/// As the store returns; a writer that died in between is `Uncertain`.
pub async fn write_one(db: &Addr<DbActor>, write: Write) -> Result<WriteOutcome, StoreError> {
    db.send(WriteOne(write))
        .await
        .unwrap_or_else(|_| Err(writer_stopped()))
}

/// Claims instances that need an owner through the writer.
///
/// # Errors
/// As the store returns; after a writer that died in between, the next reconciliation finds what was claimed.
pub async fn claim_ownership(db: &Addr<DbActor>, claim: Claim) -> Result<Vec<ClaimedInstance>, StoreError> {
    db.send(ClaimOwnership(claim))
        .await
        .unwrap_or_else(|_| Err(writer_stopped()))
}

/// Commits decisions about backfills through the writer.
///
/// # Errors
/// As the store returns; after a writer that died in between, they may be stored.
pub async fn commit_backfills(
    db: &Addr<DbActor>,
    commits: Vec<BackfillCommit>,
) -> Result<Vec<BackfillOutcome>, StoreError> {
    db.send(CommitBackfills(commits))
        .await
        .unwrap_or_else(|_| Err(writer_stopped()))
}

fn writer_stopped() -> StoreError {
    StoreError::Uncertain("the writer stopped before it answered".to_owned())
}
