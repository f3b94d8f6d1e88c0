//! This life among the members: join, beat, clock.

use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::clock::Clock;
use actors::ports::{Join, Joined, Me, Store, StoreError};
use engine::ids::Incarnation;
use engine::states::MemberState;

use crate::config::Config;

/// How often this life says that it goes on, and measures the database's clock.
const BEAT: Duration = Duration::from_secs(1);

/// The exit code of a node that finds itself declared dead; its supervisor starts a new life.
pub(super) const DECLARED_DEAD: i32 = 75;

/// Begins a new life that is alone on its database.
pub(super) async fn join_alone(
    store: &dyn Store,
    config: &Config,
    host: String,
) -> Result<(Me, Clock), StoreError> {
    let join = Join {
        name: config.node_name(),
        host: host.clone(),
        roles: ["master", "worker", "api"].map(str::to_owned).to_vec(),
        slots: config.worker.slots,
        worker_group: config.worker.group.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let Joined {
        incarnation,
        generation,
        now,
    } = store.join_alone(&join).await?;
    Ok((
        Me {
            incarnation,
            host,
            name: join.name,
            generation,
        },
        Clock::starting_at(now),
    ))
}

/// Beats until the process ends.
pub(super) async fn beat(store: Arc<dyn Store>, me: Incarnation, clock: Clock) {
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        match store.beat(me).await {
            Ok(beat) if beat.state == MemberState::Dead => {
                tracing::error!(incarnation = %me, "this node was declared dead; it ends so that a new life can start");
                process::exit(DECLARED_DEAD);
            }
            Ok(beat) => {
                let round_trip = i64::try_from(asked.elapsed().as_millis()).unwrap_or(i64::MAX);
                clock.adjust(beat.now, round_trip);
            }
            Err(error) => tracing::warn!(%error, "holding: database unreachable"),
        }
    }
}
