//! Workers that die with running attempts, and worker groups without a worker.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, chain};
use crate::scenario::wait_for_ends;

/// Within this time the attempts of a killed worker run again.
const RUNS_AGAIN_WITHIN: Duration = Duration::from_secs(20);

/// Starts instances of one task that runs until the flag exists, or that of its worker (`flag-w1`), until each worker
/// runs three.
pub(crate) fn held(cluster: &Cluster, workers: &[&str]) -> Vec<String> {
    let flag = cluster.path("flag").display().to_string();
    // The folder of the worker that runs it is the first below the cluster's.
    let depth = cluster.path("").components().count() + 1;
    let mine = format!("mine={flag}-$(pwd | cut -d/ -f{depth})");
    let wait = format!("while [ ! -e {flag} ] && [ ! -e $mine ]; do sleep 0.1; done");
    let task = cluster.task(&format!("{mine}; {wait}"));
    cluster.any().apply("held", chain("held", &[task]));
    let mut ids = Vec::new();
    cluster.wait(PATIENCE, "each worker runs three tasks", |cluster| {
        let id = cluster.start_instance("m1", "held");
        cluster.wait(PATIENCE, "the task runs", |cluster| {
            task_of(cluster, &id)["state"] == "running"
        });
        ids.push(id);
        let runs = |worker: &str| {
            ids.iter()
                .filter(|id| task_of(cluster, id)["worker"] == worker)
                .count()
        };
        workers.iter().all(|worker| runs(worker) >= 3)
    });
    ids
}

/// The one task of an instance of `held`.
pub(crate) fn task_of(cluster: &Cluster, id: &str) -> Value {
    cluster.any().get(&format!("/instances/{id}/tasks/t0"))
}

/// Waits until the last attempt of each runs, as this number, and the one before is lost.
pub(crate) fn run_again(cluster: &Cluster, ids: &[&String], number: u64) {
    cluster.wait(
        RUNS_AGAIN_WITHIN,
        "the attempts of the killed worker run again",
        |cluster| {
            ids.iter().all(|id| {
                let task = task_of(cluster, id);
                task["state"] == "running" && task["attempts"] == number
            })
        },
    );
    for id in ids {
        let task = task_of(cluster, id);
        let states: Vec<&str> = task["attempt_list"]
            .as_array()
            .expect("attempts")
            .iter()
            .map(|attempt| attempt["state"].as_str().expect("a state"))
            .collect();
        let (last, before) = states.split_last().expect("an attempt");
        assert_eq!(*last, "running", "{id}: {task}");
        assert!(before.iter().all(|state| *state == "lost"), "{id}: {task}");
    }
}

#[test]
fn attempts_of_a_killed_worker_run_again_and_its_restart_kills_the_leftovers() {
    let Some(mut cluster) = Cluster::start(1, 2) else {
        return;
    };
    let ids = held(&cluster, &["w1", "w2"]);
    let on_w1: Vec<String> = ids
        .iter()
        .filter(|id| task_of(&cluster, id)["worker"] == "w1")
        .cloned()
        .collect();
    cluster.node("w1").kill();
    let killed = Instant::now();
    assert!(
        !cluster.task_processes("w1").is_empty(),
        "the processes of tasks outlive their worker"
    );
    run_again(&cluster, &on_w1.iter().collect::<Vec<_>>(), 2);
    eprintln!(
        "a killed worker: {} attempts ran again after {:?}",
        on_w1.len(),
        killed.elapsed()
    );
    for id in ids.iter().filter(|id| !on_w1.contains(id)) {
        assert_eq!(task_of(&cluster, id)["attempts"], 1, "{id} ran elsewhere");
    }
    for (counter, value) in [
        ("porpoise_worker_lost_total", 1),
        ("porpoise_declarations_total", 1),
        ("porpoise_task_retries_total", on_w1.len()),
        ("porpoise_dispatch_total", ids.len() + on_w1.len()),
    ] {
        assert_eq!(cluster.counter(counter), value as f64, "{counter}");
    }
    cluster.node("w1").start();
    assert_eq!(
        cluster.task_processes("w1"),
        Vec::<i32>::new(),
        "a new incarnation kills the leftovers first"
    );
    // The second one comes back at once: its attempts are not waited for, they are known to be lost.
    let before: Vec<(String, u64)> = ids
        .iter()
        .map(|id| {
            (
                id.clone(),
                task_of(&cluster, id)["attempts"].as_u64().expect("a number"),
            )
        })
        .collect();
    cluster.node("w2").kill();
    let killed = Instant::now();
    cluster.node("w2").start();
    for (id, attempts) in &before {
        run_again(&cluster, &[id], attempts + 1);
    }
    eprintln!(
        "a worker that came back at once: all ran again after {:?}",
        killed.elapsed()
    );
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    wait_for_ends(&cluster, &ids);
    check(&cluster, Effects::worker_died());
}

#[test]
fn a_worker_group_without_a_worker_is_waited_for_and_named() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let task = cluster.task("true");
    let document = chain("painted", &[task]).replace("tasks:", "worker_group: painters\ntasks:");
    cluster.any().apply("painted", document);
    let id = cluster.start_instance("m1", "painted");
    cluster.wait(PATIENCE, "the task waits, and names the group", |cluster| {
        let task = task_of(cluster, &id);
        let reason = task["reason"].as_str().unwrap_or_default();
        task["state"] == "waiting" && reason.contains("`painters`")
    });
    let host = &cluster.any().get(&format!("/instances/{id}"))["host"];
    assert_eq!(
        *host,
        json!(cluster.on("m1").host),
        "an instance that waits for a worker has an owner"
    );
    cluster
        .add("w2", "worker", &["--worker-group", "painters"])
        .start();
    wait_for_ends(&cluster, std::slice::from_ref(&id));
    assert_eq!(task_of(&cluster, &id)["worker"], "w2");
    let path = format!("/api/v1/instances/{id}/tasks/t0/attempts/1/log");
    assert_eq!(cluster.any().ask(Method::GET, &path, "", "").status, 200);
    check(&cluster, Effects::default());
}
