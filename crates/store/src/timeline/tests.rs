//! Which histories diverge, and which only continue.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected should fail")]

use super::*;

const THIS_NODE: Incarnation = Incarnation(3);

fn timeline(system: &str, timeline: i64) -> DatabaseTimeline {
    DatabaseTimeline {
        system: system.to_owned(),
        timeline,
    }
}

fn joined_monitor() -> TimelineMonitor {
    let monitor = TimelineMonitor::default();
    monitor.start((THIS_NODE, Generation(1)), Some(timeline("7", 1)));
    monitor
}

#[test]
fn a_promotion_and_a_move_diverge() {
    let before = timeline("7", 2);
    assert_eq!(timeline("7", 2).divergence_from(&before), None);
    let why = |now: DatabaseTimeline| now.divergence_from(&before).unwrap();
    assert!(why(timeline("7", 3)).contains("timeline 2, now 3"));
    assert!(why(timeline("8", 2)).contains("system identifier 7, now 8"));
}

#[test]
fn a_database_with_fewer_heartbeats_than_were_acknowledged_has_lost_commits() {
    let monitor = joined_monitor();
    monitor.acknowledge_heartbeat(THIS_NODE, 5);
    let joined = monitor.joined().unwrap();
    assert_eq!(joined.lost_by(Some(5)), None);
    assert_eq!(joined.lost_by(Some(6)), None, "one whose answer was lost");
    let why = joined.lost_by(Some(4)).unwrap();
    assert!(why.contains("commits of the incarnation 3"), "{why}");
    assert!(joined.lost_by(None).is_some(), "it does not even know the join");
}

#[test]
fn a_monitor_counts_the_heartbeats_of_its_own_incarnation_only() {
    let monitor = TimelineMonitor::default();
    monitor.acknowledge_heartbeat(THIS_NODE, 5);
    assert_eq!(monitor.joined(), None, "nothing was joined yet");
    let monitor = joined_monitor();
    monitor.acknowledge_heartbeat(Incarnation(4), 9);
    assert_eq!(monitor.acknowledged_heartbeats(THIS_NODE), 0);
    monitor.acknowledge_heartbeat(THIS_NODE, 2);
    monitor.acknowledge_heartbeat(THIS_NODE, 1);
    assert_eq!(monitor.acknowledged_heartbeats(THIS_NODE), 2, "it never falls");
    assert_eq!(monitor.acknowledged_heartbeats(Incarnation(4)), 0);
}

/// The heartbeat that is acknowledged while a connection is read is missing in what was read.
#[test]
fn a_connection_is_compared_with_what_was_acknowledged_before_it_was_read() {
    let monitor = joined_monitor();
    monitor.acknowledge_heartbeat(THIS_NODE, 5);
    let before_the_read = monitor.joined().unwrap();
    monitor.acknowledge_heartbeat(THIS_NODE, 6);
    assert_eq!(before_the_read.lost_by(Some(5)), None);
}

#[test]
fn a_monitor_keeps_the_first_divergence() {
    let monitor = joined_monitor();
    monitor.record_divergence("first");
    monitor.record_divergence("second");
    assert_eq!(monitor.progress().divergence.as_deref(), Some("first"));
}
