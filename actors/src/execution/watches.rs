//! Looks at what the attempts in the owner of an instance wait for.
//!
//! Each open attempt has one task on this arbiter that looks, reports what it found, and looks again after a pause, or at
//! once when it is requested again. It ends with the attempt, and with the actor.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{AttemptNumber, TaskIndex};
use engine::instance::Event;
use engine::task::TaskReport;
use engine::task_type::WatchKind;
use tokio::sync::watch;

use crate::execution::attempt_look::{AttemptLook, WatchRequest};
use crate::execution::child_watch::ChildLook;
use crate::execution::dependency_watch::DependencyLook;
use crate::execution::running_instance::RunningInstance;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::messages::workflow::DeliverEvents;

/// The pause before the next look after one that failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A look of an attempt that is not the one of another request.
type SharedLook = Rc<dyn AttemptLook>;

/// The watches of one instance.
#[derive(Default)]
pub(crate) struct Watches {
    open: BTreeMap<TaskIndex, OpenWatch>,
}

struct OpenWatch {
    attempt: AttemptNumber,
    looks: watch::Sender<SharedLook>,
}

impl Watches {
    /// Looks as requested, and again from time to time; reports go to `reply_to`.
    pub(crate) fn start(
        &mut self,
        deps: &WorkflowDeps,
        instance: &RunningInstance,
        request: WatchRequest,
        reply_to: &Recipient<DeliverEvents>,
    ) {
        let Some(look) = look_of(deps, instance, request) else {
            return;
        };
        let open = self.open.get(&request.task_index);
        if let Some(open) = open.filter(|open| open.attempt == request.attempt) {
            open.looks.send_replace(look);
            return;
        }
        let (looks, requested) = watch::channel(look);
        actix_rt::spawn(look_repeatedly(requested, request, reply_to.clone()));
        let attempt = request.attempt;
        self.open.insert(request.task_index, OpenWatch { attempt, looks });
    }

    /// Looks at once, for one task or for all.
    pub(crate) fn look_again(&self, task_index: Option<TaskIndex>) {
        let all = self.open.iter();
        for (_, open) in all.filter(|(open, _)| task_index.is_none_or(|only| only == **open)) {
            open.looks.send_modify(|_| {});
        }
    }

    /// Ends the watches of attempts that do not run any more.
    pub(crate) fn close_ended(&mut self, instance: &RunningInstance) {
        self.open
            .retain(|task_index, open| instance.runs_in_owner(*task_index, open.attempt));
    }
}

/// Returns how to look at what an attempt waits for; none where the report comes by itself.
fn look_of(deps: &WorkflowDeps, instance: &RunningInstance, request: WatchRequest) -> Option<SharedLook> {
    match request.kind {
        WatchKind::Children => ChildLook::of_attempt(deps, instance, request).map(|look| Rc::new(look) as _),
        WatchKind::Dependencies => {
            DependencyLook::of_attempt(deps, instance, request).map(|look| Rc::new(look) as _)
        }
        // The decision of a person comes through the inbox.
        WatchKind::Approval => None,
    }
}

/// Looks until the attempt is not watched any more.
async fn look_repeatedly(
    mut requested: watch::Receiver<SharedLook>,
    request: WatchRequest,
    reply_to: Recipient<DeliverEvents>,
) {
    let WatchRequest {
        task_index, attempt, ..
    } = request;
    loop {
        let look = requested.borrow_and_update().clone();
        let pause = match look.look().await {
            Ok(Some(observation)) => {
                let report = TaskReport::Observed {
                    task_index,
                    attempt,
                    observation,
                };
                reply_to.do_send(DeliverEvents(vec![Event::Report(report)]));
                look.interval()
            }
            Ok(None) => look.interval(),
            Err(error) => {
                tracing::warn!(task = task_index.0, %error, "what a task waits for could not be read");
                Some(RETRY_PAUSE)
            }
        };
        drop(look);
        let request = requested.changed();
        let requested = match pause {
            Some(pause) => tokio::time::timeout(pause, request).await.unwrap_or(Ok(())),
            None => request.await,
        };
        if requested.is_err() {
            return;
        }
    }
}
