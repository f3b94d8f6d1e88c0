//! Stories of edges: what is skipped, what never starts, which failures stand.

use super::fixture::*;
use crate::attempt::AttemptResult;
use crate::ids::TaskIndex;
use crate::spec::model::TaskDefinition;
use crate::states::{Command, OperationStatus, Scope};

fn reason(world: &World, task_index: u32) -> String {
    world.row(task_index).reason.clone().expect("it has a reason")
}

#[test]
fn each_edge_decides_by_what_became_of_its_predecessor() {
    let mut world = World::of(vec![
        task("bad", &[]),
        task("plain", &[0]),
        on_failure(&[0], task("handler", &[])),
        on_settled(&[1], task("cleanup", &[])),
        on_failure(&[1], task("after-none", &[])),
    ]);
    world.fail(0);
    assert_eq!(world.line(), "running failed not_run waiting waiting not_run");
    assert_eq!(
        reason(&world, 1),
        "task `bad` is failed; this task waits for its success"
    );
    assert_eq!(
        reason(&world, 4),
        "task `plain` cannot start; this task waits for its failure"
    );
    let mut world = World::of(vec![
        task("good", &[]),
        on_failure(&[0], task("handler", &[])),
        on_settled(&[1], task("cleanup", &[])),
    ]);
    world.succeed(0);
    assert_eq!(world.line(), "succeeded succeeded skipped skipped");
    assert_eq!(
        reason(&world, 1),
        "task `good` succeeded; this task runs after its failure only"
    );
    assert!(reason(&world, 2).contains("`handler`"));
    assert!(
        world
            .transitions
            .iter()
            .all(|step| step.task_index != Some(TaskIndex(1))),
        "a task that never started has no entries"
    );
}

#[test]
fn a_dead_edge_decides_while_other_predecessors_run() {
    let mut world = World::of(vec![task("bad", &[]), task("slow", &[]), task("join", &[0, 1])]);
    world.fail(0);
    assert_eq!(world.line(), "running failed waiting not_run");
}

/// What becomes of an instance whose first task fails and all others succeed.
fn after_failure(tasks: Vec<TaskDefinition>) -> String {
    let mut world = World::of(tasks);
    world.fail(0);
    super::properties::run_out(&mut world, &mut |_, _| AttemptResult::Succeeded);
    world.line()
}

#[test]
fn a_failure_stands_until_a_task_that_handles_it_has_started() {
    let bad = || task("bad", &[]);
    let handler = |name: &str| on_failure(&[0], task(name, &[]));
    for (tasks, line) in [
        (vec![bad()], "failed failed"),
        (vec![bad(), handler("h")], "succeeded failed succeeded"),
        (
            vec![bad(), on_settled(&[0], task("d", &[]))],
            "failed failed succeeded",
        ),
        (
            vec![bad(), handler("h"), task("lost", &[0])],
            "failed failed succeeded not_run",
        ),
        (
            vec![bad(), handler("h"), forbidden(task("lost", &[0]))],
            "failed failed succeeded not_run",
        ),
        (
            vec![bad(), task("b", &[]), on_failure(&[0, 1], task("h", &[]))],
            "failed failed succeeded skipped",
        ),
        (
            vec![
                bad(),
                task("b", &[]),
                on_failure(&[0, 1], task("h", &[])),
                handler("g"),
            ],
            "succeeded failed succeeded skipped succeeded",
        ),
        (vec![bad(), forbidden(handler("h"))], "succeeded failed not_run"),
    ] {
        assert_eq!(after_failure(tasks), line);
    }
}

#[test]
fn strategy_end_waits_while_a_failure_can_still_be_handled() {
    let mut world = World::ending(vec![
        task("bad", &[]),
        task("slow", &[]),
        on_failure(&[0, 1], task("handler", &[])),
        task("other", &[]),
        task("after", &[3]),
    ]);
    world.fail(0);
    world.run(3);
    assert_eq!(world.line(), "running failed waiting pending running pending");
    world.succeed(1);
    assert_eq!(world.line(), "running failed succeeded skipped running pending");
    world.end(3, AttemptResult::Killed);
    assert_eq!(world.line(), "failed failed succeeded skipped killed not_run");
}

