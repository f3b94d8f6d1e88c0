//! Commands about one task.

use super::fixture::*;
use crate::attempt::{AttemptEvent, AttemptResult};
use crate::ids::TaskIndex;
use crate::instance::{
    CommandArguments, Effect, EndedInstance, Event, Operation, find_refusal, preview_command,
};
use crate::overrides::TaskOverrides;
use crate::spec::model::{Output, TaskDefinition};
use crate::spec::values::ParamType;
use crate::start::Start;
use crate::states::{AttemptState, Command, KillCause, OperationStatus, Priority, Scope};
use crate::task::TaskReport;

const APPLIED: OperationStatus = OperationStatus::Applied;

impl World {
    fn on(&mut self, command: Command, task_index: u32) -> OperationStatus {
        self.command_on(command, Some(TaskIndex(task_index)))
    }

    fn skip(&mut self, task_index: u32) {
        assert_eq!(self.on(Command::SkipTask, task_index), APPLIED);
    }

    fn kill(&mut self, task_index: u32) {
        assert_eq!(self.on(Command::KillTask, task_index), APPLIED);
    }

    fn operation(&mut self, command: Command, task: Option<u32>, arguments: CommandArguments) -> Operation {
        match self.command_event(command, task.map(TaskIndex)) {
            Event::Command(operation) => Operation {
                arguments,
                ..operation
            },
            _ => panic!("a command is an operation"),
        }
    }

    fn apply_with(&mut self, command: Command, task: Option<u32>, arguments: CommandArguments) {
        let operation = self.operation(command, task, arguments);
        let preview = preview_command(&self.plan, &self.state, &operation);
        let (changes, _) = self.batch(&[Event::Command(operation)]);
        assert_eq!(changes.decisions[0].status, APPLIED, "{:?}", changes.decisions);
        assert!(preview.is_ok(), "{preview:?}");
    }

    fn run_scoped(&mut self, task_index: u32, scope: Scope) {
        let arguments = CommandArguments {
            scope: Some(scope),
            ..CommandArguments::default()
        };
        self.apply_with(Command::RunTask, Some(task_index), arguments);
    }

    fn retry(&mut self, task_index: u32) {
        self.apply_with(Command::RetryTask, Some(task_index), CommandArguments::default());
    }

    fn previewed(&mut self, command: Command, task: Option<u32>) -> Result<String, String> {
        let operation = self.operation(command, task, CommandArguments::default());
        let tasks = preview_command(&self.plan, &self.state, &operation)?;
        let named = tasks.iter().filter_map(|o| self.plan.definition.task(*o));
        Ok(named.map(|task| task.name.as_str()).collect())
    }

    fn reason(&self, task_index: u32) -> &str {
        self.row(task_index).reason.as_deref().unwrap_or_default()
    }

    fn lose(&mut self, task_index: u32) {
        let uid = self.uid(task_index);
        let reason = "worker w1 is gone".to_owned();
        let event = AttemptEvent::Lost { reason };
        self.send(Event::Report(TaskReport::Attempt { uid, event }));
    }
}

fn with_default(task: TaskDefinition) -> TaskDefinition {
    let outputs = vec![Output {
        name: "rows".to_owned(),
        kind: ParamType::Integer,
        default: Some("7".to_owned()),
    }];
    TaskDefinition { outputs, ..task }
}

#[test]
fn a_killed_task_is_not_retried_and_its_instance_continues_as_after_a_failure() {
    let mut world = World::of(vec![
        with_retries(3, 100, task("a", &[])),
        task("after", &[0]),
        on_failure(&[0], task("handler", &[])),
        task("keep", &[]),
    ]);
    world.run(0);
    world.kill(0);
    assert_eq!(world.line(), "running running pending pending waiting");
    assert_eq!(
        world.reason(0),
        "killed by ann; waits for its worker to confirm the kill"
    );
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "running killed not_run waiting waiting");
    assert_eq!(world.reason(0), "killed by ann");
    world.succeed(2);
    world.succeed(3);
    assert_eq!(world.line(), "failed killed not_run succeeded succeeded");
}

