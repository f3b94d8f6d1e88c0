//! Masters that are killed or frozen, and the owners that follow them.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::scenario::{
    MOVES_WITHIN, SILENT_MOVES_WITHIN, assert_single_attempts, finish, owner_hosts, start_load,
    wait_for_ends, wait_until_left, wake_and_restart,
};
use test_support::waiting::nothing_happens_for;

/// Waits as `left` does for those of killed masters, and says how long it took since then.
fn moved_in_time(cluster: &Cluster, ids: &[String], gone: &[&str], since: Instant) {
    wait_until_left(cluster, ids, gone, MOVES_WITHIN.saturating_sub(since.elapsed()));
    eprintln!(
        "{} killed: all instances moved in {:?}",
        gone.len(),
        since.elapsed()
    );
}

/// Time without any master, or without a database.
const OUTAGE: Duration = Duration::from_secs(3);

#[test]
fn the_instances_of_a_killed_master_move_and_their_tasks_continue() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1", "m2"], 5);
    let before = owner_hosts(&cluster, &ids);
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
    for (id, command) in moved.iter().zip(["pause", "stop"]) {
        let answer = cluster.command("m2", id, command).expect("the survivor answers");
        assert!(
            matches!(answer.status, 200 | 202),
            "{command} of {id}: {answer:?}"
        );
        eprintln!(
            "a {command} during the move: {} after {:?}",
            answer.status, answer.took
        );
    }
    moved_in_time(&cluster, &ids, &[&gone], killed);
    cluster.on("m2").settle(&moved[0], &["paused"], PATIENCE);
    cluster.apply_command("m2", &moved[0], "resume");
    cluster.history.expect_end(&moved[1], "stopped");
    wait_for_ends(&cluster, &ids);
    for id in &moved {
        let whys = cluster.ownership_reasons(id);
        assert_eq!(
            whys.iter().filter(|why| *why == "failover").count(),
            1,
            "{id}: {whys:?}"
        );
    }
    let rest: Vec<String> = ids.iter().filter(|id| **id != moved[1]).cloned().collect();
    assert_single_attempts(&cluster, &rest);
    cluster.wait(PATIENCE, "the failover is recorded and acknowledged", |cluster| {
        let records = cluster.any().items("/failovers");
        records.iter().any(|record| {
            record["dead"]["host"] == gone
                && record["instances"] == moved.len()
                && record["acknowledged_at"] != Value::Null
        })
    });
    let failovers = cluster.any().get("/failovers").to_string().to_lowercase();
    assert!(!failovers.contains("connection refused"), "{failovers}");
    check(&cluster, Effects::declared(1));
    for counter in [
        "porpoise_declarations_total",
        "porpoise_failovers_total",
        "porpoise_failover_duration_seconds_count",
    ] {
        assert_eq!(cluster.counter(counter), 1.0, "{counter}");
    }
}

#[test]
fn two_of_three_killed_at_once_then_all_killed_and_one_started() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1", "m2", "m3"], 3);
    let gone = [cluster.on("m1").host.clone(), cluster.on("m2").host.clone()];
    cluster.node("m1").kill();
    cluster.node("m2").kill();
    let killed = Instant::now();
    moved_in_time(&cluster, &ids, &[&gone[0], &gone[1]], killed);
    for id in &ids[..6] {
        assert!(
            cluster.ownership_reasons(id).contains(&"failover".to_owned()),
            "{id}"
        );
    }
    let more = start_load(&cluster, &["m3"], 3);
    cluster.node("m3").kill();
    nothing_happens_for(OUTAGE);
    cluster.node("m1").start();
    let started = Instant::now();
    moved_in_time(&cluster, &more, &[&cluster.on("m3").host], started);
    let everything = [ids, more].concat();
    finish(&cluster, &everything, Effects::declared(3));
}

#[test]
fn a_frozen_owner_is_replaced_and_ends_when_it_wakes() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1"], 5);
    let frozen = cluster.on("m1").host.clone();
    let zombie = cluster.take_node("m1");
    zombie.freeze();
    let since = Instant::now();
    wait_until_left(&cluster, &ids, &[&frozen], SILENT_MOVES_WITHIN);
    eprintln!("frozen: all instances moved in {:?}", since.elapsed());
    wake_and_restart(&mut cluster, zombie);
    finish(&cluster, &ids, Effects::declared(1));
}

#[test]
fn a_database_that_restarts_ends_no_node_and_no_attempt() {
    let Some(cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1", "m2"], 4);
    cluster.postgres.stop();
    nothing_happens_for(OUTAGE);
    let uncertain = cluster.try_start("m2", "steps");
    assert_eq!(uncertain, None, "nothing is promised without a database");
    cluster.postgres.start();
    let mut more = None;
    cluster.wait(PATIENCE, "starts are accepted again", |cluster| {
        more = cluster.try_start("m1", "steps");
        more.is_some()
    });
    let everything: Vec<String> = ids.into_iter().chain(more).collect();
    wait_for_ends(&cluster, &everything);
    assert_single_attempts(&cluster, &everything);
    assert!(cluster.history.promises().retry_later > 0, "the outage was seen");
    let nodes = cluster.any().items("/nodes");
    assert!(nodes.iter().all(|node| node["state"] == "active"), "{nodes:?}");
    check(&cluster, Effects::default());
}
