//! What an event costs in a large instance, in rows touched.

use super::fixture::*;
use crate::attempt::AttemptResult;
use crate::ids::TaskIndex;
use crate::instance::{Effect, Event, Instance, apply, pending_effects};
use crate::plan::Plan;
use crate::states::{Command, InstanceState, TaskState};
use crate::task::TaskReport;
use std::sync::Arc;

const WIDTH: u32 = 100;
const LAYERS: u32 = 100;

fn layered() -> (Plan, Instance) {
    let mut tasks = Vec::new();
    for layer in 0..LAYERS {
        for place in 0..WIDTH {
            let needs: Vec<u32> = match layer {
                0 => Vec::new(),
                _ => [place, (place + 1) % WIDTH]
                    .map(|p| (layer - 1) * WIDTH + p)
                    .to_vec(),
            };
            tasks.push(noop(&format!("t{layer}-{place}"), &needs));
        }
    }
    let world = World::new(workflow(tasks), start());
    (world.plan, world.state)
}

#[test]
fn ten_thousand_noops_end_in_as_many_rounds_as_there_are_layers() {
    let (plan, mut state) = layered();
    let mut events = vec![Event::Loaded];
    let (mut batches, mut most) = (0, 0);
    while state.record().state == InstanceState::Running {
        let (changes, effects) = decide(&plan, &state, &events, crate::ids::Timestamp(1000));
        batches += 1;
        most = most.max(changes.tasks.len());
        apply(&plan, &mut state, &changes);
        events = effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::CompleteInline { task_index, attempt } => {
                    Some(Event::Report(TaskReport::CompletedInline { task_index, attempt }))
                }
                _ => None,
            })
            .collect();
    }
    assert_eq!(state.record().state, InstanceState::Succeeded);
    assert_eq!(batches, LAYERS + 1);
    assert_eq!(
        most,
        2 * WIDTH as usize,
        "a batch touches what ends and what follows"
    );
}

#[test]
fn one_event_touches_one_task_and_its_successors_however_large_the_instance_is() {
    let mut tasks = vec![task("first", &[]), task("second", &[0])];
    tasks.extend((2..10_000).map(|n| task(&format!("t{n}"), &[])));
    let plan = Plan::new(Arc::new(workflow(tasks)), Arc::new(start()));
    let rows = World::new(workflow(Vec::new()), start()).state.rows;
    let state = Instance::load(&plan, rows);
    let mut world = World::new(workflow(Vec::new()), start());
    world.plan = plan;
    world.state = state;
    world.send(Event::Loaded);
    assert_eq!(pending_effects(&world.plan, &world.state).len(), 9_999);
    world.run(0);
    let ended = world.ended(0, AttemptResult::Succeeded);
    let (changes, effects) = decide(&world.plan, &world.state, &[ended], world.now);
    let touched: Vec<TaskIndex> = changes.tasks.keys().copied().collect();
    assert_eq!(touched, [TaskIndex(0), TaskIndex(1)]);
    assert_eq!(
        effects,
        [Effect::RequestSlot {
            task_index: TaskIndex(1)
        }]
    );
}

#[test]
fn a_failure_decides_about_ten_thousand_successors_in_one_commit_without_history() {
    let count = 10_000;
    let mut tasks = vec![task("first", &[])];
    tasks.extend((1..=count).map(|n| task(&format!("wide{n}"), &[0])));
    let mut world = World::of(tasks);
    world.run(0);
    let ended = world.ended(0, AttemptResult::Failed);
    let (changes, _) = decide(&world.plan, &world.state, &[ended], world.now);
    assert_eq!(changes.tasks.len(), count + 1);
    assert_eq!(changes.transitions.len(), 2, "the task's own and the instance's");
    apply(&world.plan, &mut world.state, &changes);
    assert_eq!(world.state.record().state, InstanceState::Failed);
    let recover = world.command_event(Command::Recover, None);
    let (changes, _) = decide(&world.plan, &world.state, &[recover], world.now);
    assert_eq!(changes.tasks.len(), 1, "one statement resets all others");
}

#[test]
fn a_chain_of_thousands_of_dead_edges_is_followed_without_recursion() {
    let count: u32 = 20_000;
    let mut tasks = vec![task("t0", &[])];
    tasks.extend((1..count).map(|n| task(&format!("t{n}"), &[n - 1])));
    tasks.push(on_settled(&[count - 1], task("last", &[])));
    let mut world = World::of(tasks);
    world.run(0);
    world.end(0, AttemptResult::Failed);
    assert_eq!(world.shown(TaskIndex(count - 1)), TaskState::NotRun);
    assert_eq!(world.shown(TaskIndex(count)), TaskState::Waiting);
}

#[test]
fn the_ends_of_ten_thousand_predecessors_touch_their_join_only() {
    let count: u32 = 10_000;
    let mut tasks: Vec<_> = (0..count).map(|n| task(&format!("t{n}"), &[])).collect();
    let all: Vec<u32> = (0..count).collect();
    tasks.push(on_failure(&all, task("handler", &[])));
    let plan = Plan::new(Arc::new(workflow(tasks)), Arc::new(start()));
    let rows = World::new(workflow(Vec::new()), start()).state.rows;
    let mut world = World::new(workflow(Vec::new()), start());
    world.state = Instance::load(&plan, rows);
    world.plan = plan;
    let (changes, _) = decide(&world.plan, &world.state, &[Event::Loaded], world.now);
    apply(&world.plan, &mut world.state, &changes);
    for task_index in 0..3 {
        let granted = Event::Report(TaskReport::SlotGranted {
            task_index: TaskIndex(task_index),
            worker: worker(),
        });
        let (changes, _) = decide(&world.plan, &world.state, &[granted], world.now);
        apply(&world.plan, &mut world.state, &changes);
        let ended = world.ended(task_index, AttemptResult::Failed);
        let (changes, _) = decide(&world.plan, &world.state, &[ended], world.now);
        assert_eq!(changes.tasks.len(), 1);
        apply(&world.plan, &mut world.state, &changes);
    }
    assert!(!world.state.counters.counts.has_standing_failure());
}
