//! The registry in this process, which a standalone node uses in place of Consul.

use std::collections::BTreeMap;

use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Incarnation;
use parking_lot::{Mutex, MutexGuard};
use ports::{Member, REGISTRY_LEASE, Registry, RegistryError, View};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Keeps leases in memory; it is never unavailable.
#[derive(Debug, Default)]
pub struct LocalRegistry {
    registrations: Mutex<Registrations>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Registrations {
    index: u64,
    by_incarnation: BTreeMap<Incarnation, Registration>,
}

#[derive(Debug)]
struct Registration {
    host: String,
    /// The end of its lease, while it has one.
    until: Option<Instant>,
}

impl Registrations {
    /// Removes expired leases.
    fn expire(&mut self, now: Instant) {
        for registration in self.by_incarnation.values_mut() {
            if registration.until.is_some_and(|until| until <= now) {
                registration.until = None;
                self.index += 1;
            }
        }
    }

    fn view(&self) -> View {
        let present = self
            .by_incarnation
            .iter()
            .filter(|(_, registration)| registration.until.is_some());
        View {
            // Never 0, which would make a reader start over.
            index: self.index + 1,
            present: present.map(|(incarnation, _)| *incarnation).collect(),
        }
    }

    fn next_end(&self) -> Option<Instant> {
        self.by_incarnation
            .values()
            .filter_map(|registration| registration.until)
            .min()
    }
}

impl LocalRegistry {
    fn registrations(&self) -> MutexGuard<'_, Registrations> {
        let mut registrations = self.registrations.lock();
        registrations.expire(Instant::now());
        registrations
    }
}

#[async_trait]
impl Registry for LocalRegistry {
    async fn register(&self, this_node: &Member) -> Result<(), RegistryError> {
        let mut registrations = self.registrations();
        let before = registrations.by_incarnation.get(&this_node.incarnation);
        let registration = Registration {
            host: this_node.host.clone(),
            until: before.and_then(|registration| registration.until),
        };
        registrations.by_incarnation.retain(|incarnation, registration| {
            registration.host != this_node.host || *incarnation > this_node.incarnation
        });
        registrations
            .by_incarnation
            .insert(this_node.incarnation, registration);
        registrations.index += 1;
        self.changed.notify_waiters();
        Ok(())
    }

    async fn heartbeat(&self, this_node: Incarnation) -> Result<(), RegistryError> {
        let mut registrations = self.registrations();
        let registration = registrations
            .by_incarnation
            .get_mut(&this_node)
            .ok_or(RegistryError::NotRegistered)?;
        let appears = registration
            .until
            .replace(Instant::now() + REGISTRY_LEASE)
            .is_none();
        if appears {
            registrations.index += 1;
            self.changed.notify_waiters();
        }
        Ok(())
    }

    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError> {
        let deadline = Instant::now() + wait;
        loop {
            // Subscribing comes before reading, so that no change is missed between the two.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (view, next_end) = {
                let registrations = self.registrations();
                (registrations.view(), registrations.next_end())
            };
            if view.index > after || Instant::now() >= deadline {
                return Ok(view);
            }
            let until = next_end.map_or(deadline, |end| end.min(deadline));
            timeout_at(until, changed).await.ok();
        }
    }

    async fn confirm(&self) -> Result<View, RegistryError> {
        Ok(self.registrations().view())
    }

    async fn deregister(&self, this_node: Incarnation) -> Result<(), RegistryError> {
        let mut registrations = self.registrations();
        if registrations.by_incarnation.remove(&this_node).is_some() {
            registrations.index += 1;
            self.changed.notify_waiters();
        }
        Ok(())
    }
}
