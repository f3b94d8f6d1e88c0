//! Stories of tasks that start instances: how they end, what holds them up, whose children an attempt takes over.

use std::collections::BTreeMap;

use serde_json::json;

use super::fixture::{World, start, workflow};
use crate::attempt::FailureKind;
use crate::children::{ChildRefusal, ChildResult, ChildSummary, FanOut};
use crate::ids::{AttemptNumber, InstanceId, TaskIndex};
use crate::instance::Event;
use crate::spec::model::TaskDefinition;
use crate::states::{AttemptState, Command, InstanceState};
use crate::task::{ChildrenSeen, Observation, TaskReport};

/// The task `a` of a document, from its YAML-like flow of keys.
pub(super) fn parsed_task(text: &str) -> TaskDefinition {
    let mut task = serde_json::Map::new();
    for line in text.lines() {
        let (key, value) = line.split_once(": ").expect("a key with a value");
        let value = match value {
            "{ k: [a, b] }" => json!({ "k": ["a", "b"] }),
            "{ max: 1 }" => json!({ "max": 1 }),
            "[row]" => json!(["row"]),
            number if number.parse::<i64>().is_ok() => json!(number.parse::<i64>().expect("a number")),
            text => json!(text),
        };
        task.insert(key.to_owned(), value);
    }
    let document = json!({ "version": 1, "name": "w", "tasks": { "a": task } });
    let mut definition = crate::spec::parse(&document).expect("a valid document");
    definition.tasks.remove(0)
}

pub(super) fn child(index: u32, state: InstanceState) -> ChildSummary {
    ChildSummary {
        index,
        id: InstanceId(i64::from(index) + 100),
        state,
        reason: Some("because".to_owned()),
        has_attention: false,
        is_discarded: false,
    }
}

/// The observation of the one child of a task.
pub(super) fn see_child(state: InstanceState) -> Observation {
    Observation::Children(seen_children(&[state]))
}

fn sub_workflow(more: &str) -> TaskDefinition {
    parsed_task(&format!("type: sub_workflow\nworkflow: part{more}"))
}

fn dynamic(more: &str) -> TaskDefinition {
    parsed_task(&format!(
        "type: dynamic\nworkflow: part\nover: {{ k: [a, b] }}{more}"
    ))
}

fn world_of(task: TaskDefinition) -> World {
    let mut world = World::new(workflow(vec![task]), start());
    world.send(Event::Loaded);
    world
}

fn observe(world: &mut World, seen: ChildrenSeen) {
    world.send(Event::Report(TaskReport::Observed {
        task_index: TaskIndex(0),
        attempt: AttemptNumber(world.row(0).attempts),
        observation: Observation::Children(seen),
    }));
}

/// Reports children in these states by index; those that ended gave `row`.
fn see(world: &mut World, states: &[InstanceState]) {
    observe(world, seen_children(states));
}

fn seen_children(states: &[InstanceState]) -> ChildrenSeen {
    let children: Vec<ChildSummary> = (0..)
        .zip(states)
        .map(|(index, state)| child(index, *state))
        .collect();
    let results = children
        .iter()
        .filter(|child| child.state.is_final())
        .map(|child| {
            let outputs = BTreeMap::from([("row".to_owned(), format!("r{}", child.index))]);
            let result = ChildResult {
                id: child.id,
                state: child.state,
                params: BTreeMap::new(),
                outputs,
            };
            (child.index, result)
        })
        .collect();
    ChildrenSeen {
        results,
        ..ChildrenSeen::new(children)
    }
}

fn since(world: &World) -> Option<u32> {
    let progress = world.row(0).progress.as_ref()?;
    progress.read_detail::<FanOut>().map(|fan_out| fan_out.since.0)
}

fn error(world: &World) -> String {
    let attempt = world.row(0).attempt.as_ref().expect("it has an attempt");
    attempt.error.clone().unwrap_or_default()
}

#[test]
fn a_sub_workflow_ends_as_its_child_does() {
    use InstanceState::{Failed, Running, Stopped, Succeeded};
    for (state, line) in [
        (Succeeded, "succeeded succeeded"),
        (Failed, "failed failed"),
        (Stopped, "failed killed"),
    ] {
        let mut world = world_of(sub_workflow(""));
        see(&mut world, &[Running]);
        assert_eq!(world.line(), "running running");
        see(&mut world, &[state]);
        assert_eq!(world.line(), line);
    }
    let mut world = world_of(sub_workflow(""));
    see(&mut world, &[Succeeded]);
    assert_eq!(world.row(0).outputs["row"], "r0", "outputs are shown always");
}

#[test]
fn a_child_that_never_ran_fails_its_task() {
    let mut world = world_of(sub_workflow(""));
    let discarded = ChildSummary {
        is_discarded: true,
        ..child(0, InstanceState::Stopped)
    };
    observe(&mut world, ChildrenSeen::new(vec![discarded]));
    assert_eq!(world.line(), "failed failed");
    assert!(error(&world).contains("100"), "{}", error(&world));
}

#[test]
fn a_task_waits_with_the_reason_of_a_child_that_is_held_up() {
    let mut world = world_of(sub_workflow(""));
    let reason = |world: &World| world.row(0).reason.clone().unwrap_or_default();
    assert_eq!(reason(&world), "runs an instance of `part`");
    see(&mut world, &[InstanceState::Paused]);
    assert_eq!(reason(&world), "instance 100 is paused");
    see(&mut world, &[InstanceState::Running]);
    assert_eq!(reason(&world), "runs an instance of `part`");
}

