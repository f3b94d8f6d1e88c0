//! Masters that are killed, and those that come after them.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, chain};

/// Within this time a killed master's instances have a living owner.
pub(crate) const MOVES_WITHIN: Duration = Duration::from_secs(10);

/// Within this time those of a master that is silent, but whose address refuses nobody.
pub(crate) const SILENT_MOVES_WITHIN: Duration = Duration::from_secs(40);

const FINAL: [&str; 3] = ["succeeded", "failed", "stopped"];

/// Instances whose tasks run, and whose later ones wait, spread over the masters.
pub(crate) fn load(cluster: &Cluster, masters: &[&str], each: usize) -> Vec<String> {
    let tasks: Vec<String> = ["sleep 4", "sleep 2", "sleep 1"]
        .map(|script| cluster.task(script))
        .to_vec();
    cluster.any().apply("steps", chain("steps", &tasks));
    let ids: Vec<String> = masters
        .iter()
        .flat_map(|master| (0..each).map(move |_| cluster.start_instance(master, "steps")))
        .collect();
    cluster.wait(
        PATIENCE,
        "every instance has an owner and a running task",
        |cluster| {
            ids.iter().all(|id| {
                let now = cluster.any().get(&format!("/instances/{id}"));
                now["host"] != Value::Null && now["tasks"]["by_state"]["running"] == 1
            })
        },
    );
    ids
}

/// The owner's host of each.
pub(crate) fn hosts(cluster: &Cluster, ids: &[String]) -> Vec<Value> {
    let host = |id| cluster.any().get(&format!("/instances/{id}"))["host"].clone();
    ids.iter().map(host).collect()
}

/// Waits until no instance names one of the hosts as its owner.
pub(crate) fn left(cluster: &Cluster, ids: &[String], gone: &[&str], within: Duration) {
    cluster.wait(within, "every instance left the dead", |cluster| {
        hosts(cluster, ids)
            .iter()
            .all(|host| gone.iter().all(|gone| host != gone))
    });
}

/// Waits as `left` does for those of killed masters, and says how long it took since then.
fn moved_in_time(cluster: &Cluster, ids: &[String], gone: &[&str], since: Instant) {
    left(cluster, ids, gone, MOVES_WITHIN.saturating_sub(since.elapsed()));
    eprintln!(
        "{} killed: all instances moved in {:?}",
        gone.len(),
        since.elapsed()
    );
}

/// No task ran again: one attempt each.
pub(crate) fn nothing_ran_again(cluster: &Cluster, ids: &[String]) {
    for id in ids {
        let tasks = cluster.any().items(&format!("/instances/{id}/tasks"));
        assert!(tasks.iter().all(|task| task["attempts"] == 1), "{id}: {tasks:?}");
    }
}

/// Waits until all are final.
pub(crate) fn all_end(cluster: &Cluster, ids: &[String]) {
    for id in ids {
        cluster.any().settle(id, &FINAL, PATIENCE);
    }
}

#[test]
fn the_instances_of_a_killed_master_move_and_their_tasks_go_on() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = load(&cluster, &["m1", "m2"], 5);
    let before = hosts(&cluster, &ids);
    let gone = cluster.on("m1").host.clone();
    let moved: Vec<String> = ids
        .iter()
        .zip(&before)
        .filter(|(_, host)| *host == &gone)
        .map(|(id, _)| id.clone())
        .collect();
    assert!(moved.len() >= 4, "{before:?}");
    cluster.node("m1").kill();
    let killed = Instant::now();
    for (id, verb) in moved.iter().zip(["pause", "stop"]) {
        let answer = cluster.verb("m2", id, verb).expect("the survivor answers");
        assert!(matches!(answer.status, 200 | 202), "{verb} of {id}: {answer:?}");
        eprintln!(
            "a {verb} during the move: {} after {:?}",
            answer.status, answer.took
        );
    }
    moved_in_time(&cluster, &ids, &[&gone], killed);
    cluster.on("m2").settle(&moved[0], &["paused"], PATIENCE);
    cluster.applied("m2", &moved[0], "resume");
    cluster.history.ends(&moved[1], "stopped");
    all_end(&cluster, &ids);
    for id in &moved {
        let whys = cluster.whys(id);
        assert_eq!(
            whys.iter().filter(|why| *why == "failover").count(),
            1,
            "{id}: {whys:?}"
        );
    }
    let rest: Vec<String> = ids.iter().filter(|id| **id != moved[1]).cloned().collect();
    nothing_ran_again(&cluster, &rest);
    cluster.wait(PATIENCE, "the failover is recorded and acknowledged", |cluster| {
        let records = cluster.any().items("/failovers");
        records.iter().any(|record| {
            record["dead"]["host"] == gone
                && record["instances"] == moved.len()
                && record["acknowledged_at"] != Value::Null
        })
    });
    let told = cluster.any().get("/failovers").to_string().to_lowercase();
    assert!(!told.contains("connection refused"), "{told}");
    let effects = Effects {
        declared: 1,
        ..Effects::default()
    };
    check(&cluster, effects);
    assert!(cluster.counter("porpoise_declarations_total") >= 1.0);
}

