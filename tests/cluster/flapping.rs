//! A node that keeps dying: it waits before it joins again, and instances stay where they are.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::scenario::{assert_single_attempts, start_load, wait_for_ends, wait_until_left};

/// A waiting incarnation ends within this time after SIGTERM, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The wait after the third death (15 s), the probation period (10 s), and what a busy machine needs.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(60);

/// Kills the node with instances of its own, and waits until it is declared dead and they have moved.
fn kill_until_dead(cluster: &mut Cluster, name: &str) -> Vec<String> {
    let ids = start_load(cluster, &[name], 2);
    let (incarnation, host) = (
        cluster.on(name).incarnation.clone(),
        cluster.on(name).host.clone(),
    );
    cluster.node(name).kill();
    cluster.wait(PATIENCE, "it is declared dead", |cluster| {
        let nodes = cluster.any().items("/nodes");
        nodes
            .iter()
            .any(|node| node["incarnation"] == incarnation.as_str() && node["state"] == "dead")
    });
    wait_until_left(cluster, &ids, &[&host], PATIENCE);
    ids
}

/// After its third death: a waiting incarnation ends at once on SIGTERM, and the next one waits for what is left.
fn restarts_wait_and_join(cluster: &mut Cluster) {
    let third = Instant::now();
    let waiting = |cluster: &Cluster| cluster.on("m2").output().contains("waits before it joins");
    cluster.node("m2").spawn();
    cluster.wait(PATIENCE, "the node says that it waits, and why", waiting);
    let signalled = Instant::now();
    let code = cluster.node("m2").stop(AT_ONCE);
    assert_eq!(
        code,
        Some(0),
        "a waiting node ends at once: {}",
        cluster.on("m2").output()
    );
    eprintln!("a waiting node ended {:?} after SIGTERM", signalled.elapsed());

    cluster.node("m2").spawn();
    cluster.wait(PATIENCE, "the next incarnation waits for what is left", waiting);
    cluster.wait(COMES_BACK_WITHIN, "it joins", |cluster| {
        cluster
            .any()
            .items("/nodes")
            .iter()
            .any(|node| node["state"] == "joining")
    });
    let joined = third.elapsed();
    cluster.node("m2").wait_until_ready(COMES_BACK_WITHIN);
    let ready = third.elapsed();
    eprintln!("after the third death: joined after {joined:?}, active after {ready:?}");
    assert!(joined >= Duration::from_secs(10), "it waited: {joined:?}");
    assert!(
        ready - joined >= Duration::from_secs(8),
        "it was on probation: {:?}",
        ready - joined
    );
}

#[test]
fn an_address_that_died_three_times_waits_and_joins_when_it_stays_up() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let mut ids = kill_until_dead(&mut cluster, "m2");
    for _ in 0..2 {
        let since = Instant::now();
        cluster.node("m2").start();
        eprintln!("bad luck: ready after {:?}", since.elapsed());
        assert!(
            !cluster.on("m2").output().contains("waits before it joins"),
            "two deaths are bad luck"
        );
        ids.extend(kill_until_dead(&mut cluster, "m2"));
    }
    restarts_wait_and_join(&mut cluster);

    ids.extend(start_load(&cluster, &["m2"], 2));
    wait_for_ends(&cluster, &ids);
    assert_single_attempts(&cluster, &ids);
    for id in &ids[..6] {
        assert_eq!(
            cluster.ownership_reasons(id),
            ["start", "failover"],
            "{id} moved once"
        );
    }
    for id in &ids[6..] {
        assert_eq!(cluster.ownership_reasons(id), ["start"], "{id}");
    }
    let dead = ask(
        &cluster,
        "SELECT incarnation::text FROM member WHERE state = 'dead'",
    );
    assert_eq!(dead.len(), 3, "the cluster stayed calm: {dead:?}");
    check(&cluster, Effects::declared(3));
}

#[test]
fn without_another_master_no_node_waits() {
    let Some(mut cluster) = Cluster::start(2, 0) else {
        return;
    };
    let host = cluster.on("m2").host.clone();
    // Deaths as others have declared them; whether they were right does not matter here.
    cluster.sql(&format!(
        "INSERT INTO member (name, host, roles, state, version, joined_at, state_at, declared_by) \
         SELECT 'm2', '{host}', 'master', 'dead', 'x', 0, (extract(epoch FROM now()) * 1000)::bigint, 1 \
         FROM generate_series(1, 5)"
    ));
    let of_m1: Value = cluster.on("m1").get("/cluster");
    assert!(of_m1.is_object(), "{of_m1}");
    cluster.node("m2").kill();
    cluster.node("m1").kill();
    cluster.node("m2").start();
    let said = cluster.on("m2").output();
    eprintln!(
        "alone: {}",
        if said.contains("waits before it joins") {
            "waited until m1 was silent"
        } else {
            "at once"
        }
    );
    assert!(cluster.on("m2").get("/cluster").is_object());
}