#[test]
fn what_cannot_start_fails_with_the_reason_and_is_retried_only_where_that_helps() {
    for (failure, state) in [
        (FailureKind::Permanent, "failed failed"),
        (FailureKind::Transient, "running waiting_retry"),
    ] {
        let mut world = world_of(sub_workflow("\nretry: { max: 1 }"));
        let refusal = ChildRefusal {
            reason: "there is no workflow `part`".to_owned(),
            failure,
        };
        observe(
            &mut world,
            ChildrenSeen {
                refusal: Some(refusal),
                ..ChildrenSeen::default()
            },
        );
        assert_eq!(world.line(), state);
        assert!(error(&world).contains("`part`"));
    }
}

#[test]
fn a_refusal_waits_for_the_children_that_run() {
    use InstanceState::{Running, Succeeded};
    let mut world = world_of(dynamic(""));
    let refused = |state: InstanceState| ChildrenSeen {
        refusal: Some(ChildRefusal {
            reason: "the workflow `part` is disabled".to_owned(),
            failure: FailureKind::Transient,
        }),
        ..ChildrenSeen::new(vec![child(0, state)])
    };
    observe(&mut world, refused(Running));
    assert_eq!(world.line(), "running running");
    observe(&mut world, refused(Succeeded));
    assert_eq!(world.line(), "failed failed");
}

#[test]
fn a_dynamic_task_counts_its_children_and_collects_their_outputs() {
    use InstanceState::{Failed, Running, Succeeded};
    let mut world = world_of(dynamic("\noutputs: [row]"));
    see(&mut world, &[Succeeded]);
    assert_eq!(world.line(), "running running", "one is still to start");
    see(&mut world, &[Succeeded, Running]);
    see(&mut world, &[Succeeded, Succeeded]);
    assert_eq!(world.line(), "succeeded succeeded");
    assert_eq!(world.row(0).outputs["row"], r#"["r0","r1"]"#);
    let mut world = world_of(dynamic(""));
    see(&mut world, &[Failed, Succeeded]);
    assert_eq!(world.line(), "failed failed");
    assert!(error(&world).contains("1 of 2"), "{}", error(&world));
    let mut world = world_of(dynamic("\ntolerate: 1\noutputs: [row]"));
    see(&mut world, &[Failed, Succeeded]);
    assert_eq!(world.line(), "succeeded succeeded");
}

#[test]
fn a_retry_of_a_sub_workflow_starts_a_new_child_and_one_of_a_dynamic_task_takes_them_over() {
    for (task, first) in [
        (sub_workflow("\nretry: { max: 1 }"), 2),
        (dynamic("\nretry: { max: 1 }"), 1),
    ] {
        let mut world = world_of(task);
        assert_eq!(since(&world), Some(1));
        see(&mut world, &[InstanceState::Failed, InstanceState::Failed]);
        assert_eq!(world.line(), "running waiting_retry");
        world.pass(1);
        assert_eq!(
            (world.row(0).attempts, since(&world)),
            (2, Some(first)),
            "{}",
            world.line()
        );
    }
}

#[test]
fn a_recover_takes_children_over_and_a_rerun_starts_new_ones() {
    for task in [sub_workflow(""), dynamic("")] {
        let mut world = world_of(task);
        see(&mut world, &[InstanceState::Failed, InstanceState::Failed]);
        assert_eq!(world.line(), "failed failed");
        world.command(Command::Recover);
        assert_eq!((world.row(0).attempts, since(&world)), (2, Some(1)));
        world.command(Command::Stop);
        see(&mut world, &[InstanceState::Stopped, InstanceState::Stopped]);
        assert_eq!(world.line(), "stopped killed");
        world.command(Command::Resume);
        assert_eq!((world.row(0).attempts, since(&world)), (3, Some(1)));
        see(&mut world, &[InstanceState::Succeeded, InstanceState::Succeeded]);
        assert_eq!(world.line(), "succeeded succeeded");
        world.command(Command::Rerun);
        assert_eq!((world.row(0).attempts, since(&world)), (4, Some(4)));
    }
}

#[test]
fn a_resume_continues_the_attempt_and_resumes_paused_children_once() {
    let mut world = world_of(sub_workflow(""));
    let resumes = |world: &World| {
        let progress = world.row(0).progress.as_ref().expect("it waits");
        progress.read_detail::<FanOut>().expect("children").resumes
    };
    see(&mut world, &[InstanceState::Running]);
    world.command(Command::Pause);
    see(&mut world, &[InstanceState::Pausing]);
    assert_eq!(world.line(), "pausing running");
    see(&mut world, &[InstanceState::Paused]);
    assert_eq!(world.line(), "paused not_run");
    assert!(!resumes(&world));
    world.command(Command::Resume);
    assert_eq!(
        (world.line().as_str(), world.row(0).attempts),
        ("running running", 1)
    );
    assert!(resumes(&world));
    let mut resumed = ChildrenSeen::new(vec![child(0, InstanceState::Paused)]);
    resumed.resume_children();
    observe(&mut world, resumed);
    assert!(!resumes(&world), "once");
    see(&mut world, &[InstanceState::Succeeded]);
    assert_eq!(world.line(), "succeeded succeeded");
    let attempt = world.row(0).attempt.as_ref().expect("an attempt");
    assert_eq!(attempt.state, AttemptState::Succeeded);
}

#[test]
fn too_many_combinations_fail_without_a_retry() {
    let world = world_of(dynamic("\nmax: 1\nretry: { max: 1 }"));
    assert_eq!(world.line(), "failed failed");
    assert!(error(&world).contains("2 combinations"), "{}", error(&world));
}
