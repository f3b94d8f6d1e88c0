//! Hands reports of workers to the actors of their instances.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::InstanceId;
use engine::instance::Event;

use super::{MasterActor, Relay, Reports};
use crate::protocol::{Fact, Report, ReportAnswer, instance_of};
use crate::workflow::{Deliver, Delivered, WorkflowActor};

/// A report is answered after this time at the latest; what is not stored by then is sent again.
const DEADLINE: Duration = Duration::from_secs(1);

/// Who hears the reports of one instance.
enum Hearer {
    Actor(Addr<WorkflowActor>),
    /// Being built anew, or orphans have not been looked for yet.
    NotYet,
    /// The instance is at rest or gone: nobody needs the report.
    Nobody,
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
        let groups: Vec<_> = groups
            .into_iter()
            .map(|(id, events)| (self.hearer(id), events))
            .collect();
        Box::pin(async move {
            let deliveries = groups.into_iter().map(|(hearer, events)| tell(hearer, events));
            let mut answers = vec![ReportAnswer::Later; count];
            for (places, answer) in futures_util::future::join_all(deliveries).await {
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
        let store = Arc::clone(&self.around.store);
        let at = self.around.clock.now();
        Box::pin(async move {
            // That an attempt has started, its next owner learns by asking.
            let ends = reports.iter().filter_map(|report| match &report.fact {
                Fact::Ended(ended) => Some((report.uid, ended.clone())),
                Fact::Started { .. } => None,
            });
            let ends: Vec<_> = ends.collect();
            let answer = match store.keep_results(&ends, at).await {
                Ok(()) => ReportAnswer::Stored,
                Err(error) => {
                    tracing::warn!(%error, results = ends.len(), "results could not be kept");
                    ReportAnswer::Later
                }
            };
            vec![answer; reports.len()]
        })
    }
}

impl MasterActor {
    fn hearer(&self, id: InstanceId) -> Hearer {
        match self.children.get(&id) {
            Some(child) => child.addr.clone().map_or(Hearer::NotYet, Hearer::Actor),
            None if self.reconciled => Hearer::Nobody,
            None => Hearer::NotYet,
        }
    }
}

fn event_of(report: Report) -> Event {
    let uid = report.uid;
    match report.fact {
        Fact::Started { pid, at } => Event::Started { uid, pid, at },
        Fact::Ended(ended) => Event::Ended { uid, ended },
    }
}

async fn tell(hearer: Hearer, events: Vec<(usize, Event)>) -> (Vec<usize>, ReportAnswer) {
    let (places, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    let answer = match hearer {
        Hearer::Actor(addr) => match tokio::time::timeout(DEADLINE, addr.send(Deliver(events))).await {
            Ok(Ok(Delivered::Stored)) => ReportAnswer::Stored,
            Ok(Ok(Delivered::Later) | Err(_)) | Err(_) => ReportAnswer::Later,
        },
        Hearer::NotYet => ReportAnswer::Later,
        Hearer::Nobody => ReportAnswer::Stored,
    };
    (places, answer)
}
