//! Golden scenarios; the numbers are those of the conformance list.

use super::fixture::*;
use crate::ids::{Millis, Ordinal};
use crate::instance::{AttemptResult, Effect, Event};
use crate::states::{Outcome, TaskState, Verb};

#[test]
fn scenario_1_a_join_starts_once_after_all_of_its_predecessors() {
    // a -> c, a -> b, b -> d, d -> c
    let mut world = World::of(vec![
        task("a", &[]),
        task("b", &[0]),
        task("c", &[0, 3]),
        task("d", &[1]),
    ]);
    world.succeed(0);
    assert_eq!(world.line(), "running succeeded waiting pending pending");
    world.succeed(1);
    world.succeed(3);
    assert_eq!(world.line(), "running succeeded succeeded waiting succeeded");
    world.succeed(2);
    assert_eq!(world.line(), "succeeded succeeded succeeded succeeded succeeded");
    assert_eq!(world.row(2).attempts, 1);
}

#[test]
fn scenario_11_pause_lets_what_runs_end_and_resume_runs_the_rest() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[]), task("c", &[0])]);
    world.run(0);
    assert_eq!(world.verb(Verb::Pause), Outcome::Applied);
    assert_eq!(world.line(), "pausing running not_run not_run");
    world.end(0, AttemptResult::Succeeded);
    assert_eq!(world.line(), "paused succeeded not_run not_run");
    assert_eq!(world.verb(Verb::Resume), Outcome::Applied);
    assert_eq!(world.line(), "running succeeded waiting waiting");
    world.succeed(1);
    world.succeed(2);
    assert_eq!(world.line(), "succeeded succeeded succeeded succeeded");
    assert_eq!(world.row(0).attempts, 1);
    assert_eq!(world.state.header.run.0, 1);
}

#[test]
fn scenario_12_stop_ends_at_once_when_nothing_is_at_a_worker() {
    let mut world = World::of(vec![task("a", &[]), noop("b", &[])]);
    assert_eq!(world.verb(Verb::Stop), Outcome::Applied);
    assert_eq!(world.line(), "stopped not_run killed");
}
