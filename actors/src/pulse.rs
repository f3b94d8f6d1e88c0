//! The heartbeat as a token of health: it is sent only while everything that matters moves.
//!
//! A dedicated thread beats the registry, so that no busy arbiter delays it. But it beats only while every arbiter
//! has ticked a moment ago and the store has taken this node's beat: a node whose actors hang must not look alive.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use actix::ArbiterHandle;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::condition::Condition;
use crate::ports::{Member, Registry, RegistryError};
use crate::registry::LEASE;
use crate::vital::Vital;

/// How often the registry is told.
const BEAT: Duration = Duration::from_millis(500);

/// How often an arbiter shows that it moves.
const TICK: Duration = Duration::from_millis(500);

/// An arbiter that has not ticked for so long hangs.
const HANGS: Duration = Duration::from_millis(1_500);

/// A store that has not taken a beat for so long is out of reach.
const OUT_OF_REACH: Duration = Duration::from_secs(5);

/// Signs of life of one part of the process.
#[derive(Debug)]
struct Sign {
    part: &'static str,
    allowed: Duration,
    /// Milliseconds since the pulse began.
    at: AtomicU64,
}

/// Signs of life of the whole process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulse {
    began: Instant,
    signs: Arc<Mutex<Vec<Arc<Sign>>>>,
    store: Arc<Sign>,
    /// Why the registry has taken no beat for longer than the lease, while that is so.
    untaken: watch::Sender<Option<String>>,
}

impl Default for Pulse {
    fn default() -> Self {
        let store = Arc::new(Sign {
            part: "database",
            allowed: OUT_OF_REACH,
            at: AtomicU64::new(0),
        });
        Self {
            began: Instant::now(),
            signs: Arc::new(Mutex::new(vec![Arc::clone(&store)])),
            store,
            untaken: watch::Sender::new(None),
        }
    }
}

impl Pulse {
    /// The store has taken a beat of this node.
    pub fn store_beat(&self) {
        self.mark(&self.store);
    }

    /// Makes an arbiter show that it moves, from now on.
    pub fn watch(&self, part: &'static str, arbiter: &ArbiterHandle) {
        let sign = Arc::new(Sign {
            part,
            allowed: HANGS,
            at: AtomicU64::new(0),
        });
        self.mark(&sign);
        self.signs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&sign));
        let pulse = self.clone();
        arbiter.spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                pulse.mark(&sign);
            }
        });
    }

    /// Waits until the registry has taken no beat for longer than the lease, and says why. At once while that is so.
    pub async fn untaken(&self) -> String {
        let mut heard = self.untaken.subscribe();
        let lost = heard.wait_for(Option::is_some).await.map(|why| why.clone());
        lost.ok().flatten().unwrap_or_default()
    }

    /// Names the first part that does not move, with how long it has not.
    fn stopped(&self) -> Option<(&'static str, Duration)> {
        let now = self.began.elapsed();
        let signs = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
        signs.iter().find_map(|sign| {
            let still = now.saturating_sub(Duration::from_millis(sign.at.load(Ordering::Relaxed)));
            (still > sign.allowed).then_some((sign.part, still))
        })
    }

    fn mark(&self, sign: &Sign) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        sign.at.store(now, Ordering::Relaxed);
    }
}

/// What the heart needs to know.
pub struct HeartParts {
    /// This life, to register it again when the registry has forgotten it.
    pub me: Member,
    /// Where it beats.
    pub registry: Arc<dyn Registry>,
    /// Signs of life.
    pub pulse: Pulse,
    /// What a user sees of troubles.
    pub condition: Condition,
    /// For the condition.
    pub clock: Clock,
    /// Ends the node when the thread panics: without beats the others would give it up all the same.
    pub vital: Vital,
}

/// The beating thread.
pub struct Heart {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    /// Starts beating, on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(parts: HeartParts) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || runtime.block_on(beat_until(&parts, &told)))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Stops beating; returns when the last beat is over.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has ended the beats, which is what is wanted.
            thread.join().ok();
        }
    }
}

async fn beat_until(parts: &HeartParts, stop: &AtomicBool) {
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut taken = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let held = parts
            .pulse
            .stopped()
            .map(|(part, still)| format!("no heartbeat: {part} has not moved for {} ms", still.as_millis()));
        let holds = held.is_some();
        parts.condition.set("HEARTBEAT_HELD", held, parts.clock.now());
        if holds {
            // The registry is not asked meanwhile, and has refused nothing.
            taken = Instant::now();
        } else {
            taken = beat(parts, taken).await;
        }
    }
}

/// Beats once; answers when the last beat was taken.
async fn beat(parts: &HeartParts, taken: Instant) -> Instant {
    let error = match parts.registry.beat(parts.me.incarnation).await {
        Ok(()) => {
            parts.pulse.untaken.send_if_modified(|why| why.take().is_some());
            return Instant::now();
        }
        Err(RegistryError::NotRegistered) => {
            tracing::warn!("the registry has forgotten this node; registering again");
            match parts.registry.register(&parts.me).await {
                // The next beat tells.
                Ok(()) => return taken,
                Err(error) => error,
            }
        }
        Err(error) => error,
    };
    tracing::debug!(%error, "a beat was not taken");
    let since = taken.elapsed();
    if since > LEASE {
        let why = format!("no beat was taken for {} s: {error}", since.as_secs());
        parts.pulse.untaken.send_replace(Some(why));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_takes_no_beats_holds_the_heartbeat() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.stopped(), None, "it has just begun");
        pulse.began -= OUT_OF_REACH + Duration::from_secs(1);
        assert_eq!(pulse.stopped().map(|(part, _)| part), Some("database"));
        pulse.store_beat();
        assert_eq!(pulse.stopped(), None);
    }

    #[actix_rt::test]
    async fn an_arbiter_that_hangs_holds_the_heartbeat() {
        let pulse = Pulse::default();
        let arbiter = actix::Arbiter::new();
        pulse.watch("actors", &arbiter.handle());
        arbiter.spawn_fn(|| thread::sleep(Duration::from_secs(3)));
        tokio::time::sleep(Duration::from_millis(2_300)).await;
        assert_eq!(pulse.stopped().map(|(part, _)| part), Some("actors"));
        arbiter.stop();
    }
}
