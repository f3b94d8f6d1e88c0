//! Faults that a test injects into a running node: it exits at a named point, or one of its guards is disabled.
//!
//! Only debug builds with the feature `testing` contain them; in every other build the functions are empty, whatever the
//! environment holds.

/// A guard that a test disables, to show that its checker notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledGuard {
    /// A node that reads that it is dead exits at once.
    ExitWhenDead,
    /// Only the owner of the current epoch writes an instance; without it a dead node does not exit at once either.
    Fencing,
    /// Orphans are searched for periodically, not only on events.
    PeriodicScan,
    /// After a pause of the process, what it believed before is validated again.
    RevalidationAfterPause,
}

/// Whether a guard is disabled in this process (`PORPOISE_TEST_DISABLED_GUARD`).
pub fn is_disabled(guard: DisabledGuard) -> bool {
    armed::is_disabled(guard)
}

/// Exits the process here when the test asks for it (`PORPOISE_TEST_ABORT=NAME@N`: at the Nth time).
pub fn fail_point(name: &str) {
    armed::fail_point(name);
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

    use super::DisabledGuard;

    /// The exit code at a fail point.
    const EXIT_CODE: i32 = 99;

    static DISABLED: LazyLock<Option<DisabledGuard>> =
        LazyLock::new(|| match env::var("PORPOISE_TEST_DISABLED_GUARD").ok()?.as_str() {
            "exit_when_dead" => Some(DisabledGuard::ExitWhenDead),
            "fencing" => Some(DisabledGuard::Fencing),
            "periodic_scan" => Some(DisabledGuard::PeriodicScan),
            "revalidation_after_pause" => Some(DisabledGuard::RevalidationAfterPause),
            other => panic!("there is no guard `{other}`"),
        });

    static ABORT: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let text = env::var("PORPOISE_TEST_ABORT").ok()?;
        let (name, hit) = text.split_once('@')?;
        Some((name.to_owned(), hit.parse().ok()?))
    });

    static HITS: AtomicU32 = AtomicU32::new(0);

    pub(super) fn is_disabled(guard: DisabledGuard) -> bool {
        let implied = guard == DisabledGuard::ExitWhenDead && *DISABLED == Some(DisabledGuard::Fencing);
        implied || *DISABLED == Some(guard)
    }

    pub(super) fn fail_point(name: &str) {
        if let Some((wanted, hit)) = &*ABORT
            && wanted == name
            && HITS.fetch_add(1, Ordering::Relaxed) + 1 == *hit
        {
            eprintln!("ended at the fail point {name}");
            process::exit(EXIT_CODE);
        }
    }
}

#[cfg(not(all(feature = "testing", debug_assertions)))]
mod armed {
    use super::DisabledGuard;

    pub(super) fn is_disabled(_: DisabledGuard) -> bool {
        false
    }

    pub(super) fn fail_point(_: &str) {}
}
