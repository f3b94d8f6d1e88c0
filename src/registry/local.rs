//! The register of lives in this process: what a standalone node uses in the place of Consul.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actors::ports::REGISTRY_LEASE;
use actors::ports::{Member, Registry, RegistryError, View};
use async_trait::async_trait;
use engine::ids::Incarnation;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Keeps leases in memory; it is never unavailable.
#[derive(Debug, Default)]
pub struct LocalRegistry {
    lives: Mutex<Lives>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Lives {
    index: u64,
    known: BTreeMap<Incarnation, Life>,
}

#[derive(Debug)]
struct Life {
    host: String,
    /// The end of its lease, while that runs.
    until: Option<Instant>,
}

impl Lives {
    /// Ends the leases that are over.
    fn expire(&mut self, now: Instant) {
        for life in self.known.values_mut() {
            if life.until.is_some_and(|until| until <= now) {
                life.until = None;
                self.index += 1;
            }
        }
    }

    fn view(&self) -> View {
        let present = self.known.iter().filter(|(_, life)| life.until.is_some());
        View {
            // Never 0, which would ask whoever reads it to begin anew.
            index: self.index + 1,
            present: present.map(|(incarnation, _)| *incarnation).collect(),
        }
    }

    fn next_end(&self) -> Option<Instant> {
        self.known.values().filter_map(|life| life.until).min()
    }
}

impl LocalRegistry {
    fn lives(&self) -> MutexGuard<'_, Lives> {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.expire(Instant::now());
        lives
    }
}

#[async_trait]
impl Registry for LocalRegistry {
    async fn register(&self, me: &Member) -> Result<(), RegistryError> {
        let mut lives = self.lives();
        let before = lives.known.get(&me.incarnation);
        let life = Life {
            host: me.host.clone(),
            until: before.and_then(|life| life.until),
        };
        lives
            .known
            .retain(|incarnation, life| life.host != me.host || *incarnation > me.incarnation);
        lives.known.insert(me.incarnation, life);
        lives.index += 1;
        self.changed.notify_waiters();
        Ok(())
    }

    async fn heartbeat(&self, me: Incarnation) -> Result<(), RegistryError> {
        let mut lives = self.lives();
        let life = lives.known.get_mut(&me).ok_or(RegistryError::NotRegistered)?;
        let appears = life.until.replace(Instant::now() + REGISTRY_LEASE).is_none();
        if appears {
            lives.index += 1;
            self.changed.notify_waiters();
        }
        Ok(())
    }

    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError> {
        let deadline = Instant::now() + wait;
        loop {
            // Listening begins before looking, so that no change falls between the two.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (view, next_end) = {
                let lives = self.lives();
                (lives.view(), lives.next_end())
            };
            if view.index > after || Instant::now() >= deadline {
                return Ok(view);
            }
            let until = next_end.map_or(deadline, |end| end.min(deadline));
            timeout_at(until, changed).await.ok();
        }
    }

    async fn confirm(&self) -> Result<View, RegistryError> {
        Ok(self.lives().view())
    }

    async fn deregister(&self, me: Incarnation) -> Result<(), RegistryError> {
        let mut lives = self.lives();
        if lives.known.remove(&me).is_some() {
            lives.index += 1;
            self.changed.notify_waiters();
        }
        Ok(())
    }
}
