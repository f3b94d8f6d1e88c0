//! A registry that a test makes fail in the ways that were seen of Consul.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::Incarnation;

use crate::ports::{Member, Registry, RegistryError, View};

/// How every call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// With an error.
    Unavailable,
    /// It never answers; a beat is given up, as its caller does.
    Hangs,
    /// Beats alone are not answered, as behind an agent that holds its lock for half a minute.
    BeatsStall,
    /// A watch answers at once, though nothing is new.
    Spurious,
}

/// A real registry behind faults. Clones share both.
#[derive(Clone)]
pub struct FaultyRegistry {
    inner: Arc<dyn Registry>,
    state: Arc<Mutex<State>>,
}

/// The three things that Consul says, one after the other, when its leader is lost.
const LEADERLESS: [&str; 3] = [
    "rpc error making call: EOF",
    "rpc error getting client: failed to get conn: dial tcp: connection refused",
    "No cluster leader",
];

/// A beat that takes longer has failed: what every registry promises.
const BEAT_WITHIN: Duration = Duration::from_millis(400);

#[derive(Default)]
struct State {
    fault: Fault,
    refused: usize,
    /// What is taken off the real index after a loss of state.
    lost: u64,
    known: BTreeSet<Incarnation>,
    hidden: BTreeSet<Incarnation>,
    shown: BTreeSet<Incarnation>,
}

impl FaultyRegistry {
    /// Puts faults, none at first, in front of a registry.
    pub fn before(inner: Arc<dyn Registry>) -> Self {
        Self {
            inner,
            state: Arc::default(),
        }
    }

    /// From now on every call fails so; calls that wait already do not notice.
    pub fn set(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// Loses its state, as an agent without a data folder does: nobody is known, and the index begins anew.
    ///
    /// # Errors
    /// As the real registry says.
    pub async fn lose_state(&self) -> Result<(), RegistryError> {
        let known = std::mem::take(&mut self.state().known);
        for life in known {
            self.inner.deregister(life).await?;
        }
        let index = self.inner.confirm().await?.index;
        self.state().lost = index.saturating_sub(1);
        Ok(())
    }

    /// Hides a life from every view, as a partition of the agents does, or shows it again.
    pub fn hide(&self, life: Incarnation, hidden: bool) {
        let mut state = self.state();
        if hidden {
            state.hidden.insert(life);
        } else {
            state.hidden.remove(&life);
        }
    }

    /// Shows a life although nobody beats for it, as an agent's restart does, or no longer.
    pub fn show(&self, life: Incarnation, shown: bool) {
        let mut state = self.state();
        if shown {
            state.shown.insert(life);
        } else {
            state.shown.remove(&life);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a registry that lost its leader says changes while it looks for the next one.
    fn next_words(&self) -> String {
        let mut state = self.state();
        state.refused += 1;
        LEADERLESS[state.refused % LEADERLESS.len()].to_owned()
    }

    async fn fail(&self) -> Result<(), RegistryError> {
        let fault = self.state().fault;
        match fault {
            Fault::None | Fault::BeatsStall | Fault::Spurious => Ok(()),
            Fault::Unavailable => Err(RegistryError::Unavailable(self.next_words())),
            Fault::Hangs => pending().await,
        }
    }

    fn distorted(&self, mut view: View) -> View {
        let state = self.state();
        view.index = view.index.saturating_sub(state.lost);
        view.present.retain(|life| !state.hidden.contains(life));
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

    async fn beat(&self, me: Incarnation) -> Result<(), RegistryError> {
        let fault = self.state().fault;
        if matches!(fault, Fault::Hangs | Fault::BeatsStall) {
            tokio::time::sleep(BEAT_WITHIN).await;
            return Err(RegistryError::Unavailable("the beat timed out".to_owned()));
        }
        self.fail().await?;
        self.inner.beat(me).await
    }

    async fn watch(&self, after: u64, wait: Duration) -> Result<View, RegistryError> {
        self.fail().await?;
        let lost = if after == 0 { 0 } else { self.state().lost };
        let spurious = self.state().fault == Fault::Spurious;
        let wait = if spurious { Duration::ZERO } else { wait };
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
