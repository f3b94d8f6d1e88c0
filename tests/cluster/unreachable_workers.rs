//! Workers that are alive but unreachable for masters, and workers that are frozen.

use std::time::Duration;

use serde_json::{Value, json};

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE, chain, lines_of};
use crate::proxy::Mode;
use crate::scenario::{add_behind_proxy, assert_single_attempts, dead_members, wait_for_ends};
use crate::worker_crash::{held, run_again, task_of};

/// Within this time a master notices that it cannot reach a worker, which gets nothing new from it then.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// Waits until a master knows that it cannot reach worker `x`.
fn wait_until_noticed(cluster: &Cluster, master: &str) {
    cluster.wait(NOTICED_WITHIN, "the master misses the worker", |cluster| {
        let seen = cluster.on(master).get("/debug/actors");
        let workers = seen["actors"]["dispatch"]["slots"]["workers"].as_array();
        workers.is_some_and(|workers| {
            let mut unreachable = workers.iter().filter(|worker| worker["reachable"] == false);
            unreachable.any(|worker| worker["worker"] == "x")
        })
    });
}

/// Starts instances of `held` on a node, and answers them with the worker that runs each.
fn more(cluster: &Cluster, node: &str) -> Vec<(String, Value)> {
    let ids: Vec<String> = (0..6).map(|_| cluster.start_instance(node, "held")).collect();
    cluster.wait(PATIENCE, "each task runs", |cluster| {
        ids.iter().all(|id| task_of(cluster, id)["state"] == "running")
    });
    let worker = |id: String| {
        let worker = task_of(cluster, &id)["worker"].clone();
        (id, worker)
    };
    ids.into_iter().map(worker).collect()
}

#[test]
fn a_worker_that_masters_cannot_reach_keeps_what_it_runs_and_gets_nothing_new() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let link = add_behind_proxy(&mut cluster, "x", "worker");
    let mut ids = held(&cluster, &["w1", "x"]);
    let mut kept = ids.clone();
    kept.retain(|id| task_of(&cluster, id)["worker"] == "x");
    let incarnation = cluster.on("m1").incarnation.clone();

    link.swallow_from(&incarnation);
    wait_until_noticed(&cluster, "m1");
    let of_the_cut = more(&cluster, "m1");
    assert!(
        of_the_cut.iter().all(|(_, worker)| worker == "w1"),
        "{of_the_cut:?}"
    );
    let of_the_other = more(&cluster, "m2");
    assert!(
        of_the_other.iter().any(|(_, worker)| worker == "x"),
        "{of_the_other:?}"
    );

    link.set(Mode::BlackHole);
    for master in ["m1", "m2"] {
        wait_until_noticed(&cluster, master);
        let started = more(&cluster, master);
        assert!(started.iter().all(|(_, worker)| worker == "w1"), "{started:?}");
        ids.extend(started.into_iter().map(|(id, _)| id));
    }
    ids.extend(of_the_cut.into_iter().chain(of_the_other).map(|(id, _)| id));
    for id in &kept {
        let task = task_of(&cluster, id);
        let now = (&task["state"], &task["worker"], &task["attempts"]);
        assert_eq!(now, (&json!("running"), &json!("x"), &json!(1)), "{id}");
    }
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    wait_for_ends(&cluster, &ids);
    only_this_one(&mut cluster, &mut ids, || link.set(Mode::Open));
    assert_single_attempts(&cluster, &ids);
    assert_eq!(dead_members(&cluster), Vec::<Value>::new());
    check(&cluster, Effects::default());
}

/// With the other worker gone a task waits, and names the worker, until the link is restored.
fn only_this_one(cluster: &mut Cluster, ids: &mut Vec<String>, restore: impl FnOnce()) {
    assert_eq!(cluster.node("w1").stop(PATIENCE), Some(0));
    let id = cluster.start_instance("m1", "held");
    cluster.wait(PATIENCE, "the task waits, and names the worker", |cluster| {
        let task = task_of(cluster, &id);
        let reason = task["reason"].as_str().unwrap_or_default();
        task["state"] == "waiting" && reason.contains("can be reached: x")
    });
    restore();
    wait_for_ends(cluster, std::slice::from_ref(&id));
    assert_eq!(task_of(cluster, &id)["worker"], "x");
    ids.push(id);
}

#[test]
fn a_frozen_worker_is_declared_dead_and_ends_its_tasks_when_it_wakes() {
    let Some(mut cluster) = Cluster::start(1, 2) else {
        return;
    };
    let ids = held(&cluster, &["w1", "w2"]);
    let (on_w1, rest): (Vec<&String>, Vec<&String>) =
        ids.iter().partition(|id| task_of(&cluster, id)["worker"] == "w1");
    let mut frozen = cluster.take_node("w1");
    frozen.freeze();
    cluster.wait(PATIENCE, "the frozen worker is declared dead", |cluster| {
        !dead_members(cluster).is_empty()
    });
    run_again(&cluster, &on_w1, 2);
    frozen.thaw();
    assert_eq!(frozen.exit_code(PATIENCE), Some(75), "{}", frozen.output());
    assert_eq!(
        cluster.task_processes("w1"),
        Vec::<i32>::new(),
        "it ends its tasks before it ends itself"
    );
    frozen.start();
    cluster.put_back(frozen);
    for id in rest {
        assert_eq!(task_of(&cluster, id)["attempts"], 1, "{id} ran elsewhere");
    }
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    wait_for_ends(&cluster, &ids);
    check(&cluster, Effects::worker_died());
}

/// A dispatch that waited in its socket while it was frozen is for a dead incarnation. With
/// `PORPOISE_TEST_DISABLED_GUARD=revalidation_after_pause` in the environment of this test it would start.
#[test]
fn what_was_sent_to_a_frozen_worker_does_not_start_when_it_wakes() {
    let Some(mut cluster) = Cluster::start(1, 2) else {
        return;
    };
    let task = cluster.task("sleep 1");
    cluster.any().apply("short", chain("short", &[task]));
    let mut frozen = cluster.take_node("w1");
    frozen.freeze();
    let ids: Vec<String> = (0..8).map(|_| cluster.start_instance("m1", "short")).collect();
    cluster.wait(PATIENCE, "the frozen worker is declared dead", |cluster| {
        !dead_members(cluster).is_empty()
    });
    wait_for_ends(&cluster, &ids);
    let lost = ask(&cluster, "SELECT dispatch_id FROM attempt WHERE state = 'lost'");
    assert!(!lost.is_empty(), "something was sent to it");
    frozen.thaw();
    assert_eq!(frozen.exit_code(PATIENCE), Some(75), "{}", frozen.output());
    let started = lines_of(&cluster.start_log());
    let late = started
        .iter()
        .filter(|line| lost.iter().any(|uid| line.starts_with(uid)));
    assert_eq!(late.collect::<Vec<_>>(), Vec::<&String>::new());
    frozen.start();
    cluster.put_back(frozen);
    check(&cluster, Effects::worker_died());
}
