//! What becomes of the reports of workers: they go to the actors of their instances, or are stored for another owner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::attempt::AttemptEvent;
use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::instance::Event;
use engine::states::MemberState;
use engine::task::TaskReport;
use futures_util::future::join_all;

use crate::execution::workflow_actor::WorkflowActor;
use crate::messages::workflow::{DeliverEvents, DeliveryOutcome};
use ports::protocol::{AttemptUpdate, Owner, Report, ReportAnswer};
use ports::{InstanceOwner, RelayedResult, Store};

/// The longest time until a report is answered; what is not stored by then is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Where the reports about one instance go.
pub(crate) enum ReportRoute {
    /// To its actor.
    Actor(Addr<WorkflowActor>),
    /// Nowhere yet: its actor restarts, or the first scan for orphans has not ended.
    NotYet,
    /// This node does not run it: the store knows which node does.
    NotOwned,
}

/// The events of one instance, with their positions in the batch.
struct InstanceReports {
    id: InstanceId,
    positions: Vec<usize>,
    events: Vec<Event>,
}

/// The answer to some reports of a batch.
struct PartialAnswer {
    positions: Vec<usize>,
    answer: ReportAnswer,
}

/// Delivers a batch, and returns one answer per report, in its order.
pub(crate) fn deliver_reports(
    reports: Vec<Report>,
    route: impl Fn(InstanceId) -> ReportRoute,
    unowned: UnownedReportHandler,
) -> ResponseFuture<Vec<ReportAnswer>> {
    let count = reports.len();
    let (mut deliveries, mut not_owned) = (Vec::new(), Vec::new());
    for group in group_by_instance(reports) {
        match route(group.id) {
            ReportRoute::Actor(addr) => deliveries.push(deliver_group(addr, group)),
            ReportRoute::NotYet => {}
            ReportRoute::NotOwned => not_owned.push(group),
        }
    }
    Box::pin(async move {
        let mut answers = vec![ReportAnswer::Later; count];
        let redirected = unowned.answer_groups(not_owned);
        let (mut parts, redirected) = futures_util::future::join(join_all(deliveries), redirected).await;
        parts.extend(redirected);
        for part in parts {
            for position in part.positions {
                answers[position] = part.answer.clone();
            }
        }
        answers
    })
}

fn group_by_instance(reports: Vec<Report>) -> impl Iterator<Item = InstanceReports> {
    let mut groups: BTreeMap<InstanceId, InstanceReports> = BTreeMap::new();
    for (position, report) in reports.into_iter().enumerate() {
        let id = report.uid.instance;
        let group = groups.entry(id).or_insert_with(|| InstanceReports {
            id,
            positions: Vec::new(),
            events: Vec::new(),
        });
        group.positions.push(position);
        group.events.push(event_of(report));
    }
    groups.into_values()
}

async fn deliver_group(addr: Addr<WorkflowActor>, group: InstanceReports) -> PartialAnswer {
    let delivery = addr.send(DeliverEvents(group.events));
    let answer = match tokio::time::timeout(ANSWER_TIMEOUT, delivery).await {
        Ok(Ok(DeliveryOutcome::Stored)) => ReportAnswer::Stored,
        Ok(Ok(DeliveryOutcome::Later) | Err(_)) | Err(_) => ReportAnswer::Later,
    };
    PartialAnswer {
        positions: group.positions,
        answer,
    }
}

fn event_of(report: Report) -> Event {
    let uid = report.uid;
    match report.update {
        AttemptUpdate::Started { pid, at } => Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Started { pid, at },
        }),
        AttemptUpdate::Ended(ended) => Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Ended(ended),
        }),
        AttemptUpdate::Lost { reason } => Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Lost { reason },
        }),
    }
}

/// A loss is no result: only an owner can take it, and it is not stored for one.
fn is_lost(event: &Event) -> bool {
    matches!(
        event,
        Event::Report(TaskReport::Attempt {
            event: AttemptEvent::Lost { .. },
            ..
        })
    )
}

/// Answers reports about instances that this node does not run.
pub(crate) struct UnownedReportHandler {
    store: Arc<dyn Store>,
    this_node: Incarnation,
    at: Timestamp,
}

impl UnownedReportHandler {
    /// Makes the handler of one batch.
    pub(crate) fn new(store: Arc<dyn Store>, this_node: Incarnation, at: Timestamp) -> Self {
        Self { store, this_node, at }
    }

