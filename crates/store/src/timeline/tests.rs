//! Which histories diverge, and which only continue.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected should fail")]

use super::*;

fn timeline(system: &str, timeline: i64, flushed: i64) -> DatabaseTimeline {
    DatabaseTimeline {
        system: system.to_owned(),
        timeline,
        flushed,
    }
}

#[test]
fn a_promotion_a_move_and_a_shorter_history_diverge_and_progress_does_not() {
    let before = timeline("7", 2, 1_000);
    assert_eq!(timeline("7", 2, 1_000).divergence_from(&before), None);
    assert_eq!(timeline("7", 2, 5_000).divergence_from(&before), None);
    let why = |now: DatabaseTimeline| now.divergence_from(&before).unwrap();
    assert!(why(timeline("7", 3, 5_000)).contains("timeline 2, now 3"));
    assert!(why(timeline("8", 2, 5_000)).contains("system identifier 7, now 8"));
    assert!(why(timeline("7", 2, 999)).contains("1 bytes less"));
}

#[test]
fn a_monitor_compares_with_the_most_that_it_has_seen_and_keeps_the_first_divergence() {
    let monitor = TimelineMonitor::default();
    assert_eq!(
        monitor.observe(timeline("7", 1, 10)),
        None,
        "nothing was joined yet"
    );
    monitor.start((Incarnation(3), Generation(1)), Some(timeline("7", 1, 100)));
    assert_eq!(monitor.observe(timeline("7", 1, 300)), None);
    assert!(monitor.observe(timeline("7", 1, 200)).is_some(), "300 were seen");
    assert!(monitor.observe(timeline("7", 2, 400)).is_some());
    let why = monitor.joined().divergence.clone().unwrap();
    assert!(why.contains("100 bytes less"), "{why}");
}
