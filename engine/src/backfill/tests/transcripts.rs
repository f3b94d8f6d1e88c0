//! Whole stories, line by line: what happens, and the backfill and its dates after it.

use super::fixture::*;
use crate::backfill::*;
use crate::ids::InstanceId;
use crate::states::InstanceState;

type Step<'a> = (&'a str, &'a dyn Fn(&mut World));

/// Takes the steps one by one, lets dates start after each, and writes down what is made of it.
fn transcript(world: &mut World, steps: &[Step<'_>]) -> String {
    let mut lines = String::new();
    for (name, step) in steps {
        step(world);
        world.settle();
        lines.push_str(&format!("{name} = {}\n", world.line()));
    }
    lines
}

fn ends(position: usize, state: InstanceState) -> impl Fn(&mut World) {
    move |world| world.instance_becomes(position, state)
}

fn applied(command: BackfillCommand) -> impl Fn(&mut World) {
    move |world| _ = world.command(command).unwrap()
}

fn refused(command: BackfillCommand) -> impl Fn(&mut World) {
    move |world| _ = world.command(command).unwrap_err()
}

fn nothing(_: &mut World) {}

#[test]
fn dates_start_in_their_order_as_places_become_free() {
    let mut world = World::new(4, record(2));
    let lines = transcript(
        &mut world,
        &[
            ("made", &nothing),
            ("1 succeeds", &ends(1, InstanceState::Succeeded)),
            ("0 is paused", &ends(0, InstanceState::Paused)),
            ("2 fails", &ends(2, InstanceState::Failed)),
            ("3 succeeds", &ends(3, InstanceState::Succeeded)),
            ("0 is stopped", &ends(0, InstanceState::Stopped)),
            ("2 is recovered by hand", &ends(2, InstanceState::Running)),
            ("2 succeeds", &ends(2, InstanceState::Succeeded)),
            ("0 is rerun by hand", &ends(0, InstanceState::Queued)),
            ("0 succeeds", &ends(0, InstanceState::Succeeded)),
        ],
    );
    assert_eq!(
        lines,
        "\
made = running: running running waiting waiting
1 succeeds = running: running succeeded running waiting
0 is paused = running: running succeeded running waiting
2 fails = running: running succeeded failed running
3 succeeds = running: running succeeded failed succeeded
0 is stopped = failed: stopped succeeded failed succeeded
2 is recovered by hand = running: stopped succeeded running succeeded
2 succeeds = failed: stopped succeeded succeeded succeeded
0 is rerun by hand = running: running succeeded succeeded succeeded
0 succeeds = succeeded: succeeded succeeded succeeded succeeded
"
    );
}

#[test]
fn a_paused_backfill_starts_nothing_and_another_parallelism_holds_from_the_next_date_on() {
    let mut world = World::new(6, record(2));
    let lines = transcript(
        &mut world,
        &[
            ("made", &nothing),
            ("resume is refused", &refused(BackfillCommand::Resume)),
            ("pause", &applied(BackfillCommand::Pause)),
            ("pause again is refused", &refused(BackfillCommand::Pause)),
            ("0 succeeds", &ends(0, InstanceState::Succeeded)),
            ("parallelism 1", &applied(BackfillCommand::SetParallelism(1))),
            ("resume", &applied(BackfillCommand::Resume)),
            ("1 succeeds", &ends(1, InstanceState::Succeeded)),
            ("parallelism 3", &applied(BackfillCommand::SetParallelism(3))),
        ],
    );
    assert_eq!(
        lines,
        "\
made = running: running running waiting waiting waiting waiting
resume is refused = running: running running waiting waiting waiting waiting
pause = paused: running running waiting waiting waiting waiting
pause again is refused = paused: running running waiting waiting waiting waiting
0 succeeds = paused: succeeded running waiting waiting waiting waiting
parallelism 1 = paused: succeeded running waiting waiting waiting waiting
resume = running: succeeded running waiting waiting waiting waiting
1 succeeds = running: succeeded succeeded running waiting waiting waiting
parallelism 3 = running: succeeded succeeded running running running waiting
"
    );
}

#[test]
fn a_cancelled_backfill_lets_run_what_runs_and_a_retry_runs_the_rest() {
    let mut world = World::new(4, record(2));
    let cancel = BackfillCommand::Cancel(StopMode::LetRun);
    let lines = transcript(
        &mut world,
        &[
            ("made", &nothing),
            (
                "retry is refused",
                &refused(BackfillCommand::Retry { version: None }),
            ),
            ("0 succeeds", &ends(0, InstanceState::Succeeded)),
            ("cancel", &applied(cancel)),
            ("cancel again", &applied(cancel)),
            ("pause is refused", &refused(BackfillCommand::Pause)),
            ("1 fails", &ends(1, InstanceState::Failed)),
            ("2 succeeds", &ends(2, InstanceState::Succeeded)),
            ("retry", &applied(BackfillCommand::Retry { version: Some(2) })),
            ("1 succeeds", &ends(1, InstanceState::Succeeded)),
            ("3 succeeds", &ends(3, InstanceState::Succeeded)),
            ("cancel is refused", &refused(cancel)),
        ],
    );
    assert_eq!(
        lines,
        "\
made = running: running running waiting waiting
retry is refused = running: running running waiting waiting
0 succeeds = running: succeeded running running waiting
cancel = cancelled: succeeded running running not_run
cancel again = cancelled: succeeded running running not_run
pause is refused = cancelled: succeeded running running not_run
1 fails = cancelled: succeeded failed running not_run
2 succeeds = cancelled: succeeded failed succeeded not_run
retry = running: succeeded running succeeded running
1 succeeds = running: succeeded succeeded succeeded running
3 succeeds = succeeded: succeeded succeeded succeeded succeeded
cancel is refused = succeeded: succeeded succeeded succeeded succeeded
"
    );
    assert_eq!(world.backfill.record.version, 2);
}

#[test]
fn a_failure_closes_what_has_not_started_when_the_backfill_says_so() {
    let mut world = World::new(
        4,
        BackfillRecord {
            on_failure: OnFailure::Stop,
            ..record(2)
        },
    );
    let lines = transcript(
        &mut world,
        &[
            ("made", &nothing),
            ("0 is stopped", &ends(0, InstanceState::Stopped)),
            ("1 succeeds", &ends(1, InstanceState::Succeeded)),
            ("retry", &applied(BackfillCommand::Retry { version: None })),
            ("pause", &applied(BackfillCommand::Pause)),
            ("2 fails", &ends(2, InstanceState::Failed)),
        ],
    );
    assert_eq!(
        lines,
        "\
made = running: running running waiting waiting
0 is stopped = running: stopped running not_run not_run
1 succeeds = failed: stopped succeeded not_run not_run
retry = running: running succeeded running waiting
pause = paused: running succeeded running waiting
2 fails = paused: running succeeded failed not_run
"
    );
}

#[test]
fn a_date_whose_instance_exists_is_skipped_when_its_turn_comes() {
    let mut world = World::new(
        4,
        BackfillRecord {
            existing: ExistingPolicy::SkipAll,
            ..record(1)
        },
    );
    world.existing = vec![(0, InstanceId(90)), (3, InstanceId(93))];
    let lines = transcript(
        &mut world,
        &[
            ("made", &nothing),
            ("1 succeeds", &ends(1, InstanceState::Succeeded)),
            ("2 succeeds", &ends(2, InstanceState::Succeeded)),
            ("its instance is rerun", &ends(3, InstanceState::Running)),
        ],
    );
    assert_eq!(
        lines,
        "\
made = running: skipped running waiting waiting
1 succeeds = running: skipped succeeded running waiting
2 succeeds = succeeded: skipped succeeded succeeded skipped
its instance is rerun = succeeded: skipped succeeded succeeded skipped
"
    );
    let skipped = &world.backfill.dates[3];
    assert_eq!(skipped.instance, Some(InstanceId(93)));
    assert_eq!(
        skipped.reason.as_deref(),
        Some("instance 93 exists for this date")
    );
}

#[test]
fn an_obstacle_is_the_reason_of_the_backfill_until_it_is_gone() {
    let mut world = World::new(2, record(1));
    world.obstacle = Some("workflow `w` is disabled".to_owned());
    world.settle();
    assert_eq!(world.line(), "running: waiting waiting");
    assert_eq!(
        world.backfill.record.reason.as_deref(),
        Some("workflow `w` is disabled")
    );
    assert!(
        world.settle().iter().all(BackfillChanges::is_empty),
        "nothing new is stored"
    );
    world.obstacle = None;
    world.settle();
    assert_eq!(world.line(), "running: running waiting");
    assert_eq!(world.backfill.record.reason, None);
}

#[test]
fn a_dependent_runs_after_its_dates_or_not_at_all() {
    let mut world = World::new(2, record(2)).with_dependent();
    let lines = transcript(
        &mut world,
        &[
            ("made", &nothing),
            ("1 succeeds", &ends(1, InstanceState::Succeeded)),
            ("0 fails", &ends(0, InstanceState::Failed)),
            ("retry", &applied(BackfillCommand::Retry { version: None })),
            ("0 succeeds", &ends(0, InstanceState::Succeeded)),
            ("the dependent succeeds", &ends(2, InstanceState::Succeeded)),
        ],
    );
    assert_eq!(
        lines,
        "\
made = running: running running waiting
1 succeeds = running: running succeeded waiting
0 fails = failed: failed succeeded not_run
retry = running: running succeeded waiting
0 succeeds = running: succeeded succeeded running
the dependent succeeds = succeeded: succeeded succeeded succeeded
"
    );
}

#[test]
fn a_dependent_of_a_date_that_was_skipped_for_a_failed_instance_is_skipped() {
    let skip_all = BackfillRecord {
        existing: ExistingPolicy::SkipAll,
        ..record(2)
    };
    let mut world = World::new(1, skip_all).with_dependent();
    world.existing = vec![(0, InstanceId(90))];
    world.skipped_for_failure = true;
    world.settle();
    assert_eq!(world.line(), "succeeded: skipped skipped");
    assert!(world.backfill.dates[1].reason.is_some());
}

#[test]
fn a_refusal_says_what_is_possible() {
    let mut world = World::new(1, record(1));
    let refusal = world.command(BackfillCommand::Resume).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "resume cannot apply while the backfill is running; possible: pause, parallelism, cancel"
    );
    world.settle();
    world.instance_becomes(0, InstanceState::Succeeded);
    let refusal = world.command(BackfillCommand::Pause).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "pause cannot apply while the backfill is succeeded; possible: nothing"
    );
}

#[test]
fn only_a_cancel_that_says_so_stops_what_runs() {
    let mut world = World::new(2, record(1));
    world.settle();
    let changes = world.command(BackfillCommand::Cancel(StopMode::LetRun)).unwrap();
    assert!(!changes.stops_instances);
    let changes = world
        .command(BackfillCommand::Cancel(StopMode::StopRunning))
        .unwrap();
    assert!(changes.stops_instances);
    world.instance_becomes(0, InstanceState::Stopped);
    let changes = world
        .command(BackfillCommand::Cancel(StopMode::StopRunning))
        .unwrap();
    assert!(changes.is_empty());
}
