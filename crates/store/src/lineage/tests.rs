//! What is another line of history, and what is only time that went by.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected should fail")]

use super::*;

fn lineage(system: &str, timeline: i64, flushed: i64) -> Lineage {
    Lineage {
        system: system.to_owned(),
        timeline,
        flushed,
    }
}

#[test]
fn a_promotion_a_move_and_a_shorter_history_depart_and_progress_does_not() {
    let before = lineage("7", 2, 1_000);
    assert_eq!(lineage("7", 2, 1_000).departs_from(&before), None);
    assert_eq!(lineage("7", 2, 5_000).departs_from(&before), None);
    let why = |now: Lineage| now.departs_from(&before).unwrap();
    assert!(why(lineage("7", 3, 5_000)).contains("timeline 2, now 3"));
    assert!(why(lineage("8", 2, 5_000)).contains("system identifier 7, now 8"));
    assert!(why(lineage("7", 2, 999)).contains("1 bytes less"));
}

#[test]
fn a_watch_compares_with_the_most_that_it_has_seen_and_keeps_the_first_departure() {
    let watch = Watch::default();
    assert_eq!(watch.see(lineage("7", 1, 10)), None, "nothing was joined yet");
    watch.begin((Incarnation(3), Generation(1)), Some(lineage("7", 1, 100)));
    assert_eq!(watch.see(lineage("7", 1, 300)), None);
    assert!(watch.see(lineage("7", 1, 200)).is_some(), "300 were seen");
    assert!(watch.see(lineage("7", 2, 400)).is_some());
    let why = watch.joined().departed.clone().unwrap();
    assert!(why.contains("100 bytes less"), "{why}");
}