    /// Stores results for owners that the worker cannot reach; returns one answer per report.
    pub(crate) async fn relay(self, reports: Vec<Report>) -> Vec<ReportAnswer> {
        let events: Vec<Event> = reports.into_iter().map(event_of).collect();
        let relayed = self.relay_results(&events).await;
        let awaited = self.lost_with_owner(&events).await;
        let answer = |event: &Event| match event {
            Event::Report(TaskReport::Attempt {
                uid,
                event: AttemptEvent::Lost { .. },
            }) if awaited.contains(&uid.instance) => ReportAnswer::Later,
            _ => relayed.clone(),
        };
        events.iter().map(answer).collect()
    }

    /// Stores results for the present or next owner of their instances. That an attempt has started, its next owner
    /// learns by a query.
    async fn relay_results(&self, events: &[Event]) -> ReportAnswer {
        let results = events.iter().filter_map(|event| match event {
            Event::Report(TaskReport::Attempt {
                uid,
                event: AttemptEvent::Ended(ended),
            }) => Some(RelayedResult {
                uid: *uid,
                end: ended.clone(),
            }),
            _ => None,
        });
        let results: Vec<_> = results.collect();
        if results.is_empty() {
            return ReportAnswer::Stored;
        }
        match self.store.relay_results(&results, self.at).await {
            Ok(()) => ReportAnswer::Stored,
            Err(error) => {
                tracing::warn!(%error, results = results.len(), "results could not be relayed");
                ReportAnswer::Later
            }
        }
    }

    /// Stores what the next owner of one instance needs; a loss its worker reports to that owner itself. An idle instance
    /// waits for no loss: the attempt is closed, or queried when the instance is resumed.
    async fn relay_without_owner(&self, owned: Option<&InstanceOwner>, events: &[Event]) -> ReportAnswer {
        let relayed = self.relay_results(events).await;
        if owned.is_some_and(|owned| owned.needs_owner) && events.iter().any(is_lost) {
            return ReportAnswer::Later;
        }
        relayed
    }

    /// Returns the instances of lost attempts that have an owner, or need one, which must receive the loss.
    async fn lost_with_owner(&self, events: &[Event]) -> BTreeSet<InstanceId> {
        let lost = events.iter().filter_map(|event| match event {
            Event::Report(TaskReport::Attempt {
                uid,
                event: AttemptEvent::Lost { .. },
            }) => Some(uid.instance),
            _ => None,
        });
        let lost: BTreeSet<InstanceId> = lost.collect();
        if lost.is_empty() {
            return lost;
        }
        let ids: Vec<InstanceId> = lost.iter().copied().collect();
        match self.store.find_owners(&ids).await {
            Ok(owners) => owners
                .into_iter()
                .filter(|owned| owned.owner.is_some() || owned.needs_owner)
                .map(|owned| owned.id)
                .collect(),
            Err(error) => {
                tracing::debug!(%error, "the owners of lost attempts could not be read");
                lost
            }
        }
    }

    async fn answer_groups(self, groups: Vec<InstanceReports>) -> Vec<PartialAnswer> {
        let ids: Vec<InstanceId> = groups.iter().map(|group| group.id).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let owners: BTreeMap<InstanceId, InstanceOwner> = match self.store.find_owners(&ids).await {
            Ok(owners) => owners.into_iter().map(|owned| (owned.id, owned)).collect(),
            Err(error) => {
                tracing::debug!(%error, "the owners of reported instances could not be read");
                return Vec::new();
            }
        };
        let answers = groups
            .into_iter()
            .map(|group| self.answer_group(owners.get(&group.id), group));
        join_all(answers).await
    }

    /// Answers with the owner when another node is it; stores the results when no node is.
    async fn answer_group(&self, owned: Option<&InstanceOwner>, group: InstanceReports) -> PartialAnswer {
        PartialAnswer {
            answer: self.answer_for(owned, &group.events).await,
            positions: group.positions,
        }
    }

    async fn answer_for(&self, owned: Option<&InstanceOwner>, events: &[Event]) -> ReportAnswer {
        let Some(InstanceOwner {
            owner: Some((incarnation, host)),
            owner_state,
            epoch,
            generation,
            ..
        }) = owned
        else {
            return self.relay_without_owner(owned, events).await;
        };
        if *incarnation == self.this_node {
            // Its actor starts soon: reconciliation, or the claim that is being answered, sees to it.
            return ReportAnswer::Later;
        }
        if !owner_state.is_some_and(|state| matches!(state, MemberState::Active | MemberState::Draining)) {
            return self.relay_without_owner(owned, events).await;
        }
        ReportAnswer::Moved {
            owner: Some(Owner {
                incarnation: *incarnation,
                host: host.clone(),
                generation: *generation,
                epoch: *epoch,
            }),
        }
    }
}
