//! Hands reports of workers to the actors of their instances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::attempt::AttemptEvent;
use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::instance::Event;
use engine::states::MemberState;

use super::{MasterActor, Relay, Reports};
use crate::ports::{OwnedBy, Store};
use crate::protocol::{AttemptUpdate, Owner, Report, ReportAnswer, instance_of};
use crate::workflow::{Deliver, Delivered, WorkflowActor};

/// A report is answered after this time at the latest; what is not stored by then is sent again.
const DEADLINE: Duration = Duration::from_secs(1);

/// Who hears the reports of one instance.
enum Hearer {
    Actor(Addr<WorkflowActor>),
    /// Being built anew, or orphans have not been looked for yet.
    NotYet,
    /// This node does not run it: the store knows who does.
    Other,
}

impl Handler<Reports> for MasterActor {
    type Result = ResponseFuture<Vec<ReportAnswer>>;

    fn handle(&mut self, Reports(reports): Reports, _: &mut Self::Context) -> Self::Result {
        let mut groups: BTreeMap<InstanceId, Vec<(usize, Event)>> = BTreeMap::new();
        let count = reports.len();
        for (place, report) in reports.into_iter().enumerate() {
            groups
                .entry(instance_of(&report.uid))
                .or_default()
                .push((place, event_of(report)));
        }
        let mut deliveries = Vec::new();
        let mut others = Vec::new();
        for (id, events) in groups {
            match self.hearer(id) {
                Hearer::Actor(addr) => deliveries.push(tell(addr, events)),
                Hearer::NotYet => {}
                Hearer::Other => others.push((id, events)),
            }
        }
        let redirected = redirect(self.desk(), others);
        Box::pin(async move {
            let mut answers = vec![ReportAnswer::Later; count];
            let (mut told, redirected) =
                futures_util::future::join(futures_util::future::join_all(deliveries), redirected).await;
            told.extend(redirected);
            for (places, answer) in told {
                places
                    .into_iter()
                    .for_each(|place| answers[place] = answer.clone());
            }
            answers
        })
    }
}

impl Handler<Relay> for MasterActor {
    type Result = ResponseFuture<Vec<ReportAnswer>>;

    fn handle(&mut self, Relay(reports): Relay, _: &mut Self::Context) -> Self::Result {
        let desk = self.desk();
        Box::pin(async move {
            let events: Vec<Event> = reports.into_iter().map(event_of).collect();
            let kept = desk.keep(&events).await;
            let wanted = desk.wanted(&events).await;
            let answer = |event: &Event| match event {
                Event::Attempt {
                    uid,
                    event: AttemptEvent::Lost { .. },
                } if wanted.contains(&instance_of(uid)) => ReportAnswer::Later,
                _ => kept.clone(),
            };
            events.iter().map(answer).collect()
        })
    }
}

impl MasterActor {
    fn desk(&self) -> Desk {
        Desk {
            store: Arc::clone(&self.around.store),
            me: self.around.me.incarnation,
            at: self.around.clock.now(),
        }
    }

    fn hearer(&self, id: InstanceId) -> Hearer {
        match self.children.get(&id) {
            Some(child) => child.addr.clone().map_or(Hearer::NotYet, Hearer::Actor),
            None if self.reconciled && self.swept => Hearer::Other,
            None => Hearer::NotYet,
        }
    }
}

fn event_of(report: Report) -> Event {
    let uid = report.uid;
    match report.update {
        AttemptUpdate::Started { pid, at } => Event::Attempt {
            uid,
            event: AttemptEvent::Started { pid, at },
        },
        AttemptUpdate::Ended(ended) => Event::Attempt {
            uid,
            event: AttemptEvent::Ended(ended),
        },
        AttemptUpdate::Lost { reason } => Event::Attempt {
            uid,
            event: AttemptEvent::Lost { reason },
        },
    }
}

/// No result: only an owner can take it, and nothing is kept for it.
fn is_lost(event: &Event) -> bool {
    matches!(
        event,
        Event::Attempt {
            event: AttemptEvent::Lost { .. },
            ..
        }
    )
}

