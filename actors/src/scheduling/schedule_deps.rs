//! What the actor of schedules works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{InstanceId, ScheduleId};
use engine::timezone::Tz;

use crate::messages::master::RunInstance;
use crate::ownership::master_actor::MasterActor;
use ports::clock::Clock;
use ports::peers::Peers;
use ports::{FireCommit, FireRefusal, NodeIdentity, Store};

/// The settings of firing.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleSettings {
    /// Time after which a due fire counts as missed, in milliseconds.
    pub missed_after_ms: i64,
    /// The zone of instances that neither their start nor their workflow gives one.
    pub timezone: Tz,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self {
            missed_after_ms: 60_000,
            timezone: Tz::UTC,
        }
    }
}

/// What the actor works with.
#[derive(Clone)]
pub struct ScheduleDeps {
    /// This incarnation.
    pub this_node: NodeIdentity,
    /// The database's clock.
    pub clock: Clock,
    /// Schedules, definitions, and the commit of fires.
    pub store: Arc<dyn Store>,
    /// Owns the instances of this node.
    pub master: Addr<MasterActor>,
    /// The live members.
    pub peers: Peers,
    /// Set while this master accepts no instances.
    pub not_accepting: Arc<AtomicBool>,
    /// The settings of firing.
    pub settings: ScheduleSettings,
}

impl ScheduleDeps {
    /// Whether this master accepts new instances.
    pub(crate) fn is_accepting(&self) -> bool {
        !self.not_accepting.load(Ordering::Relaxed)
    }

    /// Counts the fires of a stored decision, and starts the actors of its instances. An instance without an owner is
    /// claimed by the next scan for orphans.
    pub(crate) fn run_instances(
        &self,
        commit: FireCommit,
        instances: Vec<(InstanceId, Option<NodeIdentity>)>,
    ) {
        let skipped = commit.skipped.as_ref().map_or(0, |(run, _)| run.count);
        count_fires("skipped", u64::from(skipped));
        let mut instances = instances.into_iter();
        for start in commit.starts {
            let Ok(new) = start
                .instance
                .inspect_err(|refusal| log_refusal(&commit.upcoming.id, refusal))
            else {
                count_fires("refused", 1);
                continue;
            };
            count_fires("started", 1);
            let late = Duration::from_millis(u64::try_from(start.late_ms).unwrap_or(0));
            metrics::histogram!("porpoise_schedule_delay_seconds").record(late.as_secs_f64());
            if let Some((id, Some(_))) = instances.next() {
                let run = RunInstance::created(new, id, self.this_node.generation);
                self.master.do_send(run);
            }
        }
    }
}

fn count_fires(outcome: &'static str, fires: u64) {
    metrics::counter!("porpoise_schedule_fires_total", "outcome" => outcome).increment(fires);
}

fn log_refusal(schedule: &ScheduleId, refusal: &FireRefusal) {
    tracing::warn!(%schedule, code = refusal.code, detail = refusal.detail, "a start of a schedule is refused");
}
