//! How often one caller may ask: a bucket for each, which fills at a steady rate.
//!
//! Who has no valid token is counted by address, so that guessing and flooding cost the database nothing. Who has
//! one is not limited unless the operator says so: a burst of starts is what the program is for.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::codes::Code;
use super::problem::Problem;
use crate::Rates;
use store::catalog::TokenId;

/// A full bucket holds what flows in during this time.
const DEPTH: Duration = Duration::from_secs(2);

/// Above this many buckets the full ones are forgotten.
const REMEMBERED: usize = 10_000;

/// The limits of one server.
#[derive(Debug)]
pub(super) struct Limits {
    /// Requests with a valid token.
    pub(super) tokens: Limit<TokenId>,
    /// Requests without one.
    pub(super) strangers: Limit<Option<IpAddr>>,
}

impl Limits {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            tokens: Limit::new(rates.per_token, "with this token"),
            strangers: Limit::new(rates.per_address, "without a valid token from this address"),
        }
    }
}

/// A bucket for each key.
#[derive(Debug)]
pub(super) struct Limit<K> {
    /// The time in which one request flows in; none without a limit.
    interval: Option<Duration>,
    whose: &'static str,
    began: Instant,
    /// When each bucket is full again, counted from the beginning.
    full_at: Mutex<HashMap<K, Duration>>,
}

impl<K: Eq + Hash> Limit<K> {
    fn new(per_second: u32, whose: &'static str) -> Self {
        Self {
            interval: (per_second > 0).then(|| Duration::from_secs(1) / per_second),
            whose,
            began: Instant::now(),
            full_at: Mutex::default(),
        }
    }

    /// Refuses while the bucket is empty; takes nothing out of it.
    pub(super) fn check(&self, key: &K) -> Result<(), Problem> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = full_at.get(key).copied().unwrap_or_default();
        self.answer(after_one_more(full_at, self.began.elapsed(), interval).map(drop))
    }

    /// Takes one request out of the bucket, or refuses it.
    pub(super) fn take(&self, key: K) -> Result<(), Problem> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let now = self.began.elapsed();
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= REMEMBERED {
            forget_full(&mut buckets, now);
        }
        let full_at = buckets.entry(key).or_default();
        self.answer(after_one_more(*full_at, now, interval).map(|next| *full_at = next))
    }

    fn answer(&self, taken: Result<(), Duration>) -> Result<(), Problem> {
        taken.map_err(|wait| {
            let detail = format!("Too many requests {}; try again later.", self.whose);
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            Problem::new(Code::TooManyRequests, detail).retry_after(seconds.saturating_add(1))
        })
    }
}

/// Says when the bucket is full again after one more request, or how long that request has to wait.
fn after_one_more(full_at: Duration, now: Duration, interval: Duration) -> Result<Duration, Duration> {
    let next = full_at.max(now) + interval;
    let wait = next.saturating_sub(now + DEPTH.max(interval));
    if wait.is_zero() { Ok(next) } else { Err(wait) }
}

/// Whoever comes from so many addresses that all are busy has the buckets of all forgotten, which bounds the memory.
fn forget_full<K: Eq + Hash>(buckets: &mut HashMap<K, Duration>, now: Duration) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() >= REMEMBERED {
        buckets.clear();
    }
}

/// The address by which a stranger is counted: one customer has 2^64 addresses of IPv6.
pub(super) fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
