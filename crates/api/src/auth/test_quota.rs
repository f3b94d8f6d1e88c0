//! How often a user may let workers connect to other systems just to see whether that works.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use catalog::UserId;

use crate::http::codes::Code;
use crate::http::problem::Problem;

/// The most tests of one user within the period.
const MAX_TESTS: usize = 10;

/// The period in which tests are counted.
const PERIOD: Duration = Duration::from_secs(60);

/// The tests of each user within the last period, at this node.
#[derive(Debug, Default)]
pub(crate) struct TestQuota {
    taken: Mutex<HashMap<UserId, VecDeque<Instant>>>,
}

impl TestQuota {
    /// Counts one test of a user, or refuses it.
    pub(crate) fn take(&self, user: UserId) -> Result<(), Problem> {
        self.take_at(user, Instant::now())
    }

    fn take_at(&self, user: UserId, now: Instant) -> Result<(), Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // What is older than the period is dropped for everybody, which bounds the memory.
        taken.retain(|_, times| {
            while times
                .front()
                .is_some_and(|time| now.duration_since(*time) >= PERIOD)
            {
                times.pop_front();
            }
            !times.is_empty()
        });
        let times = taken.entry(user).or_default();
        if times.len() < MAX_TESTS {
            times.push_back(now);
            return Ok(());
        }
        let oldest = times
            .front()
            .map_or(Duration::ZERO, |time| now.duration_since(*time));
        let wait = PERIOD.saturating_sub(oldest).as_secs() + 1;
        let detail = format!("At most {MAX_TESTS} tests a minute are allowed; try again later.");
        Err(Problem::new(Code::TooManyRequests, detail).retry_after(u32::try_from(wait).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_ten_tests_in_any_minute() {
        let (quota, start) = (TestQuota::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            assert!(quota.take_at(UserId(1), at(second)).is_ok());
        }
        assert_eq!(
            quota.take_at(UserId(1), at(59)).unwrap_err().code(),
            Code::TooManyRequests
        );
        assert!(
            quota.take_at(UserId(2), at(59)).is_ok(),
            "another user has tests of their own"
        );
        assert!(
            quota.take_at(UserId(1), at(60)).is_ok(),
            "the first one is a minute old"
        );
        assert!(quota.take_at(UserId(1), at(60)).is_err());
    }
}
