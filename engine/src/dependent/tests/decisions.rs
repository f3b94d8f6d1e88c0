//! Decisions against every way in which what waits may still end.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::dependent::*;
use crate::ids::{InstanceId, Timestamp};
use crate::spec::{Output, ParamType};
use crate::states::{InstanceState, TaskState};
use crate::timezone::Tz;

const CONTEXT: ReasonContext = ReasonContext {
    anchor: Timestamp(1_715_740_200_000),
    zone: Tz::Asia__Shanghai,
};

fn item(target: DependencyTarget) -> DependencyItem {
    DependencyItem {
        project: None,
        workflow: "orders".to_owned(),
        target,
        window: DependencyWindow::Date(DependencyDate::Today),
        pass_outputs: false,
    }
}

fn task(group: DependencyGroup) -> DependencyTask {
    DependencyTask {
        group,
        on_failure: DependencyFailurePolicy::Fail,
        failure_wait_ms: None,
        check_interval_ms: 10_000,
    }
}

fn candidate(state: InstanceState) -> Candidate {
    Candidate {
        instance: InstanceId(7),
        state,
        has_failed_tasks: false,
        task: None,
        outputs: BTreeMap::new(),
    }
}

fn one(state: Option<InstanceState>) -> ItemObservation {
    ItemObservation::Candidates(vec![state.map(candidate)])
}

fn decide(task: &DependencyTask, observed: &[ItemObservation], failed: FailedItems) -> DependencyDecision {
    decide_dependencies(task, observed, failed, &[], CONTEXT)
}

/// The value of a group when every item has ended, by the words `all` and `any` alone.
fn holds(group: &DependencyGroup, items: &mut impl Iterator<Item = bool>) -> bool {
    let members: Vec<bool> = group
        .members
        .iter()
        .map(|member| match member {
            DependencyMember::Item(_) => items.next().expect("an item"),
            DependencyMember::Group(group) => holds(group, items),
        })
        .collect();
    match group.relation {
        DependencyRelation::All => members.into_iter().all(|member| member),
        DependencyRelation::Any => members.into_iter().any(|member| member),
    }
}

fn groups() -> impl Strategy<Value = DependencyGroup> {
    let relation = prop::sample::select(DependencyRelation::ALL);
    let leaf = Just(DependencyMember::Item(item(DependencyTarget::Instance)));
    let member = leaf.prop_recursive(3, 8, 3, move |inner| {
        let relation = prop::sample::select(DependencyRelation::ALL);
        (relation, prop::collection::vec(inner, 1..4))
            .prop_map(|(relation, members)| DependencyMember::Group(DependencyGroup { relation, members }))
    });
    (relation, prop::collection::vec(member, 1..4))
        .prop_map(|(relation, members)| DependencyGroup { relation, members })
}

proptest! {
    #[test]
    fn a_task_is_decided_as_soon_as_nothing_that_waits_can_change_it(
        group in groups(),
        states in prop::collection::vec(prop::option::of(prop::sample::select(InstanceState::ALL)), 40),
        waits_for_failed in any::<bool>(),
    ) {
        let task = task(group);
        let count = task.items().len();
        let observed: Vec<ItemObservation> = states.iter().take(count).map(|state| one(*state)).collect();
        let failed = if waits_for_failed { FailedItems::Wait } else { FailedItems::Fail };
        let known: Vec<Option<bool>> = states.iter().take(count).map(|state| match state {
            Some(InstanceState::Succeeded) => Some(true),
            Some(InstanceState::Failed | InstanceState::Stopped) if !waits_for_failed => Some(false),
            _ => None,
        }).collect();
        let open = known.iter().filter(|one| one.is_none()).count();
        prop_assume!(open <= 12);
        let ends = (0_u32..1 << open).map(|bits| {
            let mut bits = (0..open).map(move |bit| bits >> bit & 1 == 1);
            holds(&task.group, &mut known.iter().map(move |one| one.unwrap_or_else(|| bits.next().expect("a bit"))))
        });
        let ends: Vec<bool> = ends.collect();
        let decision = decide(&task, &observed, failed);
        let wanted = (ends.iter().all(|end| *end), ends.iter().all(|end| !*end));
        let seen = (
            matches!(decision, DependencyDecision::Succeeds(_)),
            matches!(decision, DependencyDecision::Fails(_)),
        );
        prop_assert_eq!(seen, wanted, "{:?} of {:?}", decision, known);
    }
}

fn single(target: DependencyTarget) -> DependencyTask {
    let members = vec![DependencyMember::Item(item(target))];
    task(DependencyGroup {
        relation: DependencyRelation::All,
        members,
    })
}

fn word(task: &DependencyTask, candidate: Candidate) -> &'static str {
    let observed = [ItemObservation::Candidates(vec![Some(candidate)])];
    match decide(task, &observed, FailedItems::Fail) {
        DependencyDecision::Succeeds(_) => "holds",
        DependencyDecision::Fails(_) => "fails",
        DependencyDecision::FailsForGood(_) => "refused",
        DependencyDecision::Waits { .. } => "waits",
    }
}