#[test]
fn while_pausing_only_a_failure_that_stands_ends_the_instance() {
    let tasks = || vec![task("bad", &[]), on_failure(&[0], task("handler", &[]))];
    let mut world = World::of(tasks());
    world.run(0);
    world.command(Command::Pause);
    world.end(0, AttemptResult::Failed);
    assert_eq!(world.line(), "paused failed not_run");
    world.command(Command::Resume);
    world.succeed(1);
    assert_eq!(world.line(), "succeeded failed succeeded");

    let mut world = World::of([tasks(), vec![task("plain", &[0])]].concat());
    world.run(0);
    world.command(Command::Pause);
    world.end(0, AttemptResult::Failed);
    assert_eq!(world.line(), "failed failed not_run not_run");
}

#[test]
fn a_task_that_is_skipped_stays_so_over_a_pause() {
    let mut world = World::of(vec![
        task("good", &[]),
        task("waits", &[]),
        on_failure(&[0], task("handler", &[])),
        on_failure(&[1], task("later", &[])),
    ]);
    world.succeed(0);
    world.command(Command::Pause);
    assert_eq!(world.line(), "paused succeeded not_run skipped not_run");
    let event = world.command_event(Command::Resume, None);
    let (changes, _) = world.batch(&[event]);
    assert_eq!(world.line(), "running succeeded waiting skipped pending");
    let touched: Vec<u32> = changes.tasks.keys().map(|task_index| task_index.0).collect();
    assert_eq!(touched, [1]);
}

#[test]
fn what_follows_a_task_that_was_killed_while_pausing_is_decided_again() {
    let mut world = World::of(vec![task("a", &[]), task("plain", &[0])]);
    world.run(0);
    world.command(Command::Pause);
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "paused killed not_run");
    assert!(reason(&world, 1).contains("`a` is killed"));
    world.command(Command::Resume);
    assert_eq!(world.line(), "running waiting pending");
    world.succeed(0);
    world.succeed(1);
    assert_eq!(world.line(), "succeeded succeeded succeeded");
}

#[test]
fn a_result_that_crosses_a_stop_still_skips() {
    let mut world = World::of(vec![task("a", &[]), on_failure(&[0], task("handler", &[]))]);
    world.run(0);
    world.command(Command::Stop);
    world.end(0, AttemptResult::Succeeded);
    assert_eq!(world.line(), "succeeded succeeded skipped");
}

#[test]
fn a_stop_settles_nothing() {
    let mut world = World::of(vec![
        task("w", &[]),
        on_failure(&[0], task("handler", &[])),
        task("after", &[0]),
        task("b", &[]),
        task("p", &[3]),
    ]);
    world.fail(3);
    world.run(0);
    world.command(Command::Stop);
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "stopped killed not_run not_run failed not_run");
    assert_eq!(
        world.state.rows.tasks.len(),
        3,
        "what follows the killed task has no row"
    );
    world.command(Command::Resume);
    assert_eq!(world.line(), "running waiting pending pending failed not_run");
    world.succeed(0);
    world.succeed(2);
    assert_eq!(world.line(), "failed succeeded skipped succeeded failed not_run");
    assert_eq!(world.force(3), OperationStatus::Applied);
    assert_eq!(
        world.line(),
        "failed succeeded skipped succeeded forced_success not_run"
    );
    world.command(Command::Recover);
    world.succeed(4);
    assert_eq!(
        world.line(),
        "succeeded succeeded skipped succeeded forced_success succeeded"
    );
}