#[test]
fn a_failure_that_crosses_a_kill_is_not_retried_and_a_success_stays_one() {
    for (result, line) in [
        (AttemptResult::Failed, "failed killed"),
        (AttemptResult::TimedOut, "failed killed"),
        (AttemptResult::Succeeded, "succeeded succeeded"),
    ] {
        let mut world = World::of(vec![with_retries(3, 100, task("a", &[]))]);
        world.run(0);
        world.kill(0);
        world.end(0, result);
        assert_eq!(world.line(), line);
    }
}

#[test]
fn a_kill_takes_the_place_of_a_time_limit() {
    let mut limited = with_retries(3, 100, task("a", &[]));
    limited.timeout_ms = Some(1000);
    let mut world = World::of(vec![limited]);
    world.run(0);
    world.pass(1000);
    let cause = |world: &World| {
        world
            .row(0)
            .attempt
            .as_ref()
            .and_then(|attempt| attempt.kill_cause)
    };
    assert_eq!(cause(&world), Some(KillCause::Timeout));
    world.kill(0);
    assert_eq!(cause(&world), Some(KillCause::Kill));
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "failed killed");
}

#[test]
fn a_wait_for_the_next_attempt_is_killed_at_once() {
    let mut world = World::of(vec![
        with_retries(3, 3_600_000, task("a", &[])),
        task("keep", &[]),
    ]);
    world.fail(0);
    assert_eq!(world.line(), "running waiting_retry waiting");
    world.kill(0);
    assert_eq!(world.line(), "running killed waiting");
    world.succeed(1);
    assert_eq!(world.line(), "failed killed succeeded");
}

#[test]
fn a_kill_while_pausing_is_a_failure() {
    let mut world = World::of(vec![task("a", &[]), task("keep", &[]), task("next", &[1])]);
    world.run(0);
    world.run(1);
    world.command(Command::Pause);
    world.kill(0);
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "pausing killed running not_run");
    world.end(1, AttemptResult::Succeeded);
    assert_eq!(world.line(), "failed killed succeeded not_run");
    let mut world = World::of(vec![with_retries(3, 3_600_000, task("a", &[]))]);
    world.fail(0);
    world.command(Command::Pause);
    assert_eq!(world.on(Command::KillTask, 0), OperationStatus::Refused);
}

#[test]
fn a_skipped_task_succeeds_by_name_with_its_default_outputs_whatever_its_attempt_says() {
    for result in [
        AttemptResult::Succeeded,
        AttemptResult::Failed,
        AttemptResult::TimedOut,
        AttemptResult::Killed,
    ] {
        let mut world = World::of(vec![
            with_retries(3, 100, with_default(task("a", &[]))),
            task("b", &[0]),
        ]);
        world.run(0);
        world.skip(0);
        assert_eq!(world.line(), "running running pending");
        assert!(world.reason(0).contains("waits for its worker"));
        world.end(0, result);
        assert_eq!(world.line(), "running forced_success waiting");
        assert_eq!(world.reason(0), "skipped by ann");
        assert_eq!(world.row(0).outputs["rows"], "7");
    }
}

#[test]
fn a_skipped_task_succeeds_too_when_its_worker_is_lost_or_never_started_it() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.skip(0);
    world.lose(0);
    assert_eq!(world.line(), "succeeded forced_success");
    assert_eq!(world.row(0).attempt.as_ref().unwrap().state, AttemptState::Lost);
    let mut world = World::of(vec![task("a", &[])]);
    world.grant(0);
    world.skip(0);
    let uid = world.uid(0);
    let reason = "full".to_owned();
    let event = AttemptEvent::NotStarted { reason };
    world.send(Event::Report(TaskReport::Attempt { uid, event }));
    assert_eq!(world.line(), "succeeded forced_success");
}

