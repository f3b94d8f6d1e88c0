//! When a delivery is tried again.

use crate::ids::Timestamp;

/// Time after the first try in which a delivery is tried again.
const DELIVERY_WINDOW_MS: i64 = 24 * 60 * 60 * 1000;

/// The wait after the first failure.
const FIRST_WAIT_MS: i64 = 10_000;

/// The longest wait between two tries, but for that which a receiver asks for.
const MAX_WAIT_MS: i64 = 60 * 60 * 1000;

/// Returns when a delivery is tried again after so many failures, the one at `at` included; none when its time is over.
///
/// A receiver that asks to be left alone is left alone, though not for longer than deliveries are tried at all: the last
/// try is at the end of that time.
pub fn next_try(
    first_try: Timestamp,
    failures: u32,
    at: Timestamp,
    retry_after_ms: Option<i64>,
) -> Option<Timestamp> {
    let doublings = failures.saturating_sub(1).min(20);
    let wait = (FIRST_WAIT_MS << doublings).min(MAX_WAIT_MS);
    let end = first_try.plus(DELIVERY_WINDOW_MS);
    if at >= end {
        return None;
    }
    Some(at.plus(wait.max(retry_after_ms.unwrap_or(0))).min(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<i64> = (1..=11)
            .map(|failures| next_try(Timestamp(0), failures, Timestamp(0), None).unwrap().0 / 1000)
            .collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    }

    #[test]
    fn a_receiver_is_left_alone_as_long_as_it_asks() {
        assert_eq!(
            next_try(Timestamp(0), 1, Timestamp(0), Some(45_000)),
            Some(Timestamp(45_000))
        );
        assert_eq!(
            next_try(Timestamp(0), 1, Timestamp(0), Some(1)),
            Some(Timestamp(10_000))
        );
        let week = 7 * DELIVERY_WINDOW_MS;
        assert_eq!(
            next_try(Timestamp(0), 1, Timestamp(0), Some(week)),
            Some(Timestamp(DELIVERY_WINDOW_MS))
        );
    }

    proptest! {
        /// Whatever a receiver answers, tries end, and there are at most about 35 of them.
        #[test]
        fn tries_end_after_a_day(answers in proptest::collection::vec(proptest::option::of(-5_000i64..100_000_000), 60)) {
            let mut at = Timestamp(1_000);
            let mut failures = 0;
            for retry_after in answers {
                failures += 1;
                let Some(next) = next_try(Timestamp(1_000), failures, at, retry_after) else { break };
                prop_assert!(next > at);
                prop_assert!(next.since(Timestamp(1_000)) <= DELIVERY_WINDOW_MS);
                at = next;
            }
            prop_assert!(failures < 40, "{failures} tries");
        }
    }
}
