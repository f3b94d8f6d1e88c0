//! Whether this master keeps its instances although it does not reach its workers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use engine::ids::Incarnation;
use futures_util::future::join_all;

use crate::execution::reachability::Reachability;
use crate::ownership::reachability_plan::{
    PeerReachability, ReachabilityInput, ReachabilityPlan, is_isolated, plan_reachability,
};
use ports::rpc::client::RpcClient;

/// Time for which a master must have reached its workers before it accepts instances again.
const RECOVERED_AFTER: Duration = Duration::from_secs(10);

/// What this master knows of its way to the workers.
#[derive(Debug, Default)]
pub(crate) struct WorkerReachability {
    plan: ReachabilityPlan,
    /// The result of the last check.
    wanted: ReachabilityPlan,
    /// When too many workers were last unreachable.
    isolated_at: Option<Instant>,
    querying: bool,
    handing_over: bool,
}

impl WorkerReachability {
    /// Whether this master leaves orphans to the others.
    pub(crate) fn is_yielding(&self) -> bool {
        self.handover_target().is_some()
    }

    /// Returns the master that the instances go to.
    pub(crate) fn handover_target(&self) -> Option<Incarnation> {
        match self.plan {
            ReachabilityPlan::HandOverTo(target) => Some(target),
            ReachabilityPlan::Keep | ReachabilityPlan::KeepIsolated => None,
        }
    }

    /// Whether the other masters are being asked.
    pub(crate) fn is_querying(&self) -> bool {
        self.querying
    }

    /// Whether the other masters have to be asked.
    pub(crate) fn needs_query(&mut self, mine: &Reachability) -> bool {
        if is_isolated(mine) {
            self.isolated_at = Some(Instant::now());
            return true;
        }
        self.is_yielding()
    }

    /// Records that the other masters are being asked.
    pub(crate) fn start_query(&mut self) {
        self.querying = true;
    }

    /// Makes the plan from the answers of the other masters.
    pub(crate) fn finish_query(&mut self, mine: &Reachability, others: &PeerReachability) {
        self.querying = false;
        let input = ReachabilityInput {
            mine,
            others,
            has_recovered: self.isolated_at.is_none_or(|at| at.elapsed() >= RECOVERED_AFTER),
        };
        let wanted = plan_reachability(&input, self.plan);
        let plan = self.confirmed_twice(wanted);
        self.set_plan(plan);
    }

    /// Keeps the instances, since the workers answer.
    pub(crate) fn keep(&mut self) {
        self.wanted = ReachabilityPlan::Keep;
        self.set_plan(ReachabilityPlan::Keep);
    }

    /// Starts a hand-over; returns false while one is in flight.
    pub(crate) fn start_handover(&mut self) -> bool {
        !std::mem::replace(&mut self.handing_over, true)
    }

    /// Ends a hand-over.
    pub(crate) fn finish_handover(&mut self) {
        self.handing_over = false;
    }

    /// Describes the plan for users; none while all is well. `target_host` is the host of the master that the instances
    /// go to.
    pub(crate) fn health_issue(&self, unreachable: &[String], target_host: Option<&str>) -> Option<String> {
        let problem = if unreachable.is_empty() {
            "did not reach its workers until a moment ago".to_owned()
        } else {
            format!("does not reach the workers {}", unreachable.join(", "))
        };
        match self.plan {
            ReachabilityPlan::Keep => None,
            ReachabilityPlan::KeepIsolated => Some(format!(
                "this node {problem}, and no other master reaches more: its instances stay, and results come by the \
                 other masters"
            )),
            ReachabilityPlan::HandOverTo(_) => {
                let host = target_host.unwrap_or("?");
                Some(format!(
                    "this node {problem}; the master at {host} does: it was given the instances of this node, which \
                     takes none meanwhile"
                ))
            }
        }
    }

    /// Hands over only when two checks want it: of two masters, one notices first that the workers are back.
    fn confirmed_twice(&mut self, wanted: ReachabilityPlan) -> ReachabilityPlan {
        let before = std::mem::replace(&mut self.wanted, wanted);
        match (before, wanted) {
            (ReachabilityPlan::Keep | ReachabilityPlan::KeepIsolated, ReachabilityPlan::HandOverTo(_)) => {
                ReachabilityPlan::KeepIsolated
            }
            _ => wanted,
        }
    }

    fn set_plan(&mut self, plan: ReachabilityPlan) {
        if plan != self.plan {
            tracing::warn!(%plan, before = %self.plan, "worker reachability");
        }
        self.plan = plan;
    }
}

impl fmt::Display for WorkerReachability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

/// Asks masters which workers they reach; a master that does not answer is left out.
pub(crate) async fn query_masters(rpc: RpcClient, masters: Vec<Incarnation>) -> PeerReachability {
    let queries = masters.into_iter().map(|master| {
        let rpc = rpc.clone();
        async move {
            Some((
                master,
                rpc.reachable_workers(master).await.ok()?.into_iter().collect(),
            ))
        }
    });
    let answers = join_all(queries).await;
    answers.into_iter().flatten().collect::<BTreeMap<_, _>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_check_alone_moves_nothing() {
        let hand_over = ReachabilityPlan::HandOverTo(Incarnation(1));
        let mut workers = WorkerReachability::default();
        assert_eq!(workers.confirmed_twice(hand_over), ReachabilityPlan::KeepIsolated);
        assert_eq!(workers.confirmed_twice(hand_over), hand_over);
        assert_eq!(
            workers.confirmed_twice(ReachabilityPlan::HandOverTo(Incarnation(2))),
            ReachabilityPlan::HandOverTo(Incarnation(2))
        );
        assert_eq!(
            workers.confirmed_twice(ReachabilityPlan::Keep),
            ReachabilityPlan::Keep
        );
        assert_eq!(workers.confirmed_twice(hand_over), ReachabilityPlan::KeepIsolated);
    }
}