#[test]
fn a_skip_of_a_waiting_task_gives_its_request_for_a_slot_back() {
    let mut world = World::of(vec![task("a", &[]), task("keep", &[])]);
    let event = world.command_event(Command::SkipTask, Some(TaskIndex(0)));
    let effects = world.send(event);
    let cancelled = Effect::CancelSlot {
        task_index: TaskIndex(0),
    };
    assert!(effects.contains(&cancelled), "{effects:?}");
    assert_eq!(world.line(), "running forced_success waiting");
}

#[test]
fn what_a_failure_closed_is_decided_again_after_a_skip_and_what_ran_stays() {
    let mut world = World::of(vec![
        task("a", &[]),
        task("b", &[0]),
        task("c", &[1]),
        on_failure(&[0], task("handler", &[])),
        on_settled(&[0], task("clean", &[])),
        task("keep", &[]),
    ]);
    world.fail(0);
    assert_eq!(
        world.line(),
        "running failed not_run not_run waiting waiting waiting"
    );
    world.succeed(4);
    world.succeed(3);
    world.skip(0);
    assert_eq!(
        world.line(),
        "running forced_success waiting pending succeeded succeeded waiting"
    );
}

#[test]
fn a_skip_starts_nothing_while_pausing_or_paused() {
    let mut world = World::of(vec![
        task("t", &[]),
        task("u", &[0]),
        task("v", &[1]),
        task("w", &[2]),
    ]);
    world.run(0);
    world.command(Command::Pause);
    world.skip(1);
    assert_eq!(world.line(), "pausing running forced_success not_run not_run");
    world.end(0, AttemptResult::Succeeded);
    assert_eq!(world.line(), "paused succeeded forced_success not_run not_run");
    world.skip(2);
    assert_eq!(
        world.line(),
        "paused succeeded forced_success forced_success not_run"
    );
    world.command(Command::Resume);
    world.succeed(3);
    assert_eq!(
        world.line(),
        "succeeded succeeded forced_success forced_success succeeded"
    );
}

#[test]
fn a_skip_of_a_pausing_instance_does_not_start_an_attempt_that_was_never_sent() {
    let mut world = World::of(vec![task("a", &[]), task("keep", &[])]);
    world.run(1);
    world.grant(0);
    world.command(Command::Pause);
    let uid = world.uid(0);
    let reason = "full".to_owned();
    let event = AttemptEvent::NotStarted { reason };
    world.send(Event::Report(TaskReport::Attempt { uid, event }));
    assert!(world.row(0).has_idle_attempt());
    world.skip(0);
    assert_eq!(world.row(0).attempt.as_ref().unwrap().state, AttemptState::Killed);
    world.end(1, AttemptResult::Succeeded);
    assert_eq!(world.line(), "succeeded forced_success succeeded");
}

#[test]
fn a_skip_in_a_final_instance_acts_like_force_success() {
    let mut world = World::of(vec![task("x", &[]), task("y", &[0])]);
    world.fail(0);
    world.skip(0);
    assert_eq!(world.line(), "failed forced_success not_run");
    world.skip(1);
    assert_eq!(world.line(), "succeeded forced_success forced_success");
    assert_eq!(world.state.record().run.0, 1);
    assert_eq!(world.reason(1), "skipped by ann");
}

#[test]
fn a_stop_after_a_skip_waits_for_the_kill_and_the_task_stays_skipped() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[0])]);
    world.run(0);
    world.skip(0);
    world.command(Command::Stop);
    assert_eq!(world.line(), "stopping running not_run");
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "stopped forced_success not_run");
}

