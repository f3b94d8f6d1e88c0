//! Passwords: argon2id off the event loop, few at a time, and slower for whoever keeps failing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use tokio::sync::Semaphore;

use super::codes::Code;
use super::problem::Problem;

/// The shortest password that is taken.
pub(super) const SHORTEST: usize = 10;
/// Longer ones would only cost time.
const LONGEST: usize = 1024;
/// Failures that cost nothing yet.
const FREE_FAILURES: u32 = 5;
/// The longest delay of growing ones.
const LONGEST_DELAY: Duration = Duration::from_secs(300);
/// Failures are forgotten after this time without a new one.
const FORGET: Duration = Duration::from_secs(900);
/// Above this many remembered names and addresses the idle ones are dropped.
const REMEMBERED: usize = 10_000;

/// Hashes and checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    /// Each costs 19 MiB and a core.
    running: Arc<Semaphore>,
    failures: Mutex<HashMap<String, Failures>>,
    /// Checked when there is no such user, so that both cases take the same time.
    nobody: tokio::sync::OnceCell<String>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(&self) -> Duration {
        let beyond = self.count.saturating_sub(FREE_FAILURES);
        let delay = match beyond {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << n.min(9)).min(LONGEST_DELAY),
        };
        delay.saturating_sub(self.last.elapsed())
    }
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(2)),
            failures: Mutex::new(HashMap::new()),
            nobody: tokio::sync::OnceCell::new(),
        }
    }

    /// Makes the stored form (PHC string) of a new password.
    ///
    /// # Errors
    /// `InvalidBody` for one that is too short or too long.
    pub(super) async fn hash(&self, password: String) -> Result<String, Problem> {
        if password.chars().count() < SHORTEST || password.len() > LONGEST {
            let detail = format!("A password has {SHORTEST} to {LONGEST} characters.");
            return Err(Problem::new(Code::InvalidBody, detail).at("/password"));
        }
        self.off_the_loop(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(Problem::internal)
        })
        .await?
    }

    /// Says whether the password fits the stored form; without one it takes as long and says no.
    pub(super) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Problem> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let known = stored.is_some();
        let stored = match stored {
            Some(stored) => stored,
            None => self
                .nobody
                .get_or_try_init(|| self.hash("a password that nobody has".to_owned()))
                .await?
                .clone(),
        };
        let fits = self.off_the_loop(move || {
            PasswordHash::new(&stored).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        });
        Ok(fits.await? && known)
    }

    /// Refuses while one of these (an account, an address) has to wait.
    pub(super) fn check_allowed(&self, keys: &[String]) -> Result<(), Problem> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = keys
            .iter()
            .filter_map(|key| failures.get(key))
            .map(Failures::wait)
            .max()
            .unwrap_or_default();
        if wait.is_zero() {
            return Ok(());
        }
        let seconds = u32::try_from(wait.as_secs())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        Err(
            Problem::new(Code::TooManyRequests, "Too many failed logins; try again later.")
                .retry_after(seconds),
        )
    }

    /// Remembers a failure of each.
    pub(super) fn failed(&self, keys: &[String]) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() > REMEMBERED {
            failures.retain(|_, entry| entry.last.elapsed() < FORGET);
        }
        for key in keys {
            let entry = failures.entry(key.clone()).or_insert(Failures {
                count: 0,
                last: Instant::now(),
            });
            if entry.last.elapsed() > FORGET {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = Instant::now();
        }
    }

    /// Forgets the failures of an account; those of the address stay.
    pub(super) fn succeeded(&self, account: &str) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(account);
    }

    async fn off_the_loop<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(Problem::internal)?;
        tokio::task::spawn_blocking(move || {
            let _held = permit;
            work()
        })
        .await
        .map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests;
