//! Starts the dates of backfills.
//!
//! Owns nothing: what it decides follows from stored rows, and is stored under the revision that it was decided on, so
//! that every active master may act. In: notices that a backfill or one of its instances has changed, from the API and
//! from workflow actors of this node. Out: commits through the `DbActor`, new instances to the `MasterActor`. Behind the
//! notices stands a look at all unsettled backfills every few seconds. If it dies, the node ends.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::WeakAddr;
use actix::prelude::*;
use engine::ids::BackfillId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::execution::db_actor::commit_backfills;
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::master::RunInstance;
use crate::messages::{Observe, StartDrain};
use crate::ownership::single_flight::{FlightDecision, SingleFlight};
use crate::scheduling::backfill_deps::BackfillDeps;
use crate::scheduling::backfill_plan::{has_more, plan_commit};
use ports::{BackfillCommit, BackfillOutcome, StoreError};

/// The interval at which all unsettled backfills are looked at, for what other nodes changed and for lost notices.
const LOOK_INTERVAL: Duration = Duration::from_secs(4);

/// Entries of one commit; more would delay the other commits of this node.
const MAX_ENTRIES: usize = 400;

/// Which backfills may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LookScope {
    /// All that are not settled.
    All,
    /// These.
    Some(BTreeSet<BackfillId>),
}

/// Backfills may have changed. Losing it is harmless: the next look finds them.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct BackfillsChanged(LookScope);

/// Starts the dates of backfills.
pub struct BackfillActor {
    deps: BackfillDeps,
    scope: LookScope,
    looking: SingleFlight,
    draining: bool,
    started_dates: u64,
    _exit_on_panic: ExitOnPanic,
}

/// What one look did.
#[derive(Debug, Default)]
struct LookReport {
    started: u64,
    /// Backfills about which something is to be decided at once.
    again: BTreeSet<BackfillId>,
}

impl BackfillActor {
    /// Makes the actor of a master.
    pub fn new(deps: BackfillDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            scope: LookScope::Some(BTreeSet::new()),
            looking: SingleFlight::default(),
            draining: false,
            started_dates: 0,
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Looks at the backfills of a scope, after the look that is in flight.
    fn look_at(&mut self, scope: LookScope, ctx: &mut Context<Self>) {
        self.scope.extend(scope);
        if self.draining || !self.deps.is_accepting() {
            return;
        }
        if self.looking.request() == FlightDecision::Wait {
            return;
        }
        let scope = std::mem::replace(&mut self.scope, LookScope::Some(BTreeSet::new()));
        let deps = self.deps.clone();
        let look = async move { advance_backfills(&deps, scope).await };
        ctx.spawn(look.into_actor(self).map(|report, actor, ctx| {
            let requested_again = actor.looking.finish();
            let report = report.unwrap_or_else(|error| {
                tracing::warn!(%error, "backfills could not be advanced; they are looked at again");
                LookReport::default()
            });
            actor.started_dates += report.started;
            if requested_again || !report.again.is_empty() {
                actor.look_at(LookScope::Some(report.again), ctx);
            }
        }));
    }

    /// Passes the notices of this node on.
    fn follow_notices(&self, ctx: &mut Context<Self>) {
        let notices = self.deps.commit_events.subscribe_backfills();
        actix_rt::spawn(forward_notices(notices, ctx.address().downgrade()));
    }
}

/// Passes notices on while the actor runs; those that were missed are made good by a look at all.
async fn forward_notices(mut notices: Receiver<BackfillId>, actor: WeakAddr<BackfillActor>) {
    loop {
        let scope = match notices.recv().await {
            Ok(id) => LookScope::Some(BTreeSet::from([id])),
            Err(RecvError::Lagged(_)) => LookScope::All,
            Err(RecvError::Closed) => return,
        };
        let Some(actor) = actor.upgrade() else { return };
        actor.do_send(BackfillsChanged(scope));
    }
}

impl LookScope {
    fn extend(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Some(ids), Self::Some(more)) => ids.extend(more),
            (Self::Some(_), Self::All) => *self = Self::All,
            (Self::All, _) => {}
        }
    }
}

/// Decides about the backfills of a scope, stores the decisions in batches, and runs the instances.
async fn advance_backfills(deps: &BackfillDeps, scope: LookScope) -> Result<LookReport, StoreError> {
    let ids: Vec<BackfillId> = match scope {
        LookScope::All => deps.store.list_unsettled_backfills().await?,
        LookScope::Some(ids) => ids.into_iter().collect(),
    };
    let mut report = LookReport::default();
    let mut batch: Vec<BackfillCommit> = Vec::new();
    for snapshot in deps.store.load_backfills(&ids).await? {
        if let Some(commit) = plan_commit(deps, &snapshot).await? {
            batch.push(commit);
        }
        if batch.iter().map(entries_of).sum::<usize>() >= MAX_ENTRIES {
            store_batch(deps, std::mem::take(&mut batch), &mut report).await?;
        }
    }
    if !batch.is_empty() {
        store_batch(deps, batch, &mut report).await?;
    }
    Ok(report)
}

fn entries_of(commit: &BackfillCommit) -> usize {
    1 + commit.changes.dates.len()
}

async fn store_batch(
    deps: &BackfillDeps,
    batch: Vec<BackfillCommit>,
    report: &mut LookReport,
) -> Result<(), StoreError> {
    let outcomes = commit_backfills(&deps.db, batch.clone()).await?;
    for (commit, outcome) in batch.into_iter().zip(outcomes) {
        let id = commit.id;
        match outcome {
            BackfillOutcome::Stored(started) => {
                if has_more(&commit) {
                    report.again.insert(id);
                }
                record_dates(&commit);
                deps.commit_events.publish_backfill(id);
                let created = commit.instances.into_iter().zip(started);
                // Without an owner it is found by the scan of orphans.
                for (new, started) in created.filter(|(_, started)| started.owner.is_some()) {
                    let run = RunInstance::created(new, started.id, deps.this_node.generation);
                    deps.master.do_send(run);
                    report.started += 1;
                }
            }
            BackfillOutcome::Stale => _ = report.again.insert(id),
            BackfillOutcome::Rejected(why) => {
                tracing::error!(backfill = %id, why, "the store refused a decision about a backfill");
            }
        }
    }
    Ok(())
}

fn record_dates(commit: &BackfillCommit) {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (started, decided) = (commit.instances.len(), commit.changes.dates.len());
    metrics::counter!("porpoise_backfill_dates_total", "outcome" => "started").increment(count(started));
    metrics::counter!("porpoise_backfill_dates_total", "outcome" => "skipped")
        .increment(count(decided - started));
}

impl Actor for BackfillActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.follow_notices(ctx);
        self.look_at(LookScope::All, ctx);
        ctx.run_interval(LOOK_INTERVAL, |actor, ctx| actor.look_at(LookScope::All, ctx));
    }
}

impl Handler<BackfillsChanged> for BackfillActor {
    type Result = ();

    fn handle(&mut self, BackfillsChanged(scope): BackfillsChanged, ctx: &mut Self::Context) {
        self.look_at(scope, ctx);
    }
}

impl Handler<StartDrain> for BackfillActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}

impl Handler<Observe> for BackfillActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "started_dates": self.started_dates,
            "draining": self.draining,
        }))
    }
}
