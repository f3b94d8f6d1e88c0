//! Whatever users and instances do: places, order, and what a date may become.

use proptest::prelude::*;

use super::fixture::*;
use crate::backfill::*;
use crate::states::InstanceState;

#[derive(Debug, Clone)]
enum Act {
    /// The oldest, newest, … of the dates with an instance changes to a state.
    Instance(prop::sample::Index, InstanceState),
    Command(BackfillCommand),
    Obstacle(bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let states = prop::sample::select(InstanceState::ALL);
    let commands = prop_oneof![
        Just(BackfillCommand::Pause),
        Just(BackfillCommand::Resume),
        (1_u32..5).prop_map(BackfillCommand::SetParallelism),
        Just(BackfillCommand::Cancel(StopMode::LetRun)),
        Just(BackfillCommand::Cancel(StopMode::StopRunning)),
        Just(BackfillCommand::Retry { version: None }),
    ];
    let act = prop_oneof![
        6 => (any::<prop::sample::Index>(), states).prop_map(|(index, state)| Act::Instance(index, state)),
        3 => commands.prop_map(Act::Command),
        1 => any::<bool>().prop_map(Act::Obstacle),
    ];
    prop::collection::vec(act, 0..60)
}

fn perform(world: &mut World, act: &Act) {
    match act {
        Act::Instance(index, state) => {
            let with_instance: Vec<usize> = (0..world.backfill.dates.len())
                .filter(|place| world.backfill.dates[*place].instance.is_some())
                .collect();
            if !with_instance.is_empty() {
                world.instance_becomes(*index.get(&with_instance), *state);
            }
        }
        Act::Command(command) => _ = world.command(*command),
        Act::Obstacle(true) => world.obstacle = Some("the workflow is disabled".to_owned()),
        Act::Obstacle(false) => world.obstacle = None,
    }
}

proptest! {
    #[test]
    fn places_order_and_states_hold_whatever_happens(
        dates in 1_usize..8,
        parallelism in 1_u32..4,
        stops in any::<bool>(),
        acts in acts(),
    ) {
        let on_failure = if stops { OnFailure::Stop } else { OnFailure::Continue };
        let mut world = World::new(dates, BackfillRecord { on_failure, ..record(parallelism) });
        for act in acts {
            perform(&mut world, &act);
            let before = world.clone();
            let decided = world.settle();
            let dates = decided.iter().flat_map(|changes| &changes.dates);
            let started: Vec<u32> = dates.map(DateDecision::position).collect();
            let (was, is) = (before.running().len(), world.running().len());
            let places = world.backfill.record.parallelism as usize;
            prop_assert!(is <= places.max(was), "{} open in {} places", is, places);
            prop_assert_eq!(&started, &before.backfill.next_positions(started.len()), "in their order");
            if before.backfill.record.control != BackfillControl::Active || before.obstacle.is_some() {
                prop_assert!(started.is_empty(), "nothing starts: {:?}", started);
            }
            if world.backfill.record.control == BackfillControl::Cancelled {
                prop_assert!(!world.backfill.summary().has_waiting, "nothing waits once it is cancelled");
            }
            let may_start = world.backfill.state() == BackfillState::Running && world.obstacle.is_none();
            if may_start && world.backfill.summary().has_waiting {
                prop_assert!(is >= places, "no place stays free while a date waits: {}", world.line());
            }
            prop_assert!(world.settle().iter().all(|changes| changes.dates.is_empty() && changes.record.is_none() && changes.sweep.is_none()));
        }
    }
}