async fn tell(addr: Addr<WorkflowActor>, events: Vec<(usize, Event)>) -> Answered {
    let (places, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    let answer = match tokio::time::timeout(DEADLINE, addr.send(Deliver(events))).await {
        Ok(Ok(Delivered::Stored)) => ReportAnswer::Stored,
        Ok(Ok(Delivered::Later) | Err(_)) | Err(_) => ReportAnswer::Later,
    };
    (places, answer)
}

/// The places of some reports in their batch, and the answer to them.
type Answered = (Vec<usize>, ReportAnswer);

/// What is needed to deal with reports about instances that this node does not run.
struct Desk {
    store: Arc<dyn Store>,
    me: Incarnation,
    at: Timestamp,
}

impl Desk {
    /// Keeps results for whoever owns their instances, now or later. That an attempt has started, its next owner
    /// learns by asking.
    async fn keep(&self, events: &[Event]) -> ReportAnswer {
        let ends = events.iter().filter_map(|event| match event {
            Event::Attempt {
                uid,
                event: AttemptEvent::Ended(ended),
            } => Some((*uid, ended.clone())),
            _ => None,
        });
        let ends: Vec<_> = ends.collect();
        if ends.is_empty() {
            return ReportAnswer::Stored;
        }
        match self.store.keep_results(&ends, self.at).await {
            Ok(()) => ReportAnswer::Stored,
            Err(error) => {
                tracing::warn!(%error, results = ends.len(), "results could not be kept");
                ReportAnswer::Later
            }
        }
    }

    /// Keeps what the next owner of one instance needs; that an attempt is lost, its worker tells that one again. At
    /// rest nobody waits for a loss: the attempt is closed, or asked about when the instance wakes.
    async fn keep_for_nobody(&self, owned: Option<&OwnedBy>, events: &[Event]) -> ReportAnswer {
        let kept = self.keep(events).await;
        if owned.is_some_and(|owned| owned.needs_owner) && events.iter().any(is_lost) {
            return ReportAnswer::Later;
        }
        kept
    }

    /// Says which instances of lost attempts have, or need, an owner that has to hear of it.
    async fn wanted(&self, events: &[Event]) -> BTreeSet<InstanceId> {
        let lost = events.iter().filter_map(|event| match event {
            Event::Attempt {
                uid,
                event: AttemptEvent::Lost { .. },
            } => Some(instance_of(uid)),
            _ => None,
        });
        let lost: BTreeSet<InstanceId> = lost.collect();
        if lost.is_empty() {
            return lost;
        }
        match self.store.owners(&lost.iter().copied().collect::<Vec<_>>()).await {
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

    /// Answers with the owner when another life has it; keeps the results when nobody has.
    async fn redirect(&self, owned: Option<&OwnedBy>, events: Vec<(usize, Event)>) -> Answered {
        let (places, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        let Some(OwnedBy {
            owner: Some((incarnation, host)),
            owner_state,
            epoch,
            generation,
            ..
        }) = owned
        else {
            return (places, self.keep_for_nobody(owned, &events).await);
        };
        if *incarnation == self.me {
            // Its actor is on the way: reconciliation, or the claim that is being answered, brings it.
            return (places, ReportAnswer::Later);
        }
        if !owner_state.is_some_and(|state| matches!(state, MemberState::Active | MemberState::Draining)) {
            return (places, self.keep_for_nobody(owned, &events).await);
        }
        let owner = Owner {
            incarnation: *incarnation,
            host: host.clone(),
            generation: *generation,
            epoch: *epoch,
        };
        (places, ReportAnswer::Moved { owner: Some(owner) })
    }
}

async fn redirect(desk: Desk, groups: Vec<(InstanceId, Vec<(usize, Event)>)>) -> Vec<Answered> {
    let ids: Vec<InstanceId> = groups.iter().map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let owners: BTreeMap<InstanceId, OwnedBy> = match desk.store.owners(&ids).await {
        Ok(owners) => owners.into_iter().map(|owned| (owned.id, owned)).collect(),
        Err(error) => {
            tracing::debug!(%error, "the owners of reported instances could not be read");
            return Vec::new();
        }
    };
    let answers = groups
        .into_iter()
        .map(|(id, events)| desk.redirect(owners.get(&id), events));
    futures_util::future::join_all(answers).await
}
