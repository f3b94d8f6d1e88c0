//! What a take-over of an instance tells those who wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::oneshot;

/// Counts what became of the open attempts of the instances of one dead owner.
#[derive(Debug, Default)]
pub struct Tally {
    open: AtomicU32,
    reattached: AtomicU32,
    lost: AtomicU32,
}

/// What became of an open attempt after a take-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on at its worker, or has ended there with its result known.
    Reattached,
    /// Its worker had never received it: it is sent anew, and nothing was lost.
    NeverStarted,
    /// It may have run, and nobody knows how it ended.
    Lost,
}

impl Tally {
    /// An attempt is being asked about.
    pub fn asked(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer for one of them.
    pub fn answered(&self, fate: Fate) {
        match fate {
            Fate::Reattached => self.reattached.fetch_add(1, Ordering::Relaxed),
            Fate::Lost => self.lost.fetch_add(1, Ordering::Relaxed),
            Fate::NeverStarted => 0,
        };
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether every attempt that was asked about is answered.
    pub fn is_complete(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
    }

    /// Returns how many were reattached, and how many lost.
    pub fn counts(&self) -> (u32, u32) {
        (
            self.reattached.load(Ordering::Relaxed),
            self.lost.load(Ordering::Relaxed),
        )
    }
}

/// Goes with the birth of an actor that takes an instance over.
#[derive(Debug)]
pub struct Adoption {
    /// Dropped or sent when the actor has loaded its instance, or found that it is not the owner any more.
    pub born: oneshot::Sender<()>,
    /// Where the fates of its open attempts are counted.
    pub tally: Arc<Tally>,
}
