//! Looks whether this master reaches its workers, and gives its instances to one that does when it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::ids::Incarnation;
use engine::states::MemberState;

use super::cut_off::{Plan, Problem, is_cut_off, plan};
use super::{FailoverActor, Reach};
use crate::links::PeerLink;
use crate::master::{Drained, Gift, GiveAway};
use crate::slots::Heard;

/// A worker that has not answered for so long counts as silent. Greetings go out every second.
const SILENT_FOR: Duration = Duration::from_secs(5);

/// A master takes instances again when it has reached its workers for so long.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// The other active masters that answered, and the workers that answer each.
type Others = BTreeMap<Incarnation, BTreeSet<Incarnation>>;

/// What this master knows of its way to the workers.
#[derive(Debug, Default)]
pub(super) struct Workers {
    pub(super) plan: Plan,
    /// What the last look wanted.
    wanted: Plan,
    /// When too many were silent last.
    cut_off_at: Option<Instant>,
    asking: bool,
    giving: bool,
}

impl Workers {
    /// Leaves only when two looks want it: of two masters one hears first that workers are back.
    fn seconded(&mut self, wanted: Plan) -> Plan {
        let before = std::mem::replace(&mut self.wanted, wanted);
        match (before, wanted) {
            (Plan::Stay | Plan::Alone, Plan::Leave(_)) => Plan::Alone,
            _ => wanted,
        }
    }
}

impl FailoverActor {
    /// Whether this master leaves what there is to the others.
    pub(super) fn has_left(&self) -> bool {
        matches!(self.workers.plan, Plan::Leave(_))
    }

    /// Looks at the workers; asks the other masters only when too many are silent here.
    pub(super) fn look_at_workers(&mut self, ctx: &mut Context<Self>) {
        if self.draining || self.workers.asking {
            return;
        }
        let heard = self.reach.slots.heard(SILENT_FOR);
        if is_cut_off(&heard) {
            self.workers.cut_off_at = Some(Instant::now());
        } else if !self.has_left() {
            self.workers.wanted = Plan::Stay;
            self.decided(Plan::Stay, &heard, ctx);
            return;
        }
        self.workers.asking = true;
        let asked = ask(Arc::clone(&self.reach.peers), self.other_masters());
        ctx.spawn(asked.into_actor(self).map(move |others, actor, ctx| {
            actor.workers.asking = false;
            let problem = Problem {
                mine: &heard,
                others: &others,
                is_well: actor
                    .workers
                    .cut_off_at
                    .is_none_or(|at| at.elapsed() >= WELL_AFTER),
            };
            let wanted = plan(&problem, actor.workers.plan);
            let plan = actor.workers.seconded(wanted);
            actor.decided(plan, &heard, ctx);
        }));
    }

    fn other_masters(&self) -> Vec<Incarnation> {
        let me = self.reach.me.incarnation;
        let others = self.living.iter().map(|seen| &seen.member).filter(|member| {
            member.state == MemberState::Active && member.has_role("master") && member.incarnation != me
        });
        others.map(|member| member.incarnation).collect()
    }

    fn decided(&mut self, plan: Plan, heard: &Heard, ctx: &mut Context<Self>) {
        if plan != self.workers.plan {
            tracing::warn!(%plan, before = %self.workers.plan, silent = heard.silent.len(), "the way to the workers");
        }
        self.workers.plan = plan;
        self.reach.closed.store(self.has_left(), Ordering::Relaxed);
        let trouble = self.in_words(heard);
        let now = self.reach.clock.now();
        self.reach.condition.set("WORKERS_UNREACHABLE", trouble, now);
        if let Plan::Leave(target) = plan {
            self.give_to(target, ctx);
        }
    }

    fn in_words(&self, heard: &Heard) -> Option<String> {
        let names: Vec<&str> = heard.silent.values().map(String::as_str).collect();
        let silent = if names.is_empty() {
            "did not reach its workers until a moment ago".to_owned()
        } else {
            format!("does not reach the workers {}", names.join(", "))
        };
        match self.workers.plan {
            Plan::Stay => None,
            Plan::Alone => Some(format!(
                "this node {silent}, and no other master reaches more: its instances stay, and results come by the \
                 other masters"
            )),
            Plan::Leave(target) => {
                let host = self.find(target).map_or("?", |seen| &seen.member.host);
                Some(format!(
                    "this node {silent}; the master at {host} does: it was given the instances of this node, which \
                     takes none meanwhile"
                ))
            }
        }
    }

    fn give_to(&mut self, target: Incarnation, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.workers.giving, true) {
            return;
        }
        let given = give_all(self.reach.clone(), target);
        ctx.spawn(
            given
                .into_actor(self)
                .map(|(), actor, _| actor.workers.giving = false),
        );
    }
}

/// Asks masters which workers they reach; who does not answer is left out.
async fn ask(peers: Arc<dyn PeerLink>, masters: Vec<Incarnation>) -> Others {
    let asked = masters.into_iter().map(|master| {
        let peers = Arc::clone(&peers);
        async move { Some((master, peers.reached(master).await.ok()?.into_iter().collect())) }
    });
    let answers = futures_util::future::join_all(asked).await;
    answers.into_iter().flatten().collect()
}

/// Hands over batch after batch, as long as that gets on; the next look goes on with the rest.
async fn give_all(reach: Reach, target: Incarnation) {
    let mut before = reach.master.send(Drained).await.unwrap_or(0);
    while before > 0 {
        let give = GiveAway {
            target,
            gift: Gift::Any,
        };
        let left = reach.master.send(give).await.unwrap_or(before);
        if left >= before {
            return;
        }
        before = left;
        // Without it the target finds them at its next look.
        reach.peers.nudge(target).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_alone_moves_nothing() {
        let leave = Plan::Leave(Incarnation(1));
        let mut workers = Workers::default();
        assert_eq!(workers.seconded(leave), Plan::Alone);
        assert_eq!(workers.seconded(leave), leave);
        assert_eq!(
            workers.seconded(Plan::Leave(Incarnation(2))),
            Plan::Leave(Incarnation(2))
        );
        assert_eq!(workers.seconded(Plan::Stay), Plan::Stay);
        assert_eq!(workers.seconded(leave), Plan::Alone);
    }
}
