//! The arithmetic, with times by hand.

use super::*;
use crate::testing::worker::test_worker::uid;

struct Fixture {
    leases: LeaseWatch,
    began: Instant,
}

impl Fixture {
    fn new(policy: OnCutOff) -> Self {
        let began = Instant::now();
        let mut leases = LeaseWatch::new(began);
        leases.watch(uid(1), policy, began);
        Self { leases, began }
    }

    fn at(&self, ms: u64) -> Instant {
        self.began + Duration::from_millis(ms)
    }

    /// What is due at a time: `renew`, `stop`, both words or none.
    fn due(&mut self, ms: u64) -> &'static str {
        let now = self.at(ms);
        let due = self.leases.take_due(now);
        match (due.requests.is_empty(), due.stops.is_empty()) {
            (true, true) => "",
            (false, true) => "renew",
            (true, false) => "stop",
            (false, false) => "both",
        }
    }

    fn grant(&mut self, sent: u64) {
        let sent = self.at(sent);
        self.leases.grant(&uid(1), sent);
    }

    fn deny(&mut self, now: u64) {
        let now = self.at(now);
        self.leases.deny(&uid(1), now);
    }

    fn next(&self) -> Option<u64> {
        let next = self.leases.next_due()?;
        u64::try_from((next - self.began).as_millis()).ok()
    }
}

#[test]
fn nothing_is_due_of_an_attempt_that_continues() {
    let mut fixture = Fixture::new(OnCutOff::Continue);
    assert!(fixture.leases.may_start(&uid(1), fixture.began));
    assert_eq!((fixture.due(1_000_000), fixture.next()), ("", None));
}

#[test]
fn a_lease_is_requested_at_once_then_every_five_seconds_with_one_request_in_flight() {
    let mut fixture = Fixture::new(OnCutOff::Exclusive);
    assert!(
        !fixture.leases.may_start(&uid(1), fixture.began),
        "not without a lease"
    );
    assert_eq!((fixture.due(0), fixture.due(10)), ("renew", ""));
    fixture.grant(0);
    assert!(fixture.leases.may_start(&uid(1), fixture.at(700)));
    assert_eq!(fixture.next(), Some(5_000));
    assert_eq!((fixture.due(4_999), fixture.due(5_000)), ("", "renew"));
    fixture.deny(5_400);
    assert_eq!(
        (fixture.due(6_399), fixture.due(6_400)),
        ("", "renew"),
        "again soon"
    );
}

#[test]
fn a_lease_counts_from_the_request_that_was_answered_not_from_the_answer() {
    let mut fixture = Fixture::new(OnCutOff::Exclusive);
    fixture.due(0);
    fixture.grant(0);
    fixture.due(5_000);
    assert_eq!(fixture.next(), Some(20_000), "the next is in flight");
    assert_eq!((fixture.due(19_999), fixture.due(20_000)), ("", "stop"));
    assert_eq!(fixture.due(20_001), "", "once");
}

#[test]
fn a_request_that_was_denied_renews_nothing() {
    let mut fixture = Fixture::new(OnCutOff::Exclusive);
    fixture.due(0);
    fixture.grant(0);
    for second in 5..20 {
        let now = second * 1_000;
        fixture.due(now);
        fixture.deny(now);
    }
    assert_eq!(fixture.due(20_000), "stop");
}

#[test]
fn an_answer_after_the_end_of_its_lease_starts_nothing() {
    let mut fixture = Fixture::new(OnCutOff::Exclusive);
    fixture.due(0);
    fixture.grant(0);
    assert!(!fixture.leases.may_start(&uid(1), fixture.at(20_000)));
    assert_eq!(fixture.due(20_000), "stop");
}

#[test]
fn an_older_answer_takes_nothing_back() {
    let mut fixture = Fixture::new(OnCutOff::Exclusive);
    fixture.grant(9_000);
    fixture.grant(4_000);
    fixture.due(9_300);
    assert_eq!((fixture.due(28_999), fixture.due(29_000)), ("", "stop"));
}

#[test]
fn without_a_first_lease_an_attempt_is_stopped_when_one_would_have_expired() {
    let mut fixture = Fixture::new(OnCutOff::Exclusive);
    assert_eq!((fixture.due(0), fixture.due(20_000)), ("renew", "stop"));
}

#[test]
fn a_new_owner_is_requested_at_once() {
    let mut fixture = Fixture::new(OnCutOff::Exclusive);
    fixture.due(0);
    fixture.grant(0);
    let now = fixture.at(2_000);
    fixture.leases.request_now(&uid(1), now);
    assert_eq!(fixture.due(2_000), "renew");
}

#[test]
fn stop_after_counts_from_the_last_contact_with_any_master() {
    let mut fixture = Fixture::new(OnCutOff::StopAfter { ms: 60_000 });
    assert!(fixture.leases.may_start(&uid(1), fixture.began));
    let contact = fixture.at(30_000);
    fixture.leases.record_contact(contact);
    fixture.leases.record_contact(fixture.began);
    assert_eq!(fixture.next(), Some(90_000));
    assert_eq!((fixture.due(89_999), fixture.due(90_000)), ("", "stop"));
}

#[test]
fn the_reasons_name_the_policy_and_the_time() {
    let stop_of = |policy, ms| {
        let mut fixture = Fixture::new(policy);
        let now = fixture.at(ms);
        fixture.leases.take_due(now).stops.remove(0)
    };
    let lease = stop_of(OnCutOff::Exclusive, 20_000);
    assert_eq!(
        lease.reason,
        "cut off from its owner for 20 s: stopped by its worker (on_cut_off: exclusive)"
    );
    assert_eq!(lease.grace, Some(EXPIRED_GRACE));
    let contact = stop_of(OnCutOff::StopAfter { ms: 300_000 }, 300_000);
    assert_eq!(
        contact.reason,
        "cut off from every master for 5m: stopped by its worker (on_cut_off: stop_after)"
    );
}
