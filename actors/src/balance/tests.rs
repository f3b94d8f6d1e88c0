use std::sync::Arc;

use engine::ids::{Incarnation, Timestamp};
use engine::states::MemberState;

use super::*;
use crate::ports::Member;
use crate::registry::Suspect;

/// Three members that live; the registry shows them all.
fn whole() -> Membership {
    let seen = |life: i64, roles: &str| Seen {
        member: Member {
            incarnation: Incarnation(life),
            name: format!("n{life}"),
            host: format!("h{life}"),
            roles: vec![roles.to_owned()],
            slots: 0,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
            state: MemberState::Active,
            joined_at: Timestamp(0),
        },
        beat_age_ms: 0,
    };
    Membership {
        living: Arc::new(vec![seen(1, "master"), seen(2, "master"), seen(3, "worker")]),
        suspects: Vec::new(),
        is_whole: true,
    }
}

/// Reads the same every second from 0 on; answers the time of the last reading.
fn read_on(calm: &mut Calm, from: i64, until: i64) -> Timestamp {
    for second in from..=until {
        calm.read(Timestamp(second * 1_000), &whole());
    }
    Timestamp(until * 1_000)
}

#[test]
fn it_is_calm_thirty_seconds_after_the_first_reading() {
    let mut calm = Calm::default();
    let almost = read_on(&mut calm, 100, 129);
    assert_eq!(calm.since(almost), None);
    let now = read_on(&mut calm, 130, 130);
    assert_eq!(calm.since(now), Some(Timestamp(100_000)));
    assert_eq!(
        calm.masters,
        [Incarnation(1), Incarnation(2)],
        "workers own nothing"
    );
}

/// A reading that differs from the others in one thing.
type Change = fn(&mut Membership);

#[test]
fn whoever_comes_goes_drains_or_is_missed_begins_the_calm_anew() {
    let changes: [(&str, Change); 5] = [
        ("somebody went", |all| Arc::make_mut(&mut all.living).truncate(2)),
        ("somebody came", |all| {
            let living = Arc::make_mut(&mut all.living);
            let mut new = living[1].clone();
            new.member.incarnation = Incarnation(4);
            living.push(new);
        }),
        ("somebody drains", |all| {
            Arc::make_mut(&mut all.living)[1].member.state = MemberState::Draining;
        }),
        ("somebody is suspected", |all| {
            all.suspects.push(Suspect {
                incarnation: Incarnation(2),
                missed_ms: 1,
                without_registry: false,
            });
        }),
        ("the registry shows less than the store", |all| {
            all.is_whole = false
        }),
    ];
    for (what, change) in changes {
        let mut calm = Calm::default();
        read_on(&mut calm, 100, 160);
        let mut changed = whole();
        change(&mut changed);
        calm.read(Timestamp(161_000), &changed);
        assert_eq!(calm.since(Timestamp(161_000)), None, "{what}");
        let almost = read_on(&mut calm, 162, 190);
        assert_eq!(calm.since(almost), None, "{what}");
        let now = read_on(&mut calm, 191, 192);
        assert!(calm.since(now).is_some(), "{what}, and it is long ago");
    }
}

#[test]
fn a_pause_of_the_readings_is_no_calm() {
    let mut calm = Calm::default();
    let last = read_on(&mut calm, 100, 160);
    assert!(calm.since(last.plus(PAUSE_MS)).is_some());
    assert_eq!(
        calm.since(last.plus(PAUSE_MS + 1)),
        None,
        "nobody knows what has changed"
    );
    let after = read_on(&mut calm, 164, 193);
    assert_eq!(calm.since(after), None);
    let now = read_on(&mut calm, 194, 194);
    assert!(calm.since(now).is_some());
}
