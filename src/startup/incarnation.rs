//! This incarnation as a member of the cluster: its identity, its database heartbeat, its clock.

use std::process;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actors::membership::liveness::LivenessMonitor;
use actors::worker::{KILL_BEFORE, WorkerHandle};
use engine::ids::{Generation, Incarnation, Timestamp};
use engine::states::MemberState;
use ports::clock::{Clock, TimeSource};
use ports::fail_points::{self, DisabledGuard};
use ports::health::{HEARTBEATS_NOT_STORED, HealthStatus};
use ports::{DB_HEARTBEAT_INTERVAL, Join, JoinResult, Member, NodeIdentity, Store, StoreError};
use tokio::sync::Notify;

use crate::config::{Config, Role};
use rpc::PauseDetector;
use store::DISK_FULL;

/// Pause before the generation is raised again when that failed.
const RAISE_INTERVAL: Duration = Duration::from_secs(1);

/// Time after which a heartbeat has failed and is repeated on another connection.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(4);

/// Difference from the database's clock above which this machine's clock is reported.
const CLOCK_OFF_MS: i64 = 5_000;

/// Time that a node keeps running after its declared death while that fence is disabled in a test.
const LINGER: Duration = Duration::from_secs(4);

/// The exit code of a node that finds itself declared dead; its supervisor starts a new incarnation.
pub(super) const DECLARED_DEAD: i32 = 75;

/// Whether an incarnation becomes active at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinDelay {
    /// It becomes active as soon as the registry shows it.
    None,
    /// Earlier incarnations of its address died too often: it must first stay up for a while.
    Probation,
}

/// An incarnation that has joined.
pub(super) struct ThisIncarnation {
    pub(super) identity: NodeIdentity,
    /// Its row, as other nodes see it.
    pub(super) member: Member,
    pub(super) clock: Clock,
    pub(super) join_delay: JoinDelay,
}

impl ThisIncarnation {
    pub(super) fn new(join: Join, joined: JoinResult, source: TimeSource) -> Self {
        let JoinResult {
            incarnation,
            generation,
            now,
        } = joined;
        let identity = NodeIdentity {
            incarnation,
            host: join.host.clone(),
            name: join.name.clone(),
            generation,
        };
        let member = Member {
            incarnation,
            name: join.name,
            host: join.host,
            roles: join.roles,
            state: MemberState::Joining,
            joined_at: now,
            slots: join.slots,
            worker_group: join.worker_group,
            version: join.version,
        };
        Self {
            identity,
            member,
            clock: Clock::with_source(now, source),
            join_delay: JoinDelay::None,
        }
    }
}

