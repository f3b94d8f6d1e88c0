use super::*;

const INTERVAL: Duration = Duration::from_millis(10);

/// Takes until a request is refused; answers how many were not, and the wait.
fn drain(full_at: &mut Duration, now: Duration) -> (u32, Duration) {
    for taken in 0.. {
        match full_after_request(*full_at, now, INTERVAL) {
            Ok(next) => *full_at = next,
            Err(wait) => return (taken, wait),
        }
    }
    unreachable!("a bucket has an end")
}

#[test]
fn a_full_bucket_holds_two_seconds_and_fills_steadily() {
    let (mut full_at, hour) = (Duration::ZERO, Duration::from_secs(3600));
    assert_eq!(
        drain(&mut full_at, hour),
        (200, INTERVAL),
        "however long the pause was"
    );
    assert_eq!(drain(&mut full_at, hour + 5 * INTERVAL), (5, INTERVAL));
    let half = Duration::from_millis(4);
    assert_eq!(
        drain(&mut full_at, hour + 5 * INTERVAL + half),
        (0, INTERVAL - half)
    );
    assert_eq!(drain(&mut full_at, 2 * hour).0, 200);
}

#[test]
fn a_rate_below_one_in_the_depth_lets_one_pass() {
    let slow = 10 * DEPTH;
    let next = full_after_request(Duration::ZERO, Duration::ZERO, slow);
    assert_eq!(next, Ok(slow));
    assert_eq!(full_after_request(slow, Duration::ZERO, slow), Err(slow));
}

#[test]
fn keys_have_buckets_of_their_own_and_a_check_takes_nothing() {
    let limit = RateLimiter::new(1, "in this test");
    for _ in 0..5 {
        limit.check_available(&"a").unwrap();
    }
    limit.acquire("a").unwrap();
    limit.acquire("a").unwrap();
    let refused = limit.acquire("a").unwrap_err();
    assert_eq!(refused.code(), Code::TooManyRequests);
    let rendered = refused.render_response("");
    assert_eq!(rendered.headers().get("retry-after").unwrap(), "1");
    limit.check_available(&"a").unwrap_err();
    limit.acquire("b").unwrap();
}

#[test]
fn zero_is_no_limit() {
    let limit = RateLimiter::new(0, "in this test");
    for _ in 0..10_000 {
        limit.acquire(1).unwrap();
    }
    assert_eq!(limit.full_at.lock().unwrap().len(), 0);
}

#[test]
fn the_memory_is_bounded_and_busy_buckets_stay_as_long_as_there_is_room() {
    let limit = RateLimiter::new(1, "in this test");
    limit.acquire(u32::MAX).unwrap();
    limit
        .full_at
        .lock()
        .unwrap()
        .extend((0..9_999).map(|key| (key, Duration::ZERO)));
    limit.acquire(20_000).unwrap();
    let kept = limit.full_at.lock().unwrap().len();
    assert_eq!(kept, 2, "the busy one and the new one");
    for key in 0..30_000 {
        limit.acquire(key).unwrap();
        assert!(limit.full_at.lock().unwrap().len() <= CAPACITY);
    }
}

#[test]
fn a_network_of_ipv6_is_one_client() {
    let of = |text: &str| client_network(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
}
