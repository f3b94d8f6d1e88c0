use std::sync::Arc;

use engine::ids::{Incarnation, Timestamp};
use engine::states::MemberState;

use super::*;
use crate::messages::membership::{Suspect, SuspicionBasis};
use ports::Member;

/// Three live members, all shown by the registry.
fn all_live() -> Membership {
    let status = |number: i64, roles: &str| MemberStatus {
        member: Member {
            incarnation: Incarnation(number),
            name: format!("n{number}"),
            host: format!("h{number}"),
            roles: vec![roles.to_owned()],
            slots: 0,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
            state: MemberState::Active,
            joined_at: Timestamp(0),
        },
        heartbeat_age_ms: 0,
    };
    Membership {
        living: Arc::new(vec![
            status(1, "master"),
            status(2, "master"),
            status(3, "worker"),
        ]),
        suspects: Vec::new(),
        sees_all: true,
    }
}

/// Takes the same reading every second; returns the time of the last one.
fn read_each_second(window: &mut StabilityWindow, from: i64, until: i64) -> Timestamp {
    for second in from..=until {
        window.update(Timestamp(second * 1_000), &all_live());
    }
    Timestamp(until * 1_000)
}

#[test]
fn members_are_stable_thirty_seconds_after_the_first_reading() {
    let mut window = StabilityWindow::default();
    let almost = read_each_second(&mut window, 100, 129);
    assert_eq!(window.stable_since(almost), None);
    let now = read_each_second(&mut window, 130, 130);
    assert_eq!(window.stable_since(now), Some(Timestamp(100_000)));
    assert_eq!(
        window.masters,
        [Incarnation(1), Incarnation(2)],
        "workers own nothing"
    );
}

/// A reading that differs from the others in one thing.
type MembershipEdit = fn(&mut Membership);

#[test]
fn a_member_that_joins_leaves_drains_or_is_missed_restarts_the_window() {
    let changes: [(&str, MembershipEdit); 5] = [
        ("a member left", |all| Arc::make_mut(&mut all.living).truncate(2)),
        ("a member joined", |all| {
            let living = Arc::make_mut(&mut all.living);
            let mut new = living[1].clone();
            new.member.incarnation = Incarnation(4);
            living.push(new);
        }),
        ("a member drains", |all| {
            Arc::make_mut(&mut all.living)[1].member.state = MemberState::Draining;
        }),
        ("a member is suspected", |all| {
            all.suspects.push(Suspect {
                incarnation: Incarnation(2),
                missing_ms: 1,
                basis: SuspicionBasis::Registry,
            });
        }),
        ("the registry shows less than the store", |all| {
            all.sees_all = false
        }),
    ];
    for (what, change) in changes {
        let mut window = StabilityWindow::default();
        read_each_second(&mut window, 100, 160);
        let mut changed = all_live();
        change(&mut changed);
        window.update(Timestamp(161_000), &changed);
        assert_eq!(window.stable_since(Timestamp(161_000)), None, "{what}");
        let almost = read_each_second(&mut window, 162, 190);
        assert_eq!(window.stable_since(almost), None, "{what}");
        let now = read_each_second(&mut window, 191, 192);
        assert!(window.stable_since(now).is_some(), "{what}, long ago");
    }
}

#[test]
fn a_pause_of_the_readings_restarts_the_window() {
    let mut window = StabilityWindow::default();
    let last = read_each_second(&mut window, 100, 160);
    assert!(window.stable_since(last.plus(STORE_PAUSE_MS)).is_some());
    assert_eq!(
        window.stable_since(last.plus(STORE_PAUSE_MS + 1)),
        None,
        "what has changed is unknown"
    );
    let after = read_each_second(&mut window, 164, 193);
    assert_eq!(window.stable_since(after), None);
    let now = read_each_second(&mut window, 194, 194);
    assert!(window.stable_since(now).is_some());
}
