//! What tests can make go wrong in a running node: it ends itself at a named place, or lacks one protection.
//!
//! Only debug builds with the feature `testing` know any of this; in every other build the functions are empty,
//! and whatever the environment says changes nothing.

/// A protection that a test takes away, to show that its checker notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A node that reads that it is dead goes on for a while.
    Lingers,
    /// Rounds are stored whoever owns the instance now; lingers, too.
    NoFence,
    /// Orphans are looked for at events only, never by the clock.
    EventsOnly,
    /// What was believed before a standstill is acted on after it.
    Believes,
}

/// Whether this process lacks a protection (`PORPOISE_TEST_MUTANT`).
pub fn lacks(mutant: Mutant) -> bool {
    armed::lacks(mutant)
}

/// Ends the process here, without a word, when the test said so (`PORPOISE_TEST_ABORT=NAME@N`: at the Nth time).
pub fn point(name: &str) {
    armed::point(name);
}

#[cfg(all(feature = "testing", debug_assertions))]
#[allow(
    clippy::disallowed_methods,
    reason = "a test arms a process by its environment, which no setting of a user reaches"
)]
mod armed {
    use std::env;
    use std::process;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Mutant;

    /// The exit code at a fail point.
    const AT_A_POINT: i32 = 99;

    static MUTANT: LazyLock<Option<Mutant>> =
        LazyLock::new(|| match env::var("PORPOISE_TEST_MUTANT").ok()?.as_str() {
            "lingers" => Some(Mutant::Lingers),
            "no_fence" => Some(Mutant::NoFence),
            "events_only" => Some(Mutant::EventsOnly),
            "believes" => Some(Mutant::Believes),
            other => panic!("there is no mutant `{other}`"),
        });

    static ABORT: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let text = env::var("PORPOISE_TEST_ABORT").ok()?;
        let (name, hit) = text.split_once('@')?;
        Some((name.to_owned(), hit.parse().ok()?))
    });

    static HITS: AtomicU32 = AtomicU32::new(0);

    pub(super) fn lacks(mutant: Mutant) -> bool {
        *MUTANT == Some(mutant) || (mutant == Mutant::Lingers && *MUTANT == Some(Mutant::NoFence))
    }

    pub(super) fn point(name: &str) {
        if let Some((wanted, hit)) = &*ABORT
            && wanted == name
            && HITS.fetch_add(1, Ordering::Relaxed) + 1 == *hit
        {
            eprintln!("ended at the fail point {name}");
            process::exit(AT_A_POINT);
        }
    }
}

#[cfg(not(all(feature = "testing", debug_assertions)))]
mod armed {
    use super::Mutant;

    pub(super) fn lacks(_: Mutant) -> bool {
        false
    }

    pub(super) fn point(_: &str) {}
}