#[test]
fn recover_decides_anew_what_follows_and_keeps_handled_failures() {
    let mut world = World::of(vec![
        task("a", &[]),
        task("plain", &[0]),
        on_failure(&[0], task("handler", &[])),
        on_settled(&[2], task("end", &[])),
        task("f", &[]),
        on_failure(&[4], task("f-handler", &[])),
    ]);
    for task_index in [0, 4] {
        world.fail(task_index);
    }
    for task_index in [2, 3, 5] {
        world.succeed(task_index);
    }
    assert_eq!(
        world.line(),
        "failed failed not_run succeeded succeeded failed succeeded"
    );
    world.command(Command::Recover);
    world.succeed(0);
    world.succeed(1);
    assert_eq!(
        world.line(),
        "succeeded succeeded succeeded skipped skipped failed succeeded"
    );
    let attempts = [0, 1, 2, 3, 4, 5].map(|task_index| world.row(task_index).attempts);
    assert_eq!(attempts, [2, 1, 1, 1, 1, 1]);
    let of_handler = world
        .transitions
        .iter()
        .filter(|step| step.task_index == Some(TaskIndex(2)));
    let last: Vec<String> = of_handler.map(ToString::to_string).skip(4).collect();
    assert_eq!(
        last,
        [
            "2 succeeded -> pending: recovered",
            "2 pending -> skipped: task `a` succeeded; this task runs after its failure only",
        ]
    );
}

#[test]
fn what_follows_a_forced_task_is_decided_by_the_next_recover() {
    let mut world = World::of(vec![
        task("z", &[]),
        task("forced", &[0]),
        task("s", &[1]),
        on_failure(&[1], task("f", &[])),
        on_settled(&[1], task("d", &[])),
    ]);
    world.fail(0);
    world.succeed(4);
    assert_eq!(world.line(), "failed failed not_run not_run not_run succeeded");
    world.force(1);
    assert_eq!(
        world.line(),
        "failed failed forced_success not_run not_run succeeded"
    );
    world.command(Command::Recover);
    world.succeed(0);
    world.succeed(2);
    assert_eq!(
        world.line(),
        "succeeded succeeded forced_success succeeded skipped succeeded"
    );
    assert_eq!(
        world.row(4).attempts,
        1,
        "it has run, and follows a forced task only"
    );
}

#[test]
fn a_disabled_task_is_decided_like_any_other() {
    let after = |off: TaskDefinition| {
        vec![
            task("a", &[]),
            forbidden(off),
            task("s", &[1]),
            on_failure(&[1], task("f", &[])),
            on_settled(&[1], task("d", &[])),
        ]
    };
    assert_eq!(
        after_failure(after(task("off", &[0]))),
        "failed failed not_run not_run not_run succeeded"
    );
    let mut world = World::of(after(task("off", &[0])));
    world.succeed(0);
    assert_eq!(world.line(), "running succeeded not_run waiting skipped waiting");
    assert_eq!(reason(&world, 1), "forbidden: the task is not enabled");
    let mut world = World::of(after(on_failure(&[0], task("off", &[]))));
    world.succeed(0);
    assert_eq!(
        world.line(),
        "succeeded succeeded skipped skipped skipped skipped"
    );
}

#[test]
fn edges_to_tasks_outside_the_range_do_not_exist() {
    let tasks = || {
        vec![
            task("pre", &[]),
            task("a", &[0]),
            on_failure(&[1], task("h", &[])),
            task("end", &[2]),
        ]
    };
    for (chosen, scope, line) in [
        ("h", Scope::Only, "succeeded not_run not_run succeeded not_run"),
        ("a", Scope::Only, "failed not_run failed not_run not_run"),
        (
            "a",
            Scope::Downstream,
            "succeeded not_run failed succeeded succeeded",
        ),
    ] {
        let mut start = start();
        start.tasks = vec![chosen.to_owned()];
        start.scope = scope;
        let mut world = World::new(workflow(tasks()), start);
        world.send(crate::instance::Event::Loaded);
        let play = |world: &mut World| {
            super::properties::run_out(world, &mut |task_index, _| match task_index.0 {
                1 => AttemptResult::Failed,
                _ => AttemptResult::Succeeded,
            });
        };
        play(&mut world);
        assert_eq!(world.line(), line);
        world.command(Command::Rerun);
        play(&mut world);
        assert_eq!(world.line(), line, "again");
    }
}
