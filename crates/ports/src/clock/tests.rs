use engine::ids::Timestamp;

use crate::clock::{Clock, TimeSource};

const NOW: i64 = 1_000_000;

#[test]
fn an_answer_that_agrees_does_not_step_the_clock_back() {
    let clock = Clock::starting_at(Timestamp(NOW));
    let before = clock.now();
    clock.adjust(Timestamp(NOW - 40), 60_000);
    assert!(clock.now() >= before);
    assert!(
        clock.now().0 < NOW + 30_000,
        "half the round trip is not added either"
    );
}

#[test]
fn a_clock_that_is_behind_is_set_to_the_answer() {
    let clock = Clock::starting_at(Timestamp(NOW));
    clock.adjust(Timestamp(2 * NOW), 10);
    assert!(clock.now() >= Timestamp(2 * NOW));
}

#[test]
fn a_clock_that_is_ahead_is_set_back_to_the_latest_possible_time() {
    let clock = Clock::starting_at(Timestamp(2 * NOW));
    clock.adjust(Timestamp(NOW), 10);
    assert!(clock.now().0 < NOW + 60_000);
}

#[test]
fn a_small_correction_backwards_never_shows() {
    let clock = Clock::starting_at(Timestamp(1_000_000));
    let before = clock.now();
    clock.adjust(Timestamp(1_000_000 - 500), 0);
    assert!(clock.now() >= before);
}

#[test]
fn a_large_correction_is_taken_over_in_both_directions() {
    let clock = Clock::starting_at(Timestamp(10_000_000));
    clock.now();
    clock.adjust(Timestamp(5_000_000), 0);
    assert!(clock.now() < Timestamp(6_000_000));
    clock.adjust(Timestamp(20_000_000), 0);
    assert!(clock.now() >= Timestamp(20_000_000));
}

#[test]
fn a_difference_within_the_round_trip_is_noise() {
    let clock = Clock::starting_at(Timestamp(0));
    clock.adjust(Timestamp(100), 400);
    assert!(clock.now() < Timestamp(200));
}

#[test]
fn the_steps_of_this_machines_clock_are_added_up() {
    let clock = Clock::with_source(Timestamp(NOW), TimeSource::Machine);
    clock.adjust(Timestamp(NOW + 3_600_000), 0);
    let forward = clock.read();
    assert!(forward.now >= Timestamp(NOW + 3_600_000));
    assert!(
        (3_599_900..=3_600_000).contains(&forward.stepped_ms),
        "{forward:?}"
    );
    clock.adjust(Timestamp(NOW), 0);
    let back = clock.read();
    assert!(back.now < Timestamp(NOW + 60_000));
    assert!((-100..=0).contains(&back.stepped_ms), "{back:?}");
}

#[test]
fn a_bridged_correction_moves_no_due_time() {
    let clock = Clock::with_source(Timestamp(NOW), TimeSource::Machine);
    clock.adjust(Timestamp(NOW - 500), 0);
    assert_eq!(clock.read().stepped_ms, 0);
}

#[test]
fn due_times_follow_the_clock_of_a_server() {
    let clock = Clock::starting_at(Timestamp(NOW));
    clock.adjust(Timestamp(2 * NOW), 0);
    assert_eq!(clock.read().stepped_ms, 0);
}
