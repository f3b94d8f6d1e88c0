//! This life among the members: who it is, its beat, its clock.

use std::process;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actors::clock::Clock;
use actors::fail_points;
use actors::fail_points::DisabledGuard;
use actors::membership::health::{HEARTBEATS_NOT_STORED, HealthStatus};
use actors::membership::liveness::LivenessMonitor;
use actors::ports::{Join, JoinResult, Member, NodeIdentity, Store, StoreError};
use actors::worker::{KILL_BEFORE, WorkerHandle};
use engine::ids::{Generation, Incarnation, Timestamp};
use engine::states::MemberState;
use tokio::sync::Notify;

use crate::config::{Config, Role};
use rpc::PauseDetector;

/// How often this life says that it goes on, and measures the database's clock.
const BEAT: Duration = Duration::from_secs(1);

/// A beat that takes longer has failed, and is sent anew by another connection: the heartbeat is held back soon.
const PATIENCE: Duration = Duration::from_secs(4);

/// A clock that differs by more than this from the database's is reported.
const CLOCK_OFF_MS: i64 = 5_000;

/// So long a mutant goes on after its death.
const LINGER: Duration = Duration::from_secs(4);

/// The exit code of a node that finds itself declared dead; its supervisor starts a new life.
pub(super) const DECLARED_DEAD: i32 = 75;

/// A life that has joined.
pub(super) struct Life {
    pub(super) me: NodeIdentity,
    /// As others see it.
    pub(super) member: Member,
    pub(super) clock: Clock,
    /// Lives before it died too often: it becomes active only when it has stayed for a while.
    pub(super) on_probation: bool,
}

impl Life {
    pub(super) fn new(join: Join, joined: JoinResult) -> Self {
        let JoinResult {
            incarnation,
            generation,
            now,
        } = joined;
        let me = NodeIdentity {
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
            me,
            member,
            clock: Clock::starting_at(now),
            on_probation: false,
        }
    }
}

/// Says what this node says of itself when it joins.
pub(super) fn join_of(config: &Config, host: String) -> Join {
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

/// Says how far this machine's clock is from the database's, if that is worth a look. Nothing is decided by it: it
/// shows in the machine's own log, and in what tasks see.
fn clock_trouble(machine: SystemTime, database: Timestamp) -> Option<String> {
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

/// Where the rest of the process hears what the store answers.
pub(super) struct Signs {
    pub(super) pulse: LivenessMonitor,
    pub(super) drain_bell: Arc<Notify>,
    pub(super) condition: HealthStatus,
    pub(super) pause_detector: PauseDetector,
    /// The worker of this node, once it runs.
    pub(super) worker: Arc<OnceLock<WorkerHandle>>,
}

/// Beats until the process ends; tells the rest of the process what the store answers.
pub(super) async fn beat(store: Arc<dyn Store>, me: Incarnation, clock: Clock, signs: Signs) {
    let Signs {
        pulse,
        drain_bell,
        condition,
        pause_detector,
        worker,
    } = signs;
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_active = false;
    loop {
        ticks.tick().await;
        let (asked, asked_at) = (Instant::now(), pause_detector.before_read());
        let beat = tokio::time::timeout(PATIENCE, store.record_heartbeat(me)).await;
        match beat.unwrap_or_else(|_| Err(StoreError::Unavailable("the database does not answer".to_owned())))
        {
            // A state that was left behind comes back only in a restored database, whose other lives wait for it.
            Ok(beat)
                if beat.state == MemberState::Dead || (was_active && beat.state == MemberState::Joining) =>
            {
                tracing::error!(incarnation = %me, "this node was declared dead; it ends so that a new life can start");
                if fail_points::is_disabled(DisabledGuard::ExitWhenDead) {
                    tokio::time::sleep(LINGER).await;
                }
                if let Some(worker) = worker.get() {
                    // Its attempts are lost, and may run elsewhere already: they are killed at once.
                    worker.drain(KILL_BEFORE).await;
                }
                process::exit(DECLARED_DEAD);
            }
            Ok(beat) => {
                was_active |= beat.state == MemberState::Active;
                let round_trip = i64::try_from(asked.elapsed().as_millis()).unwrap_or(i64::MAX);
                clock.adjust(beat.now, round_trip);
                pulse.mark_store();
                pause_detector.row_was_read(asked_at);
                condition.set_issue(HEARTBEATS_NOT_STORED, None, clock.now());
                condition.set_issue(
                    "CLOCK_OFF",
                    clock_trouble(SystemTime::now(), beat.now),
                    clock.now(),
                );
                if beat.state == MemberState::Draining {
                    // Somebody said so in the store; a node that drains already does not listen any more.
                    drain_bell.notify_one();
                }
            }
            Err(error) => {
                tracing::warn!(%error, "holding: database unreachable");
                let trouble =
                    "The database cannot be used: the beats of this node are not stored.".to_owned();
                condition.set_issue(HEARTBEATS_NOT_STORED, Some(trouble), clock.now());
            }
        }
    }
}

/// Waits until the database is not the one that this life joined: an older copy, another server. Then raises the
/// generation, which ends this life and those of all masters; the next beat says so.
pub(super) async fn leave_behind(store: store::Store, mine: Generation) {
    let why = store.diverged().await;
    tracing::error!(
        why,
        "the database is not the one that this node has joined: it joins anew"
    );
    loop {
        match store.bump_generation(mine, &why).await {
            Ok(raised) => {
                if let Some(raised) = raised {
                    raised.log();
                }
                return;
            }
            Err(error) => tracing::warn!(%error, "the generation could not be raised"),
        }
        tokio::time::sleep(BEAT).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_is_far_off_is_reported() {
        let machine = UNIX_EPOCH + Duration::from_secs(10_000);
        let trouble = |database_s: i64| clock_trouble(machine, Timestamp(database_s * 1000));
        assert_eq!(trouble(9_996), None);
        assert!(trouble(6_400).is_some_and(|said| said.contains("3600 s ahead of")));
        assert!(trouble(13_600).is_some_and(|said| said.contains("3600 s behind")));
    }
}
