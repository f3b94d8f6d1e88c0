//! A registry that a test makes fail in the ways in which Consul was seen to fail.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Incarnation;
use parking_lot::{Mutex, MutexGuard};

use ports::{Member, Registry, RegistryError, View};

/// How every call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// It does not fail.
    #[default]
    None,
    /// With an error.
    Unavailable,
    /// It never answers; a heartbeat times out.
    Hangs,
    /// Only heartbeats are not answered, as behind an agent that holds its lock for half a minute.
    HeartbeatsStall,
    /// A watch answers at once, though nothing is new.
    Spurious,
}

/// A real registry behind faults. Clones share both.
#[derive(Clone)]
pub struct FaultyRegistry {
    inner: Arc<dyn Registry>,
    state: Arc<Mutex<FaultState>>,
}

/// The three errors that Consul returns, one after the other, when its leader is lost.
const LEADERLESS: [&str; 3] = [
    "rpc error making call: EOF",
    "rpc error getting client: failed to get conn: dial tcp: connection refused",
    "No cluster leader",
];

/// Time after which a heartbeat has failed, as with every registry.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(400);

#[derive(Default)]
struct FaultState {
    fault: Fault,
    refused: usize,
    /// What is taken off the real index after a loss of state.
    lost: u64,
    known: BTreeSet<Incarnation>,
    hidden: BTreeSet<Incarnation>,
    shown: BTreeSet<Incarnation>,
}

impl FaultyRegistry {
    /// Wraps a registry, at first without faults.
    pub fn new(inner: Arc<dyn Registry>) -> Self {
        Self {
            inner,
            state: Arc::default(),
        }
    }

    /// Sets how every call fails from now on; calls in flight are not affected.
    pub fn set_fault(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// Loses its state, as an agent without a data folder does: no incarnation is known, and the index starts again.
    ///
    /// # Errors
    /// As the real registry returns.
    pub async fn lose_state(&self) -> Result<(), RegistryError> {
        let known = std::mem::take(&mut self.state().known);
        for incarnation in known {
            self.inner.deregister(incarnation).await?;
        }
        let index = self.inner.confirm().await?.index;
        self.state().lost = index.saturating_sub(1);
        Ok(())
    }

    /// Hides an incarnation from every view, as a partition of the agents does.
    pub fn hide(&self, incarnation: Incarnation) {
        self.state().hidden.insert(incarnation);
    }

    /// Ends `hide`.
    pub fn unhide(&self, incarnation: Incarnation) {
        self.state().hidden.remove(&incarnation);
    }

    /// Shows an incarnation although it sends no heartbeats, as an agent does after its restart.
    pub fn show(&self, incarnation: Incarnation) {
        self.state().shown.insert(incarnation);
    }

    /// Ends `show`.
    pub fn unshow(&self, incarnation: Incarnation) {
        self.state().shown.remove(&incarnation);
    }

    fn state(&self) -> MutexGuard<'_, FaultState> {
        self.state.lock()
    }

    /// The error of a registry that lost its leader changes while it elects the next one.
    fn next_error(&self) -> String {
        let mut state = self.state();
        state.refused += 1;
        LEADERLESS[state.refused % LEADERLESS.len()].to_owned()
    }

    async fn fail(&self) -> Result<(), RegistryError> {
        let fault = self.state().fault;
        match fault {
            Fault::None | Fault::HeartbeatsStall | Fault::Spurious => Ok(()),
            Fault::Unavailable => Err(RegistryError::Unavailable(self.next_error())),
            Fault::Hangs => pending().await,
        }
    }

    fn distorted(&self, mut view: View) -> View {
        let state = self.state();
        view.index = view.index.saturating_sub(state.lost);
        view.present
            .retain(|incarnation| !state.hidden.contains(incarnation));
        view.present.extend(&state.shown);
        view
    }
}

#[async_trait]
impl Registry for FaultyRegistry {
    async fn register(&self, me: &Member) -> Result<(), RegistryError> {
        self.fail().await?;
        self.state().known.insert(me.incarnation);
        self.inner.register(me).await
    }

    async fn heartbeat(&self, me: Incarnation) -> Result<(), RegistryError> {
        let fault = self.state().fault;
        if matches!(fault, Fault::Hangs | Fault::HeartbeatsStall) {
            tokio::time::sleep(HEARTBEAT_TIMEOUT).await;
            return Err(RegistryError::Unavailable("the heartbeat timed out".to_owned()));
        }
        self.fail().await?;
        self.inner.heartbeat(me).await
    }

    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError> {
        self.fail().await?;
        let lost = if after == 0 { 0 } else { self.state().lost };
        let is_spurious = self.state().fault == Fault::Spurious;
        let wait = if is_spurious { Duration::ZERO } else { wait };
        let view = self.inner.watch(after.saturating_add(lost), wait).await?;
        self.fail().await?;
        Ok(self.distorted(view))
    }

    async fn confirm(&self) -> Result<View, RegistryError> {
        self.fail().await?;
        Ok(self.distorted(self.inner.confirm().await?))
    }

    async fn deregister(&self, me: Incarnation) -> Result<(), RegistryError> {
        self.fail().await?;
        self.inner.deregister(me).await
    }
}
