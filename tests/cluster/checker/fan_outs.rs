//! The children of tasks against the combinations that the documents name: none missing, none twice, none beyond. Reads
//! the document by itself, and shares no line with the engine.

use std::collections::BTreeMap;

use ports::DefinitionStore as _;
use serde_json::Value;
use store::Store;

use super::rows;

/// A task that starts instances, with the children of one of its attempts.
#[derive(Debug, Clone)]
struct FanOut {
    /// Instance, task and attempt.
    task: String,
    /// How many children the document names.
    combinations: usize,
    /// Whether the attempt succeeded, so that all of them have run.
    succeeded: bool,
    /// The number and the state of each child.
    children: Vec<(usize, String)>,
}

/// Lists the attempts whose children are others than their documents say.
pub(super) async fn unlike(store: &Store) -> Vec<String> {
    read(store).await.iter().flat_map(wrong_with).collect()
}

fn wrong_with(fan_out: &FanOut) -> Vec<String> {
    let FanOut {
        task, combinations, ..
    } = fan_out;
    let mut by_index: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, _) in &fan_out.children {
        *by_index.entry(*index).or_default() += 1;
    }
    let mut wrong = Vec::new();
    for (index, count) in &by_index {
        if *count > 1 {
            wrong.push(format!("{task} has {count} children of combination {index}"));
        }
        if index >= combinations {
            wrong.push(format!(
                "{task} has a child of combination {index}, and there are {combinations}"
            ));
        }
    }
    let succeeded = fan_out.children.iter().filter(|(_, state)| state == "succeeded");
    let succeeded = succeeded.count();
    let there = by_index.keys().filter(|index| *index < combinations).count();
    if fan_out.succeeded && (there != *combinations || succeeded != *combinations) {
        wrong.push(format!(
            "{task} succeeded with {there} of {combinations} children, and {succeeded} succeeded"
        ));
    }
    wrong
}

/// Returns how many children a task starts; none for other tasks, and where that follows from parameters or where
/// children may fail.
fn combinations_of(task: &Value) -> Option<usize> {
    match task["type"].as_str()? {
        "sub_workflow" => Some(1),
        "dynamic" if task["tolerate"].as_u64().unwrap_or(0) == 0 && task["filter"].is_null() => {
            let lists = task["over"].as_object()?.values();
            lists
                .map(|values| values.as_array().map(Vec::len))
                .try_fold(1, |product, length| Some(product * length?))
        }
        _ => None,
    }
}

async fn read(store: &Store) -> Vec<FanOut> {
    let sql = "SELECT parent::text, parent_task, parent_attempt::text, coalesce(parent_index, 0)::text, state \
               FROM instance WHERE parent IS NOT NULL ORDER BY id";
    let mut children: BTreeMap<[String; 3], Vec<(usize, String)>> = BTreeMap::new();
    for row in rows(store, sql).await {
        let [parent, task, attempt, index, state] = row.try_into().expect("five columns");
        let of_attempt = children.entry([parent, task, attempt]).or_default();
        of_attempt.push((index.parse().expect("a number"), state));
    }
    let sql = "SELECT a.instance::text, i.workflow_id::text, i.version::text, a.task_index::text, a.number::text, \
               a.state FROM attempt a JOIN instance i ON i.id = a.instance WHERE a.dispatch_id IS NULL AND NOT i.dry_run";
    let mut fan_outs = Vec::new();
    for row in rows(store, sql).await {
        let [id, workflow, version, index, number, state] = row.try_into().expect("six columns");
        let as_number = |text: &str| text.parse::<i64>().expect("a number");
        let definition = store.load_definition(as_number(&workflow), as_number(&version));
        let definition = definition.await.expect("a definition");
        let name = &definition.tasks[index.parse::<usize>().expect("a number")].name;
        let document = engine::spec::serialize(&definition);
        let Some(combinations) = combinations_of(&document["tasks"][name]) else {
            continue;
        };
        let key = [id.clone(), name.clone(), number.clone()];
        fan_outs.push(FanOut {
            task: format!("attempt {number} of task {name} of instance {id}"),
            combinations,
            succeeded: state == "succeeded",
            children: children.remove(&key).unwrap_or_default(),
        });
    }
    fan_outs
}

/// A checker that finds nothing in a broken cluster would prove nothing.
#[test]
fn every_missing_doubled_or_needless_child_is_found() {
    let task = serde_json::json!({ "type": "dynamic", "over": { "k": ["a", "b"], "l": [1, 2] } });
    let whole = FanOut {
        task: "it".to_owned(),
        combinations: combinations_of(&task).expect("a count"),
        succeeded: true,
        children: (0..4).map(|index| (index, "succeeded".to_owned())).collect(),
    };
    assert_eq!(wrong_with(&whole), Vec::<String>::new());
    type Plant = fn(&mut FanOut);
    let faults: [(&str, Plant); 4] = [
        ("with 3 of 4 children", |all| drop(all.children.pop())),
        ("2 children of combination 1", |all| {
            all.children.push((1, "succeeded".to_owned()));
        }),
        ("a child of combination 4", |all| {
            all.children.push((4, "stopped".to_owned()));
        }),
        ("and 3 succeeded", |all| all.children[2].1 = "failed".to_owned()),
    ];
    for (expected, plant) in faults {
        let mut broken = whole.clone();
        plant(&mut broken);
        let found = wrong_with(&broken).join("\n");
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
