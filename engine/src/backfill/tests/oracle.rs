//! A naive reading of the rules, compared with the machine: instances end in the order in which they started.

use proptest::prelude::*;

use super::fixture::*;
use crate::backfill::*;
use crate::states::InstanceState;

/// What the instance of each date does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Succeeds,
    Fails,
    IsStopped,
}

impl Ending {
    fn instance_state(self) -> InstanceState {
        match self {
            Self::Succeeds => InstanceState::Succeeded,
            Self::Fails => InstanceState::Failed,
            Self::IsStopped => InstanceState::Stopped,
        }
    }
}

/// Reads the outcome off the list: with `stop`, dates beyond the window that was open at the first failure do not run.
fn expected(endings: &[Ending], parallelism: usize, on_failure: OnFailure) -> Vec<DateState> {
    let first_failure = endings.iter().position(|ending| *ending != Ending::Succeeds);
    let started = match (on_failure, first_failure) {
        (OnFailure::Stop, Some(place)) => endings.len().min(place + parallelism),
        _ => endings.len(),
    };
    let state = |(place, ending): (usize, &Ending)| match ending {
        _ if place >= started => DateState::NotRun,
        Ending::Succeeds => DateState::Succeeded,
        Ending::Fails => DateState::Failed,
        Ending::IsStopped => DateState::Stopped,
    };
    endings.iter().enumerate().map(state).collect()
}

fn endings() -> impl Strategy<Value = Vec<Ending>> {
    let ending = prop_oneof![
        4 => Just(Ending::Succeeds),
        1 => Just(Ending::Fails),
        1 => Just(Ending::IsStopped),
    ];
    prop::collection::vec(ending, 1..30)
}

proptest! {
    #[test]
    fn a_backfill_ends_as_a_naive_reading_says(
        endings in endings(),
        parallelism in 1_u32..6,
        stops in any::<bool>(),
    ) {
        let on_failure = if stops { OnFailure::Stop } else { OnFailure::Continue };
        let mut world = World::new(endings.len(), BackfillRecord { on_failure, ..record(parallelism) });
        let mut started: Vec<usize> = Vec::new();
        world.settle();
        loop {
            let running = world.running();
            started.extend(running.iter().filter(|place| !started.contains(place)).copied().collect::<Vec<_>>());
            let Some(oldest) = started.iter().copied().find(|place| running.contains(place)) else { break };
            world.instance_becomes(oldest, endings[oldest].instance_state());
            world.settle();
        }
        let states: Vec<DateState> = world.backfill.dates.iter().map(|date| date.state).collect();
        let wanted = expected(&endings, parallelism as usize, on_failure);
        prop_assert_eq!(&states, &wanted);
        let all_good = wanted.iter().all(|state| *state == DateState::Succeeded);
        let state = if all_good { BackfillState::Succeeded } else { BackfillState::Failed };
        prop_assert_eq!(world.backfill.state(), state);
    }
}
