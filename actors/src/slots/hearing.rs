//! Which workers answer this master, and since when the others do not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use engine::ids::Incarnation;

use super::Slots;

/// What a worker answered when it was last spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// It was not spoken to yet, and counts as one that answers.
    New,
    /// It answered.
    Answers,
    /// It has not answered since then.
    SilentSince(Instant),
}

/// The workers as this master hears them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Those that answered when they were last spoken to.
    pub answering: BTreeSet<Incarnation>,
    /// Those that have been silent for a while, with their names.
    pub silent: BTreeMap<Incarnation, String>,
    /// How many there are, heard or not.
    pub known: usize,
}

impl Slots {
    /// A worker does not answer: it gets nothing new.
    pub fn not_reached(&self, worker: Incarnation) {
        if let Some(life) = self.lock().lives.get_mut(&worker).filter(|life| life.is_heard()) {
            life.hearing = Hearing::SilentSince(Instant::now());
        }
    }

    /// A worker answers, perhaps again.
    pub fn reached(&self, worker: Incarnation) {
        let mut table = self.lock();
        let Some(life) = table.lives.get_mut(&worker) else {
            return;
        };
        let was_heard = life.is_heard();
        life.hearing = Hearing::Answers;
        if !was_heard {
            let group = life.group.clone();
            self.grant(table, &group);
        }
    }

    /// Says who answers, and who has been silent for so long.
    pub fn heard(&self, silent_for: Duration) -> Heard {
        let table = self.lock();
        let mut heard = Heard {
            known: table.lives.len(),
            ..Heard::default()
        };
        for (worker, life) in &table.lives {
            match life.hearing {
                Hearing::Answers => {
                    heard.answering.insert(*worker);
                }
                Hearing::SilentSince(at) if at.elapsed() >= silent_for => {
                    heard.silent.insert(*worker, life.name.clone());
                }
                Hearing::New | Hearing::SilentSince(_) => {}
            }
        }
        heard
    }
}