#[test]
fn commands_about_a_task_are_refused_with_the_state_and_what_is_possible() {
    let mut world = World::ending(vec![
        task("hold", &[]),
        task("bad", &[]),
        task("next", &[0]),
        forbidden(task("off", &[])),
    ]);
    let refusal = |world: &mut World, command, task_index| {
        let operation = world.operation(command, Some(task_index), CommandArguments::default());
        find_refusal(&world.plan, &world.state, &operation).unwrap_or_default()
    };
    assert_eq!(
        refusal(&mut world, Command::KillTask, 2),
        "task `next` is pending in an instance that is running; possible for it: skip-task"
    );
    assert_eq!(
        refusal(&mut world, Command::SkipTask, 3),
        "task `off` takes no part in this instance: it is not enabled"
    );
    assert!(refusal(&mut world, Command::SkipTask, 9).contains("no such task"));
    assert_eq!(refusal(&mut world, Command::SkipTask, 2), "");
    world.run(0);
    world.fail(1);
    let ending = "the instance is running and ends as failed; possible: stop";
    assert_eq!(refusal(&mut world, Command::KillTask, 0), ending);
    assert_eq!(refusal(&mut world, Command::SkipTask, 2), ending);
    let before = world.state.clone();
    assert_eq!(world.on(Command::SkipTask, 0), OperationStatus::Refused);
    assert_eq!(world.state.rows.tasks, before.rows.tasks);
}

/// a fails, b and c follow it, d stands alone.
fn failed_chain() -> World {
    let mut world = World::of(vec![
        task("a", &[]),
        task("b", &[0]),
        task("c", &[1]),
        task("d", &[]),
    ]);
    world.fail(0);
    world.succeed(3);
    assert_eq!(world.line(), "failed failed not_run not_run succeeded");
    world
}

#[test]
fn a_run_of_a_task_looks_at_no_edge_from_outside_and_starts_nothing_else() {
    let mut world = failed_chain();
    world.run_scoped(1, Scope::Only);
    assert_eq!(world.line(), "running failed waiting not_run succeeded");
    world.succeed(1);
    assert_eq!(world.line(), "failed failed succeeded not_run succeeded");
    assert_eq!(world.state.record().run.0, 2);
    world.command(Command::Recover);
    assert_eq!(world.line(), "running waiting pending pending succeeded");
    for task_index in 0..3 {
        world.succeed(task_index);
    }
    assert_eq!(world.line(), "succeeded succeeded succeeded succeeded succeeded");
    let attempts: Vec<u32> = (0..4).map(|task_index| world.row(task_index).attempts).collect();
    assert_eq!(attempts, [2, 2, 1, 1]);
}

#[test]
fn the_scope_of_a_run_says_what_runs_beside_the_task() {
    let mut world = failed_chain();
    world.run_scoped(1, Scope::Downstream);
    assert_eq!(world.line(), "running failed waiting pending succeeded");
    world.succeed(1);
    world.succeed(2);
    assert_eq!(world.line(), "failed failed succeeded succeeded succeeded");
    world.run_scoped(2, Scope::Upstream);
    assert_eq!(world.line(), "running waiting pending pending succeeded");
    for task_index in 0..3 {
        world.succeed(task_index);
    }
    assert_eq!(world.line(), "succeeded succeeded succeeded succeeded succeeded");
    world.run_scoped(0, Scope::Only);
    world.fail(0);
    assert_eq!(world.line(), "failed failed succeeded succeeded succeeded");
}

#[test]
fn a_run_after_a_stop_leaves_what_it_is_not_about_alone() {
    let mut world = World::of(vec![task("t", &[]), task("u", &[0]), task("v", &[])]);
    world.run(0);
    world.run(2);
    world.command(Command::Stop);
    world.end(0, AttemptResult::Killed);
    world.end(2, AttemptResult::Killed);
    assert_eq!(world.line(), "stopped killed not_run killed");
    world.run_scoped(0, Scope::Only);
    assert_eq!(world.line(), "running waiting not_run killed");
    world.succeed(0);
    assert_eq!(
        world.line(),
        "failed succeeded not_run killed",
        "a killed task that stays killed is a failure of the new run"
    );
}

#[test]
fn a_run_of_single_tasks_continues_after_a_take_over_and_over_a_pause() {
    let mut world = failed_chain();
    world.run_scoped(1, Scope::Downstream);
    world.command(Command::Pause);
    assert_eq!(world.line(), "paused failed not_run not_run succeeded");
    world.command(Command::Resume);
    assert_eq!(world.line(), "running failed waiting pending succeeded");
    let before = world.line();
    world.send(Event::Loaded);
    assert_eq!(world.line(), before);
    world.succeed(1);
    world.succeed(2);
    assert_eq!(world.line(), "failed failed succeeded succeeded succeeded");
}

