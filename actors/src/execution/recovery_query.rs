//! Where the open attempts of an owner are queried: at their worker, at a later incarnation of its node, or nowhere.

use std::time::{Duration, Instant};

use engine::attempt::AttemptEvent;
use engine::ids::Incarnation;
use engine::instance::Event;
use engine::task::{TaskReport, Worker};

use crate::execution::dispatch_queue::{PendingMessage, WorkerMessage};
use crate::execution::lease_grants::LeaseGrants;
use crate::execution::worker_directory::{QueryTarget, WorkerDirectory};
use crate::messages::dispatch::{AttemptQuery, QueryAttempts};
use crate::messages::workflow::RecoveryOutcome;
use ports::protocol::ReattachRequest;

/// Time within which a dead worker's node may start again, before the attempts of the dead worker are lost.
const RESTART_GRACE: Duration = Duration::from_secs(10);

/// A query of attempts that is under way.
#[derive(Debug)]
pub(crate) struct RecoveryQuery {
    query: QueryAttempts,
    /// Until then a restart of a worker's node is awaited.
    deadline: Instant,
}

/// The next steps of a query.
#[derive(Default)]
pub(crate) struct QuerySteps {
    /// Messages for workers.
    pub(crate) messages: Vec<(Incarnation, PendingMessage)>,
    /// The attempts whose worker's node is starting.
    pub(crate) awaiting_restart: Option<RecoveryQuery>,
    /// The attempts that cannot be queried anywhere.
    pub(crate) unreachable: Option<QueryAttempts>,
}

/// The losses of a query: those that are certain, and those that are deferred.
pub(crate) struct DeferredLoss {
    /// One event per attempt.
    pub(crate) events: Vec<Event>,
    /// The deferred attempts.
    pub(crate) deferred: Vec<AttemptQuery>,
    /// The time until the first of them is certain.
    pub(crate) next: Duration,
}

impl RecoveryQuery {
    /// Starts a query.
    pub(crate) fn new(query: QueryAttempts) -> Self {
        Self {
            query,
            deadline: Instant::now() + RESTART_GRACE,
        }
    }

    /// Makes the query of one attempt whose message cannot be sent, because its worker is dead.
    pub(crate) fn for_unsent(worker: Worker, pending: PendingMessage) -> Self {
        let (uid, owner) = match pending.message {
            WorkerMessage::Dispatch(dispatch) => (dispatch.uid, dispatch.owner),
            WorkerMessage::Kill(kill) => (kill.uid, kill.owner),
            WorkerMessage::Reattach(reattach, _) => (reattach.uid, reattach.owner),
        };
        Self::new(QueryAttempts {
            owner,
            attempts: vec![AttemptQuery {
                uid,
                worker,
                exclusive: pending.exclusive,
            }],
            counts: None,
            reply_to: pending.reply_to,
        })
    }

    /// Whether every worker of its attempts is known to be alive.
    pub(crate) fn is_resolvable(&self, directory: &WorkerDirectory) -> bool {
        let mut attempts = self.query.attempts.iter();
        attempts.all(|attempt| directory.is_alive(attempt.worker.incarnation))
    }

    /// Decides where each attempt is queried.
    pub(crate) fn resolve(mut self, directory: &WorkerDirectory) -> QuerySteps {
        let mut steps = QuerySteps::default();
        let (mut awaiting, mut unreachable) = (Vec::new(), Vec::new());
        let is_waiting = Instant::now() < self.deadline;
        for attempt in std::mem::take(&mut self.query.attempts) {
            match directory.query_target(&attempt.worker) {
                QueryTarget::Incarnation(to) => steps.messages.push((to, self.reattach_message(&attempt))),
                QueryTarget::RestartExpected if is_waiting => awaiting.push(attempt),
                QueryTarget::RestartExpected | QueryTarget::None => unreachable.push(attempt),
            }
        }
        if let Some(counts) = &self.query.counts {
            unreachable
                .iter()
                .for_each(|_| counts.record(RecoveryOutcome::Lost));
        }
        steps.unreachable = (!unreachable.is_empty()).then(|| QueryAttempts {
            owner: self.query.owner.clone(),
            attempts: unreachable,
            counts: None,
            reply_to: self.query.reply_to.clone(),
        });
        self.query.attempts = awaiting;
        steps.awaiting_restart = (!self.query.attempts.is_empty()).then_some(self);
        steps
    }

    fn reattach_message(&self, attempt: &AttemptQuery) -> PendingMessage {
        let reattach = ReattachRequest {
            uid: attempt.uid,
            worker: attempt.worker.incarnation,
            owner: self.query.owner.clone(),
        };
        PendingMessage {
            message: WorkerMessage::Reattach(reattach, self.query.counts.clone()),
            exclusive: attempt.exclusive,
            reply_to: self.query.reply_to.clone(),
        }
    }
}

impl DeferredLoss {
    /// Decides which attempts of dead workers are lost now. The loss of an exclusive one is deferred until its lease has
    /// surely expired, since until then it may still run.
    pub(crate) fn new(query: &QueryAttempts, grants: &LeaseGrants) -> Self {
        let mut loss = Self {
            events: Vec::new(),
            deferred: Vec::new(),
            next: Duration::MAX,
        };
        for attempt in &query.attempts {
            let uid = attempt.uid;
            let worker = attempt.worker.incarnation;
            let grace = attempt
                .exclusive
                .then(|| grants.remaining_grace(uid, query.owner.epoch, worker))
                .flatten();
            match grace {
                Some(grace) => {
                    loss.next = loss.next.min(grace);
                    let reason = lease_wait_reason(attempt);
                    loss.events.push(Event::Report(TaskReport::Attempt {
                        uid,
                        event: AttemptEvent::LossDeferred { reason },
                    }));
                    loss.deferred.push(attempt.clone());
                }
                None => {
                    let reason = worker_gone_reason(&attempt.worker);
                    loss.events.push(Event::Report(TaskReport::Attempt {
                        uid,
                        event: AttemptEvent::Lost { reason },
                    }));
                }
            }
        }
        loss
    }
}

fn worker_gone_reason(worker: &Worker) -> String {
    format!(
        "its worker {} (incarnation {}) is gone; its processes could not be checked",
        worker.name, worker.incarnation
    )
}

fn lease_wait_reason(attempt: &AttemptQuery) -> String {
    format!(
        "waits until the lease of attempt {} at worker {} is over",
        attempt.uid.attempt, attempt.worker.name
    )
}