#[test]
fn an_instance_holds_when_it_succeeded_and_with_all_tasks_when_none_of_them_failed() {
    let all = single(DependencyTarget::AllTasks);
    let whole = single(DependencyTarget::Instance);
    for state in InstanceState::ALL {
        let wanted = match state {
            InstanceState::Succeeded => "holds",
            InstanceState::Failed | InstanceState::Stopped => "fails",
            _ => "waits",
        };
        assert_eq!(word(&whole, candidate(*state)), wanted, "{state}");
        assert_eq!(word(&all, candidate(*state)), wanted, "{state}");
    }
    let handled = Candidate {
        has_failed_tasks: true,
        ..candidate(InstanceState::Succeeded)
    };
    assert_eq!(word(&whole, handled.clone()), "holds");
    assert_eq!(word(&all, handled), "fails");
}

#[test]
fn a_task_of_an_instance_is_read_by_its_own_state() {
    let load = single(DependencyTarget::Task("load".to_owned()));
    for (state, open, ended) in [
        (TaskState::Succeeded, "holds", "holds"),
        (TaskState::ForcedSuccess, "holds", "holds"),
        (TaskState::Failed, "fails", "fails"),
        (TaskState::Killed, "fails", "fails"),
        (TaskState::Skipped, "fails", "fails"),
        (TaskState::NotRun, "waits", "fails"),
        (TaskState::Pending, "waits", "fails"),
        (TaskState::WaitingRetry, "waits", "fails"),
        (TaskState::Running, "waits", "fails"),
    ] {
        let in_state = |instance| Candidate {
            task: Some(CandidateTask::InState(state)),
            ..candidate(instance)
        };
        assert_eq!(word(&load, in_state(InstanceState::Running)), open, "{state}");
        assert_eq!(word(&load, in_state(InstanceState::Paused)), open, "{state}");
        assert_eq!(word(&load, in_state(InstanceState::Failed)), ended, "{state}");
    }
    let with = |task| Candidate {
        task: Some(task),
        ..candidate(InstanceState::Running)
    };
    assert_eq!(word(&load, with(CandidateTask::Disabled)), "holds");
    assert_eq!(word(&load, with(CandidateTask::Missing)), "fails");
}

#[test]
fn a_refused_item_ends_the_attempt_for_good() {
    let task = single(DependencyTarget::Instance);
    let why = "there is no workflow `orders` in project `default`".to_owned();
    let decision = decide(&task, &[ItemObservation::Refused(why.clone())], FailedItems::Wait);
    assert_eq!(decision, DependencyDecision::FailsForGood(why));
}

#[test]
fn a_task_says_what_it_waits_for_item_by_item() {
    let mut days = item(DependencyTarget::Task("load".to_owned()));
    days.window = DependencyWindow::Date(DependencyDate::Last2Days);
    days.project = Some("retail".to_owned());
    let lately = DependencyItem {
        window: DependencyWindow::EndedWithin(6 * 3_600_000),
        ..item(DependencyTarget::Instance)
    };
    let task = task(DependencyGroup {
        relation: DependencyRelation::All,
        members: [days, lately, item(DependencyTarget::Instance)]
            .map(DependencyMember::Item)
            .to_vec(),
    });
    let running = Candidate {
        task: Some(CandidateTask::InState(TaskState::Running)),
        ..candidate(InstanceState::Running)
    };
    let observed = [
        ItemObservation::Candidates(vec![Some(running), None]),
        one(None),
        one(Some(InstanceState::Failed)),
    ];
    assert_eq!(
        decide(&task, &observed, FailedItems::Wait),
        DependencyDecision::Waits {
            reason: "waits for `retail/orders` task `load` last2Days (the task is running in instance 7 of 2024-05-13, which \
             is running); `orders` within 6h (none has succeeded in that time); `orders` today (instance 7 of \
             2024-05-15 is failed)"
                .to_owned(),
            awaited: Some(InstanceId(7)),
        }
    );
    assert_eq!(
        decide(&task, &observed, FailedItems::Fail),
        DependencyDecision::Fails(
            "what it depends on has failed: `orders` today (instance 7 of 2024-05-15 is failed)".to_owned()
        )
    );
}

#[test]
fn outputs_come_from_the_first_item_and_its_latest_interval() {
    let passing = |window| DependencyItem {
        pass_outputs: true,
        window: DependencyWindow::Date(window),
        ..item(DependencyTarget::Instance)
    };
    let task = task(DependencyGroup {
        relation: DependencyRelation::Any,
        members: [
            passing(DependencyDate::Today),
            passing(DependencyDate::Last2Days),
            passing(DependencyDate::Last1Days),
        ]
        .map(DependencyMember::Item)
        .to_vec(),
    });
    let gives = |pairs: &[(&str, &str)]| Candidate {
        outputs: pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        ..candidate(InstanceState::Succeeded)
    };
    let observed = [
        one(None),
        ItemObservation::Candidates(vec![
            Some(gives(&[("rows", "1"), ("old", "yes")])),
            Some(gives(&[("rows", "2")])),
        ]),
        ItemObservation::Candidates(vec![Some(gives(&[("rows", "3"), ("late", "3"), ("other", "x")]))]),
    ];
    let declared = ["rows", "old", "late", "absent"].map(|name| Output {
        name: name.to_owned(),
        kind: ParamType::String,
        default: None,
    });
    let decision = decide_dependencies(&task, &observed, FailedItems::Fail, &declared, CONTEXT);
    let wanted = [("rows", "2"), ("old", "yes"), ("late", "3")];
    let wanted = wanted
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into_iter()
        .collect();
    assert_eq!(decision, DependencyDecision::Succeeds(wanted));
}
