//! The arithmetic, with times by hand.

use super::*;
use crate::testing::worker::test_worker::uid;

struct Bench {
    leases: Leases,
    began: Instant,
}

impl Bench {
    fn of(policy: OnCutOff) -> Self {
        let began = Instant::now();
        let mut leases = Leases::starting_at(began);
        leases.watch(uid(1), policy, began);
        Self { leases, began }
    }

    fn at(&self, ms: u64) -> Instant {
        self.began + Duration::from_millis(ms)
    }

    /// What is due at a time: `renew`, `stop`, both words or none.
    fn due(&mut self, ms: u64) -> &'static str {
        let now = self.at(ms);
        let due = self.leases.due(now);
        match (due.renew.is_empty(), due.stop.is_empty()) {
            (true, true) => "",
            (false, true) => "renew",
            (true, false) => "stop",
            (false, false) => "both",
        }
    }

    fn answered(&mut self, sent: u64, granted: bool, now: u64) {
        let (sent, now) = (self.at(sent), self.at(now));
        self.leases.answered(&uid(1), sent, granted, now);
    }

    fn next(&self) -> Option<u64> {
        let next = self.leases.next()?;
        u64::try_from((next - self.began).as_millis()).ok()
    }
}

#[test]
fn nothing_is_due_of_an_attempt_that_continues() {
    let mut bench = Bench::of(OnCutOff::Continue);
    assert!(bench.leases.may_start(&uid(1), bench.began));
    assert_eq!((bench.due(1_000_000), bench.next()), ("", None));
}

#[test]
fn a_lease_is_asked_for_at_once_then_every_five_seconds_and_one_request_is_on_its_way_at_a_time() {
    let mut bench = Bench::of(OnCutOff::Exclusive);
    assert!(
        !bench.leases.may_start(&uid(1), bench.began),
        "not without a lease"
    );
    assert_eq!((bench.due(0), bench.due(10)), ("renew", ""));
    bench.answered(0, true, 700);
    assert!(bench.leases.may_start(&uid(1), bench.at(700)));
    assert_eq!(bench.next(), Some(5_000));
    assert_eq!((bench.due(4_999), bench.due(5_000)), ("", "renew"));
    bench.answered(5_000, false, 5_400);
    assert_eq!((bench.due(6_399), bench.due(6_400)), ("", "renew"), "again soon");
}

#[test]
fn a_lease_counts_from_the_request_that_was_answered_not_from_the_answer() {
    let mut bench = Bench::of(OnCutOff::Exclusive);
    bench.due(0);
    bench.answered(0, true, 3_000);
    bench.due(5_000);
    assert_eq!(bench.next(), Some(20_000), "the next is on its way");
    assert_eq!((bench.due(19_999), bench.due(20_000)), ("", "stop"));
    assert_eq!(bench.due(20_001), "", "once");
}

#[test]
fn a_request_that_was_refused_renews_nothing() {
    let mut bench = Bench::of(OnCutOff::Exclusive);
    bench.due(0);
    bench.answered(0, true, 1);
    for second in 5..20 {
        let now = second * 1_000;
        bench.due(now);
        bench.answered(now, false, now);
    }
    assert_eq!(bench.due(20_000), "stop");
}

#[test]
fn an_answer_that_comes_after_the_end_of_its_lease_starts_nothing() {
    let mut bench = Bench::of(OnCutOff::Exclusive);
    bench.due(0);
    bench.answered(0, true, 20_000);
    assert!(!bench.leases.may_start(&uid(1), bench.at(20_000)));
    assert_eq!(bench.due(20_000), "stop");
}

#[test]
fn an_older_answer_takes_nothing_back() {
    let mut bench = Bench::of(OnCutOff::Exclusive);
    bench.answered(9_000, true, 9_100);
    bench.answered(4_000, true, 9_200);
    bench.due(9_300);
    assert_eq!((bench.due(28_999), bench.due(29_000)), ("", "stop"));
}

#[test]
fn without_a_first_lease_an_attempt_is_given_up_when_one_would_be_over() {
    let mut bench = Bench::of(OnCutOff::Exclusive);
    assert_eq!((bench.due(0), bench.due(20_000)), ("renew", "stop"));
}

#[test]
fn a_new_owner_is_asked_at_once() {
    let mut bench = Bench::of(OnCutOff::Exclusive);
    bench.due(0);
    bench.answered(0, true, 1);
    let now = bench.at(2_000);
    bench.leases.ask_now(&uid(1), now);
    assert_eq!(bench.due(2_000), "renew");
}

#[test]
fn stop_after_counts_from_the_last_contact_with_any_master() {
    let mut bench = Bench::of(OnCutOff::StopAfter { ms: 60_000 });
    assert!(bench.leases.may_start(&uid(1), bench.began));
    let contact = bench.at(30_000);
    bench.leases.contact(contact);
    bench.leases.contact(bench.began);
    assert_eq!(bench.next(), Some(90_000));
    assert_eq!((bench.due(89_999), bench.due(90_000)), ("", "stop"));
}

#[test]
fn the_reasons_name_the_policy_and_the_time() {
    let told = |policy, ms| {
        let mut bench = Bench::of(policy);
        let now = bench.at(ms);
        bench.leases.due(now).stop.remove(0)
    };
    let lease = told(OnCutOff::Exclusive, 20_000);
    assert_eq!(
        lease.reason,
        "cut off from its owner for 20 s: stopped by its worker (on_cut_off: exclusive)"
    );
    assert_eq!(lease.within, Some(STOPPED_WITHIN));
    let contact = told(OnCutOff::StopAfter { ms: 300_000 }, 300_000);
    assert_eq!(
        contact.reason,
        "cut off from every master for 5m: stopped by its worker (on_cut_off: stop_after)"
    );
}