/// Describes this node as it joins.
pub(super) fn join_request(config: &Config, host: String) -> Join {
    let roles = config.server.roles.iter().map(|role| role.as_str().to_owned());
    let works = config.has(Role::Worker);
    Join {
        name: config.node_name(),
        host,
        roles: roles.collect(),
        slots: if works { config.worker.slots } else { 0 },
        worker_group: config.worker.group.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Describes how far this machine's clock is from a database server's, if it is far. No decision depends on it: it shows in
/// the machine's own log, and in what tasks see.
fn clock_issue(source: TimeSource, machine: SystemTime, database: Timestamp) -> Option<String> {
    if source == TimeSource::Machine {
        return None;
    }
    let since = machine.duration_since(UNIX_EPOCH).unwrap_or_default();
    let here = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let ahead = Timestamp(here).since(database);
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.abs() > CLOCK_OFF_MS).then(|| {
        format!(
            "the clock of this machine is {} s {direction} the database's; no decision depends on it, but set it right",
            ahead.abs() / 1000
        )
    })
}

/// The parts of the process that depend on the answers to heartbeats.
pub(super) struct HeartbeatEffects {
    pub(super) liveness: LivenessMonitor,
    pub(super) drain_signal: Arc<Notify>,
    pub(super) health: HealthStatus,
    pub(super) pause_detector: PauseDetector,
    /// The worker of this node, once it runs.
    pub(super) worker: Arc<OnceLock<WorkerHandle>>,
}

/// Sends heartbeats to the database until the process ends, and applies the answers, each of which also measures the
/// database's clock.
pub(super) async fn run_db_heartbeat(
    store: Arc<dyn Store>,
    this_node: Incarnation,
    clock: Clock,
    effects: HeartbeatEffects,
) {
    let HeartbeatEffects {
        liveness,
        drain_signal,
        health,
        pause_detector,
        worker,
    } = effects;
    let mut ticks = tokio::time::interval(DB_HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_active = false;
    loop {
        ticks.tick().await;
        let (asked, asked_at) = (Instant::now(), pause_detector.before_read());
        let heartbeat = tokio::time::timeout(HEARTBEAT_TIMEOUT, store.record_heartbeat(this_node)).await;
        match heartbeat
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the database does not answer".to_owned())))
        {
            // Only in a restored database does a member return to an earlier state.
            Ok(row)
                if row.state == MemberState::Dead || (was_active && row.state == MemberState::Joining) =>
            {
                tracing::error!(incarnation = %this_node, "this node was declared dead; it ends so that a new incarnation can start");
                if fail_points::is_disabled(DisabledGuard::ExitWhenDead) {
                    tokio::time::sleep(LINGER).await;
                }
                if let Some(worker) = worker.get() {
                    // Its attempts are lost, and may run elsewhere already: they are killed at once.
                    worker.drain(KILL_BEFORE).await;
                }
                process::exit(DECLARED_DEAD);
            }
            Ok(row) => {
                was_active |= row.state == MemberState::Active;
                let round_trip = i64::try_from(asked.elapsed().as_millis()).unwrap_or(i64::MAX);
                clock.adjust(row.now, round_trip);
                liveness.mark_store();
                pause_detector.row_was_read(asked_at);
                health.set_issue(HEARTBEATS_NOT_STORED, None, clock.now());
                let clock_off = clock_issue(clock.source(), SystemTime::now(), row.now);
                health.set_issue("CLOCK_OFF", clock_off, clock.now());
                if row.state == MemberState::Draining {
                    // A drain by the API of any node; one that already drains ignores the signal.
                    drain_signal.notify_one();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "holding: database unreachable");
                health.set_issue(HEARTBEATS_NOT_STORED, Some(not_stored(&error)), clock.now());
            }
        }
    }
}

/// Says that heartbeats are not stored; the cause may name addresses, and goes to the log.
fn not_stored(error: &StoreError) -> String {
    let cause = if error.to_string().contains(DISK_FULL) {
        "The disk of the database is full"
    } else {
        "The database cannot be used"
    };
    format!("{cause}: the heartbeats of this node are not stored.")
}

/// Waits until the database is not the one that this incarnation joined: an older copy, another server. Then raises
/// the generation, which ends this incarnation and those of all masters; the next heartbeat reports it.
pub(super) async fn watch_for_timeline_change(store: store::Store, mine: Generation) {
    let why = store.diverged().await;
    tracing::error!(
        why,
        "the database is not the one that this node has joined: it joins again"
    );
    loop {
        match store.bump_generation(mine, &why).await {
            Ok(_) => return,
            Err(error) => tracing::warn!(%error, "the generation could not be raised"),
        }
        tokio::time::sleep(RAISE_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_is_far_off_is_reported() {
        let machine = UNIX_EPOCH + Duration::from_secs(10_000);
        let issue = |database_s: i64| clock_issue(TimeSource::Server, machine, Timestamp(database_s * 1000));
        assert_eq!(issue(9_996), None);
        assert!(issue(6_400).is_some_and(|said| said.contains("3600 s ahead of")));
        assert!(issue(13_600).is_some_and(|said| said.contains("3600 s behind")));
    }

    #[test]
    fn a_machine_whose_time_is_the_databases_is_never_off() {
        let machine = UNIX_EPOCH + Duration::from_secs(10_000);
        assert_eq!(clock_issue(TimeSource::Machine, machine, Timestamp(0)), None);
    }
}
