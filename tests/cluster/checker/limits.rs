//! Slots of limits, counted a second time: the steps of all tasks in the order in which they were stored, and the limits that
//! their definitions name. A commit locks the limits that it moves before it stores its steps, so that the order of the
//! steps is the order in which slots moved.

use std::collections::BTreeMap;

use engine::spec::Definition;
use ports::DefinitionStore as _;
use store::Store;

use super::rows;

/// The limits that a task names, with its slots.
type NamedSlots = Vec<(String, i64)>;

/// A step of a task with limits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// Its instance and its place there.
    task: (String, String),
    to: String,
    wanted: NamedSlots,
}

/// Lists the limits of which more slots were in use at a moment than there are, or some at rest.
pub(super) async fn exceeded(store: &Store) -> Vec<String> {
    let limits = rows(
        store,
        "SELECT name, slots::text FROM named_limit WHERE enabled AND name <> ''",
    )
    .await;
    let limits: BTreeMap<String, i64> = limits
        .into_iter()
        .map(|row| (row[0].clone(), row[1].parse().expect("a number")))
        .collect();
    if limits.is_empty() {
        return Vec::new();
    }
    let steps = read_steps(store).await;
    wrong_in(&limits, &steps)
}

fn wrong_in(limits: &BTreeMap<String, i64>, steps: &[Step]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut held: BTreeMap<(&str, &(String, String)), i64> = BTreeMap::new();
    for step in steps {
        for (name, slots) in &step.wanted {
            let Some(total) = limits.get(name) else { continue };
            let is_at_worker = step.to == "dispatched" || step.to == "running";
            let key = (name.as_str(), &step.task);
            if is_at_worker {
                held.insert(key, *slots);
            } else {
                held.remove(&key);
            }
            let used = |name: &str| -> i64 {
                let of_limit = held.iter().filter(|((held, _), _)| *held == name);
                of_limit.map(|(_, slots)| *slots).sum()
            };
            if is_at_worker && used(name) > *total {
                wrong.push(format!(
                    "limit {name} of {total} had {} slots in use: {step:?}",
                    used(name)
                ));
            }
        }
    }
    wrong.extend(
        held.keys()
            .map(|(name, task)| format!("task {task:?} still holds limit {name}")),
    );
    if !limits.is_empty() && steps.is_empty() {
        wrong.push("no effect: there are limits, and no task took a slot".to_owned());
    }
    wrong
}

async fn read_steps(store: &Store) -> Vec<Step> {
    let versions = "SELECT DISTINCT workflow_id::text, version::text FROM instance";
    let mut wanted: BTreeMap<(String, String), Vec<NamedSlots>> = BTreeMap::new();
    for row in rows(store, versions).await {
        let [workflow, version] = row.try_into().expect("two columns");
        let number = |text: &str| text.parse::<i64>().expect("a number");
        let definition = store.load_definition(number(&workflow), number(&version)).await;
        wanted.insert((workflow, version), limits_of(&definition.expect("a definition")));
    }
    let sql = "SELECT t.instance::text, t.task_index::text, t.to_state, i.workflow_id::text, i.version::text \
               FROM transition t JOIN instance i ON i.id = t.instance WHERE t.task_index IS NOT NULL ORDER BY t.id";
    let steps = rows(store, sql).await.into_iter().filter_map(|row| {
        let [id, index, to, workflow, version] = row.try_into().expect("five columns");
        let place: usize = index.parse().expect("a number");
        let of_task = wanted.get(&(workflow, version))?.get(place)?.clone();
        (!of_task.is_empty()).then_some(Step {
            task: (id, index),
            to,
            wanted: of_task,
        })
    });
    steps.collect()
}

fn limits_of(definition: &Definition) -> Vec<NamedSlots> {
    let tasks = definition.tasks.iter().map(|task| {
        let limits = task.limits.iter();
        limits
            .map(|limit| (limit.name.clone(), i64::from(limit.slots)))
            .collect()
    });
    tasks.collect()
}

/// A checker that finds nothing in a broken cluster would prove nothing.
#[test]
fn every_slot_too_many_is_found() {
    let limits = BTreeMap::from([("l".to_owned(), 2)]);
    let step = |task: &str, to: &str, slots: i64| Step {
        task: (task.to_owned(), "0".to_owned()),
        to: to.to_owned(),
        wanted: vec![("l".to_owned(), slots)],
    };
    let whole = [
        step("1", "waiting", 1),
        step("1", "dispatched", 1),
        step("2", "dispatched", 1),
        step("1", "running", 1),
        step("1", "succeeded", 1),
        step("3", "dispatched", 1),
        step("2", "failed", 1),
        step("3", "waiting_retry", 1),
    ];
    assert_eq!(wrong_in(&limits, &whole), Vec::<String>::new());
    let exceeded = [&whole[..4], &[step("3", "dispatched", 1)], &whole[4..]].concat();
    let greedy = [step("1", "dispatched", 3), step("1", "succeeded", 3)];
    for (broken, expected) in [
        (&exceeded[..], "had 3 slots in use"),
        (&greedy[..], "had 3 slots in use"),
        (&whole[..7], "still holds"),
        (&[][..], "no effect"),
    ] {
        let found = wrong_in(&limits, broken);
        assert!(
            found.iter().any(|wrong| wrong.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}
