//! The heartbeat that this node sends to the registry, only while every part of the process makes progress.
//!
//! It has its own thread, so that no busy arbiter delays it. It sends nothing while an arbiter is stalled or the database
//! has stored no heartbeat of this node: a node whose actors hang must not look alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::exit_on_panic::ExitOnPanic;
use crate::membership::liveness::LivenessMonitor;
use ports::clock::Clock;
use ports::health::HealthStatus;
use ports::{Member, REGISTRY_LEASE, Registry, RegistryError};

/// The interval between two heartbeats.
const INTERVAL: Duration = Duration::from_millis(500);

/// What the heartbeat thread works with.
pub struct HeartbeatConfig {
    /// This incarnation, to register it again when the registry has forgotten it.
    pub this_node: Member,
    /// Where the heartbeats go.
    pub registry: Arc<dyn Registry>,
    /// Whether the process makes progress.
    pub liveness: LivenessMonitor,
    /// Shows users that the heartbeat is withheld.
    pub health: HealthStatus,
    /// Dates health issues.
    pub clock: Clock,
    /// Ends the node when the thread panics: without heartbeats the others would declare it dead anyway.
    pub exit_on_panic: ExitOnPanic,
}

/// The thread that sends heartbeats, until this is dropped.
pub struct HeartbeatThread {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HeartbeatThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(config: HeartbeatConfig) -> std::io::Result<Self> {
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || runtime.block_on(send_heartbeats(&config, &flag)))?;
        Ok(Self {
            stopped,
            thread: Some(thread),
        })
    }

    /// Stops the thread; returns when its last heartbeat has been answered.
    pub fn stop(mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the heartbeats, which is what is wanted here.
            thread.join().ok();
        }
    }
}

impl Drop for HeartbeatThread {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

async fn send_heartbeats(config: &HeartbeatConfig, stopped: &AtomicBool) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut accepted_at = Instant::now();
    while !stopped.load(Ordering::Relaxed) {
        ticks.tick().await;
        let withheld = config.liveness.stalled_part().map(|stalled| {
            format!(
                "no heartbeat: {} has not moved for {} ms",
                stalled.part,
                stalled.stalled_for.as_millis()
            )
        });
        let is_withheld = withheld.is_some();
        config
            .health
            .set_issue("HEARTBEAT_HELD", withheld, config.clock.now());
        if is_withheld {
            // The registry is not called meanwhile, so it has refused nothing.
            accepted_at = Instant::now();
        } else {
            accepted_at = send_heartbeat(config, accepted_at).await;
        }
    }
}

/// Sends one heartbeat; returns when the last one was accepted.
async fn send_heartbeat(config: &HeartbeatConfig, accepted_at: Instant) -> Instant {
    let error = match config.registry.heartbeat(config.this_node.incarnation).await {
        Ok(()) => {
            config.liveness.heartbeat_accepted();
            return Instant::now();
        }
        Err(RegistryError::NotRegistered) => {
            tracing::warn!("the registry has forgotten this node; registering again");
            match config.registry.register(&config.this_node).await {
                // Whether heartbeats are accepted again, the next one shows.
                Ok(()) => return accepted_at,
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    tracing::debug!(%error, "a heartbeat was not accepted");
    let silence = accepted_at.elapsed();
    if silence > REGISTRY_LEASE {
        let reason = format!("no heartbeat was accepted for {} s: {error}", silence.as_secs());
        config.liveness.heartbeat_failed(reason);
    }
    accepted_at
}
