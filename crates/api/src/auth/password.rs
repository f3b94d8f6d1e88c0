//! Passwords: argon2id off the event loop, few at a time, with growing delays after failures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::http::codes::Code;
use crate::http::problem::Problem;

/// The shortest password that is accepted, in characters.
const MIN_LENGTH: usize = 10;
/// The longest password that is hashed, in bytes.
const MAX_LENGTH: usize = 1024;
/// Number of failures without a delay.
const FREE_FAILURES: u32 = 5;
/// The longest delay after a failure.
const MAX_DELAY: Duration = Duration::from_secs(300);
/// Time without a failure after which earlier ones no longer count.
const FAILURE_MEMORY: Duration = Duration::from_secs(900);
/// Number of names and addresses above which the idle ones are dropped.
const CAPACITY: usize = 10_000;

/// Hashes and checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    /// Each costs 19 MiB and a core.
    running: Arc<Semaphore>,
    failures: Mutex<HashMap<String, Failures>>,
    /// Verified against when there is no such user, so that both cases take the same time.
    decoy_hash: tokio::sync::OnceCell<String>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn remaining_delay(&self) -> Duration {
        let beyond = self.count.saturating_sub(FREE_FAILURES);
        let delay = match beyond {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << n.min(9)).min(MAX_DELAY),
        };
        delay.saturating_sub(self.last.elapsed())
    }
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(2)),
            failures: Mutex::new(HashMap::new()),
            decoy_hash: tokio::sync::OnceCell::new(),
        }
    }

    /// Makes the stored form (PHC string) of a new password.
    ///
    /// # Errors
    /// `InvalidBody` at its place in the body for one that is too short or too long.
    pub(crate) async fn hash_password(&self, password: String, pointer: &str) -> Result<String, Problem> {
        if password.chars().count() < MIN_LENGTH || password.len() > MAX_LENGTH {
            let detail = format!("A password has {MIN_LENGTH} to {MAX_LENGTH} characters.");
            return Err(Problem::new(Code::InvalidBody, detail).at(pointer));
        }
        self.run_blocking(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(Problem::internal)
        })
        .await?
    }

    /// Whether the password fits the stored form; without one it takes as long and is false.
    pub(crate) async fn verify_password(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, Problem> {
        if password.len() > MAX_LENGTH {
            return Ok(false);
        }
        let known = stored.is_some();
        let stored = match stored {
            Some(stored) => stored,
            None => self
                .decoy_hash
                .get_or_try_init(|| self.hash_password("a password that no user has".to_owned(), ""))
                .await?
                .clone(),
        };
        let fits = self.run_blocking(move || {
            PasswordHash::new(&stored).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        });
        Ok(fits.await? && known)
    }

    /// Refuses while one of these (an account, an address) is delayed.
    pub(crate) fn check_allowed(&self, keys: &[String]) -> Result<(), Problem> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = keys
            .iter()
            .filter_map(|key| failures.get(key))
            .map(Failures::remaining_delay)
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

    /// Counts a failure of each.
    pub(crate) fn record_failure(&self, keys: &[String]) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() > CAPACITY {
            failures.retain(|_, entry| entry.last.elapsed() < FAILURE_MEMORY);
        }
        for key in keys {
            let entry = failures.entry(key.clone()).or_insert(Failures {
                count: 0,
                last: Instant::now(),
            });
            if entry.last.elapsed() > FAILURE_MEMORY {
                entry.count = 0;
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = Instant::now();
        }
    }

    /// Forgets the failures of an account; those of the address stay.
    pub(crate) fn record_success(&self, account: &str) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(account);
    }

    async fn run_blocking<T: Send + 'static>(
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