#[test]
fn strategy_end_ends_a_run_of_single_tasks_only_for_a_failure_of_its_own() {
    let mut world = World::ending(vec![task("a", &[]), task("b", &[]), task("c", &[])]);
    world.run(1);
    world.run(2);
    world.fail(0);
    world.end(1, AttemptResult::Killed);
    world.end(2, AttemptResult::Killed);
    assert_eq!(world.line(), "failed failed killed killed");
    world.retry(1);
    assert_eq!(world.line(), "running failed waiting killed");
    world.succeed(1);
    assert_eq!(world.line(), "failed failed succeeded killed");
    world.retry(2);
    world.fail(2);
    assert_eq!(world.line(), "failed failed succeeded failed");
}

#[test]
fn a_retry_in_a_running_instance_counts_retries_again_and_reopens_what_was_closed() {
    let mut world = World::of(vec![
        with_retries(1, 3_600_000, task("again", &[])),
        task("bad", &[]),
        task("after", &[1]),
        on_settled(&[1], task("clean", &[])),
        task("keep", &[]),
    ]);
    world.fail(1);
    world.succeed(3);
    world.fail(0);
    assert_eq!(
        world.line(),
        "running waiting_retry failed not_run succeeded waiting"
    );
    world.retry(1);
    assert_eq!(
        world.line(),
        "running waiting_retry waiting pending succeeded waiting"
    );
    world.succeed(1);
    world.succeed(2);
    world.retry(0);
    assert_eq!(
        world.line(),
        "running waiting succeeded succeeded succeeded waiting"
    );
    world.fail(0);
    assert_eq!(
        world.line(),
        "running waiting_retry succeeded succeeded succeeded waiting"
    );
    world.retry(0);
    world.succeed(0);
    world.succeed(4);
    assert_eq!(
        world.line(),
        "succeeded succeeded succeeded succeeded succeeded succeeded"
    );
    assert_eq!(world.state.record().run.0, 1);
}

#[test]
fn a_retry_at_rest_is_a_recover_of_that_task_and_what_follows_it() {
    let mut world = World::of(vec![
        task("x", &[]),
        task("x2", &[0]),
        task("y", &[]),
        task("y2", &[2]),
        task("both", &[0, 2]),
    ]);
    world.fail(0);
    world.fail(2);
    assert_eq!(world.line(), "failed failed not_run failed not_run not_run");
    assert_eq!(world.previewed(Command::RetryTask, Some(0)).unwrap(), "xx2both");
    world.retry(0);
    assert_eq!(
        world.line(),
        "running waiting pending failed not_run not_run",
        "what needs another failure too cannot start"
    );
    world.succeed(0);
    world.succeed(1);
    assert_eq!(world.line(), "failed succeeded succeeded failed not_run not_run");
    assert_eq!(world.state.record().run.0, 2);
}

#[test]
fn overrides_are_merged_and_survive_reruns() {
    let mut world = failed_chain();
    let limit = |ms: i64| CommandArguments {
        overrides: TaskOverrides {
            timeout_ms: Some(ms),
            params: [(ms.to_string(), "x".to_owned())].into(),
            ..TaskOverrides::default()
        },
        ..CommandArguments::default()
    };
    world.apply_with(Command::RetryTask, Some(0), limit(5000));
    world.run(0);
    assert_eq!(world.row(0).due_at, Some(world.now.plus(5000)));
    world.end(0, AttemptResult::Failed);
    world.apply_with(Command::RetryTask, Some(0), limit(70));
    world.run(0);
    assert_eq!(world.row(0).due_at, Some(world.now.plus(70)));
    world.end(0, AttemptResult::Failed);
    world.command(Command::Rerun);
    let overrides = world.row(0).overrides.as_deref().unwrap();
    assert_eq!((overrides.timeout_ms, overrides.params.len()), (Some(70), 2));
}

