//! Tasks that start instances, while the owners of parents and of children die.

use serde_json::Value;

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::scenario::{assert_single_attempts, wait_for_ends};

/// The exit code of a node at its fail point.
const AT_A_POINT: i32 = 99;

/// Children of each fan-out.
const CHILDREN: usize = 3;

/// Steps between the start of an attempt and the end of its last child, and steps of a pause on its way down.
const STARTS: [&str; 4] = [
    "children.before_create@1",
    "children.after_create@1",
    "children.before_notice@1",
    "children.before_notice@3",
];
const PAUSES: [&str; 3] = [
    "children.before_command@1",
    "children.after_command@1",
    "children.after_resume@1",
];

/// A fan-out and a child of its own; every child waits, and can be paused while it waits, for an instance of the workflow
/// that is returned.
fn apply_workflows(cluster: &Cluster, turn: usize) -> String {
    let gate = format!("gate-{turn}");
    let task = cluster.task("true");
    let node = cluster.any();
    node.apply(
        &gate,
        format!("version: 1\nname: {gate}\ntasks:\n  t: {{ type: noop }}\n"),
    );
    let wait = format!("{{ type: dependent, all: [{{ workflow: {gate}, cycle: none, within: 1h }}] }}");
    node.apply(
        "part",
        format!(
            "version: 1\nname: part\nparams: {{ k: '' }}\ntasks:\n  wait: {wait}\n  t: {}, needs: [wait] }}\n",
            task.trim_end_matches('}').trim_end()
        ),
    );
    let values: Vec<String> = (0..CHILDREN).map(|number| format!("k{number}")).collect();
    let each = format!(
        "{{ type: dynamic, workflow: part, parallelism: 2, over: {{ k: [{}] }} }}",
        values.join(", ")
    );
    node.apply(
        "top",
        format!(
            "version: 1\nname: top\ntasks:\n  each: {each}\n  one: {{ type: sub_workflow, workflow: part }}\n"
        ),
    );
    gate
}

fn children_of(cluster: &Cluster, parent: &str) -> Vec<Value> {
    cluster.any().items(&format!("/instances?parent={parent}"))
}

fn id_of(instance: &Value) -> String {
    instance["id"].as_str().expect("an id").to_owned()
}

/// Every parent succeeded with one child for each combination and one of its own, of one run and one attempt each.
fn assert_whole(cluster: &Cluster, parents: &[String]) {
    wait_for_ends(cluster, parents);
    assert_single_attempts(cluster, parents);
    for parent in parents {
        let children = children_of(cluster, parent);
        assert_eq!(children.len(), CHILDREN + 1, "{parent}: {children:?}");
        assert!(
            children.iter().all(|child| child["run"] == 1),
            "{parent}: {children:?}"
        );
        let ids: Vec<String> = children.iter().map(id_of).collect();
        assert_single_attempts(cluster, &ids);
    }
}

/// Starts a parent on a master, and gives its first children to another one.
fn start_divided(cluster: &Cluster, owner: &str, other: &str) -> String {
    let parent = cluster.start_instance(owner, "top");
    let mut children = Vec::new();
    cluster.wait(PATIENCE, "the first children run", |cluster| {
        children = children_of(cluster, &parent);
        let running = children.iter().filter(|child| child["state"] == "running");
        running.count() == 3
    });
    let host = cluster.on(other).host.clone();
    for child in children.iter().map(id_of) {
        cluster.apply_command(owner, &child, "pause");
        cluster.any().settle(&child, &["paused"], PATIENCE);
        cluster.apply_command(other, &child, "resume");
        cluster.wait(PATIENCE, "the child has another owner", |cluster| {
            cluster.any().get(&format!("/instances/{child}"))["host"] == host.as_str()
        });
    }
    parent
}

#[test]
fn children_and_parents_survive_each_others_owners() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let mut parents = Vec::new();
    for (turn, dead) in [&["m2"][..], &["m1"][..], &["m1", "m2"][..]]
        .into_iter()
        .enumerate()
    {
        let gate = apply_workflows(&cluster, turn);
        parents.push(start_divided(&cluster, "m1", "m2"));
        for name in dead {
            cluster.node(name).kill();
        }
        let survivor = ["m1", "m2"].into_iter().find(|name| !dead.contains(name));
        if let Some(survivor) = survivor {
            cluster.start_instance(survivor, &gate);
        }
        for name in dead {
            cluster.node(name).start();
        }
        if survivor.is_none() {
            cluster.start_instance("m1", &gate);
        }
        assert_whole(&cluster, &parents);
    }
    check(&cluster, Effects::declared(4));
}

#[test]
fn an_owner_that_dies_at_any_step_of_its_children_loses_and_doubles_none() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let mut parents = Vec::new();
    for (turn, point) in STARTS.iter().chain(&PAUSES).enumerate() {
        let is_pause = PAUSES.contains(point);
        let gate = apply_workflows(&cluster, turn);
        if !is_pause {
            cluster.start_instance("m1", &gate);
        }
        let name = format!("o{turn}");
        let owner = cluster.add(&name, "master,api", &[]);
        owner.environment = vec![("PORPOISE_TEST_ABORT", (*point).to_owned())];
        owner.start();
        let parent = cluster.start_instance(&name, "top");
        if is_pause {
            pause_and_resume(&cluster, &name, &parent);
        }
        let code = cluster.node(&name).exit_code(PATIENCE);
        assert_eq!(code, Some(AT_A_POINT), "{point} should be reached");
        if is_pause {
            // Whether the command was decided or not, it is the last one that counts.
            cluster.wait(PATIENCE, "the pause has reached every child", |cluster| {
                cluster.command("m1", &parent, "pause");
                cluster.any().get(&format!("/instances/{parent}"))["state"] == "paused"
            });
            cluster.apply_command("m1", &parent, "resume");
            cluster.start_instance("m1", &gate);
        }
        parents.push(parent);
        assert_whole(&cluster, &parents);
    }
    check(&cluster, Effects::declared(STARTS.len() + PAUSES.len()));
}

/// Pauses a parent and resumes it on a master that may die of either.
fn pause_and_resume(cluster: &Cluster, master: &str, parent: &str) {
    cluster.wait(PATIENCE, "the first children run", |cluster| {
        let children = children_of(cluster, parent);
        children
            .iter()
            .filter(|child| child["state"] == "running")
            .count()
            == 3
    });
    if cluster.command(master, parent, "pause").is_some() && cluster.on(master).answers() {
        cluster.any().settle(parent, &["paused"], PATIENCE);
        cluster.command(master, parent, "resume");
    }
}