#[test]
fn two_of_three_killed_at_once_then_all_killed_and_one_started() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    let ids = load(&cluster, &["m1", "m2", "m3"], 3);
    let gone = [cluster.on("m1").host.clone(), cluster.on("m2").host.clone()];
    cluster.node("m1").kill();
    cluster.node("m2").kill();
    let killed = Instant::now();
    moved_in_time(&cluster, &ids, &[&gone[0], &gone[1]], killed);
    for id in &ids[..6] {
        assert!(cluster.whys(id).contains(&"failover".to_owned()), "{id}");
    }
    let more = load(&cluster, &["m3"], 3);
    cluster.node("m3").kill();
    std::thread::sleep(Duration::from_secs(3));
    cluster.node("m1").start();
    let started = Instant::now();
    moved_in_time(&cluster, &more, &[&cluster.on("m3").host], started);
    let everything = [ids, more].concat();
    all_end(&cluster, &everything);
    nothing_ran_again(&cluster, &everything);
    let effects = Effects {
        declared: 3,
        ..Effects::default()
    };
    check(&cluster, effects);
}

#[test]
fn a_frozen_owner_is_replaced_and_ends_when_it_wakes() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = load(&cluster, &["m1"], 5);
    let frozen = cluster.on("m1").host.clone();
    let mut zombie = cluster.take("m1");
    zombie.freeze();
    let since = Instant::now();
    left(&cluster, &ids, &[&frozen], SILENT_MOVES_WITHIN);
    eprintln!("frozen: all instances moved in {:?}", since.elapsed());
    zombie.thaw();
    let code = zombie.exit_code(MOVES_WITHIN);
    assert_eq!(
        code,
        Some(75),
        "who wakes up dead ends, so that a new life can start: {}",
        zombie.said()
    );
    zombie.start();
    cluster.give_back(zombie);
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    let effects = Effects {
        declared: 1,
        ..Effects::default()
    };
    check(&cluster, effects);
}

#[test]
fn a_database_that_restarts_costs_no_life_and_no_attempt() {
    let Some(cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = load(&cluster, &["m1", "m2"], 4);
    cluster.postgres.stop();
    std::thread::sleep(Duration::from_secs(3));
    let uncertain = cluster.try_start("m2", "steps");
    assert_eq!(uncertain, None, "nothing is promised without a database");
    cluster.postgres.start();
    let mut more = None;
    cluster.wait(PATIENCE, "starts are accepted again", |cluster| {
        more = cluster.try_start("m1", "steps");
        more.is_some()
    });
    let everything: Vec<String> = ids.into_iter().chain(more).collect();
    all_end(&cluster, &everything);
    nothing_ran_again(&cluster, &everything);
    assert!(cluster.history.promises().told_to_wait > 0, "the outage was seen");
    let nodes = cluster.any().items("/nodes");
    assert!(nodes.iter().all(|node| node["state"] == "active"), "{nodes:?}");
    check(&cluster, Effects::default());
}