#[test]
fn previews_name_what_would_be_pending_again() {
    let mut world = failed_chain();
    assert_eq!(world.previewed(Command::Recover, None).unwrap(), "abc");
    assert_eq!(world.previewed(Command::Rerun, None).unwrap(), "abcd");
    assert_eq!(world.previewed(Command::RunTask, Some(1)).unwrap(), "bc");
    assert_eq!(world.previewed(Command::RetryTask, Some(0)).unwrap(), "abc");
    assert!(world.previewed(Command::Resume, None).is_err());
    assert!(world.previewed(Command::RetryTask, Some(3)).is_err());
    let mut world = World::of(vec![task("t", &[]), task("u", &[0])]);
    world.run(0);
    world.command(Command::Stop);
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.previewed(Command::Resume, None).unwrap(), "tu");
    assert_eq!(world.previewed(Command::Recover, None).unwrap(), "tu");
}

#[test]
fn a_priority_holds_for_what_waits_from_then_on() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[0])]);
    let arguments = CommandArguments {
        priority: Some(Priority::Highest),
        ..CommandArguments::default()
    };
    let before = world.effects.len();
    world.apply_with(Command::Priority, None, arguments);
    let again = Effect::RequestSlot {
        task_index: TaskIndex(0),
    };
    assert!(world.effects[before..].contains(&again), "{:?}", world.effects);
    assert_eq!(world.plan.start.priority, Priority::Highest);
    assert_eq!(world.line(), "running waiting pending");
    assert!(world.history().contains("priority highest was set by ann"));
}

#[test]
fn a_rerun_replaces_parameters_by_name() {
    let mut world = failed_chain();
    let arguments = CommandArguments {
        params: [("day".to_owned(), "2".to_owned())].into(),
        ..CommandArguments::default()
    };
    world.apply_with(Command::Rerun, None, arguments);
    assert_eq!(world.plan.start.params["day"], "2");
    assert_eq!(world.line(), "running waiting pending pending waiting");
}

#[test]
fn a_new_instance_takes_over_what_succeeded_and_is_the_same_as_far_as_all_before_it() {
    let earlier = vec![
        task("a", &[]),
        task("b", &[0]),
        task("c", &[0]),
        forbidden(task("off", &[])),
        task("i", &[3]),
        on_failure(&[0], task("h", &[])),
        task("g", &[]),
        task("j", &[5]),
    ];
    let mut world = World::of(earlier);
    world.succeed(0);
    world.fail(1);
    for task_index in [2, 4, 6] {
        world.succeed(task_index);
    }
    assert_eq!(
        world.line(),
        "failed succeeded failed succeeded not_run succeeded skipped succeeded skipped"
    );
    let later = vec![
        with_default(task("a", &[])),
        task("b", &[0]),
        task("c", &[1]),
        forbidden(task("off", &[])),
        task("i", &[3]),
        on_failure(&[0], task("h", &[])),
        noop("g", &[]),
        task("j", &[5]),
    ];
    let next = World::new(workflow(later), Start { ..start() });
    let ended = EndedInstance {
        plan: &world.plan,
        instance: &world.state,
    };
    let rows = ended.reusable_rows(&next.plan);
    let reused: Vec<u32> = rows.keys().map(|task_index| task_index.0).collect();
    assert_eq!(
        reused,
        [0, 4],
        "another need, another type and what failed run again"
    );
    let mut next = next;
    let mut stored = next.state.rows.clone();
    stored.tasks = rows;
    next.state = crate::instance::Instance::load(&next.plan, stored);
    next.send(Event::Loaded);
    assert_eq!(
        next.line(),
        "running succeeded waiting pending not_run succeeded skipped running skipped"
    );
    next.command(Command::Stop);
    next.command(Command::Rerun);
    assert!(next.row(0).reused.is_none(), "a rerun takes nothing over");
}
