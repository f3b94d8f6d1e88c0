//! Rate limits: a token bucket for each caller.
//!
//! Anonymous clients are counted by address, so that guessing and flooding cost the database nothing. Requests with a
//! valid token are not limited unless the operator configures it: a burst of starts is what the program is for.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use catalog::TokenId;

use crate::auth::test_quota::TestQuota;
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::state::Rates;

/// Time in which an empty bucket fills.
const DEPTH: Duration = Duration::from_secs(2);

/// Number of buckets above which the full ones are dropped.
const CAPACITY: usize = 10_000;

/// The limits of one server.
#[derive(Debug)]
pub(crate) struct RateLimits {
    tokens: RateLimiter<TokenId>,
    anonymous_clients: RateLimiter<Option<IpAddr>>,
    tests: TestQuota,
}

impl RateLimits {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            tokens: RateLimiter::new(rates.per_token, "with this token"),
            anonymous_clients: RateLimiter::new(rates.per_address, "without a valid token from this address"),
            tests: TestQuota::default(),
        }
    }

    /// Returns the limiter of requests with a valid token.
    pub(crate) fn tokens(&self) -> &RateLimiter<TokenId> {
        &self.tokens
    }

    /// Returns the limiter of tests of connections.
    pub(crate) fn tests(&self) -> &TestQuota {
        &self.tests
    }

    /// Returns the limiter of requests without one.
    pub(crate) fn anonymous_clients(&self) -> &RateLimiter<Option<IpAddr>> {
        &self.anonymous_clients
    }
}

/// A bucket for each key.
#[derive(Debug)]
pub(crate) struct RateLimiter<K> {
    /// The time in which one request flows in; none without a limit.
    interval: Option<Duration>,
    subject: &'static str,
    started: Instant,
    /// When each bucket is full again, counted from `started`.
    full_at: Mutex<HashMap<K, Duration>>,
}

impl<K: Eq + Hash> RateLimiter<K> {
    fn new(per_second: u32, subject: &'static str) -> Self {
        Self {
            interval: (per_second > 0).then(|| Duration::from_secs(1) / per_second),
            subject,
            started: Instant::now(),
            full_at: Mutex::default(),
        }
    }

    /// Refuses while the bucket is empty, without counting a request.
    pub(crate) fn check_available(&self, key: &K) -> Result<(), Problem> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = full_at.get(key).copied().unwrap_or_default();
        self.to_problem(full_after_request(full_at, self.started.elapsed(), interval).map(drop))
    }

    /// Counts one request, or refuses it.
    pub(crate) fn acquire(&self, key: K) -> Result<(), Problem> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let now = self.started.elapsed();
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CAPACITY {
            drop_full_buckets(&mut buckets, now);
        }
        let full_at = buckets.entry(key).or_default();
        self.to_problem(full_after_request(*full_at, now, interval).map(|next| *full_at = next))
    }

    fn to_problem(&self, acquired: Result<(), Duration>) -> Result<(), Problem> {
        acquired.map_err(|wait| {
            let detail = format!("Too many requests {}; try again later.", self.subject);
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            Problem::new(Code::TooManyRequests, detail).retry_after(seconds.saturating_add(1))
        })
    }
}

/// Returns when the bucket is full again after one more request, or how long that request has to wait.
fn full_after_request(full_at: Duration, now: Duration, interval: Duration) -> Result<Duration, Duration> {
    let next = full_at.max(now) + interval;
    let wait = next.saturating_sub(now + DEPTH.max(interval));
    if wait.is_zero() { Ok(next) } else { Err(wait) }
}

/// Drops full buckets; drops all when every one is in use, which bounds the memory.
fn drop_full_buckets<K: Eq + Hash>(buckets: &mut HashMap<K, Duration>, now: Duration) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() >= CAPACITY {
        buckets.clear();
    }
}

/// Returns the network by which an anonymous client is counted: one customer has 2^64 addresses of IPv6.
pub(crate) fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
