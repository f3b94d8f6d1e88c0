//! Masters that join, restart and drain gracefully: no task notices.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, chain};
use crate::scenario::{
    MOVES_WITHIN, assert_single_attempts, finish, owner_hosts, start_load, wait_for_ends, wait_until_left,
};
use test_support::waiting::nothing_happens_for;

/// A drain may take 30 s, and a little to end.
const LEAVES_WITHIN: Duration = Duration::from_secs(35);

#[test]
fn a_restart_at_the_same_address_takes_its_orphans_and_a_newcomer_takes_nothing() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1"], 6);
    let first = cluster.on("m1").incarnation.clone();
    cluster.node("m1").kill();
    let killed = Instant::now();
    cluster.node("m1").start();
    let second = cluster.on("m1").incarnation.clone();
    assert_ne!(first, second, "every start is an incarnation of its own");
    let is_mine = |cluster: &Cluster, id: &String| {
        let now = cluster.any().get(&format!("/instances/{id}"));
        now["owner"].as_str() == Some(&second) && now["host"] == cluster.on("m1").host
    };
    cluster.wait(
        Duration::from_secs(5),
        "the new incarnation owns what the old one did",
        |cluster| ids.iter().all(|id| is_mine(cluster, id)),
    );
    eprintln!(
        "a restart: its orphans were taken {:?} after the kill",
        killed.elapsed()
    );
    cluster.add("m2", "master,api", &[]).start();
    nothing_happens_for(Duration::from_secs(2));
    let more = start_load(&cluster, &["m1"], 2);
    nothing_happens_for(Duration::from_secs(2));
    assert!(
        more.iter().all(|id| cluster.ownership_reasons(id) == ["start"]),
        "nothing is stolen"
    );
    for id in &ids {
        assert_eq!(cluster.ownership_reasons(id), ["start", "restart"], "{id}");
    }
    let everything = [ids, more].concat();
    finish(&cluster, &everything, Effects::default());
}

/// A client that starts short instances on all masters in turn until `enough` is set.
fn clients_start(cluster: &Cluster, masters: &[&str], enough: &AtomicBool) -> Vec<String> {
    let mut ids = Vec::new();
    for turn in 0.. {
        if enough.load(Ordering::Relaxed) {
            return ids;
        }
        ids.extend(cluster.try_start(masters[turn % masters.len()], "short"));
        std::thread::sleep(Duration::from_millis(100));
    }
    ids
}

#[test]
fn masters_that_leave_in_order_hand_over_and_no_task_notices() {
    let Some(mut cluster) = Cluster::start(3, 2) else {
        return;
    };
    let short = [cluster.task("sleep 0.2"), cluster.task("sleep 0.2")];
    cluster.any().apply("short", chain("short", &short));
    let mut ids = Vec::new();
    for leaving in ["m1", "m2", "m3"] {
        let staying: Vec<&str> = ["m1", "m2", "m3"]
            .into_iter()
            .filter(|name| *name != leaving)
            .collect();
        let long = start_load(&cluster, &[leaving], 4);
        let mut process = cluster.take_node(leaving);
        let enough = AtomicBool::new(false);
        let (code, started) = std::thread::scope(|scope| {
            let clients = scope.spawn(|| clients_start(&cluster, &staying, &enough));
            let code = process.stop(LEAVES_WITHIN);
            if code.is_some() {
                process.start();
            }
            enough.store(true, Ordering::Relaxed);
            (code, clients.join().expect("the clients"))
        });
        cluster.put_back(process);
        assert_eq!(
            code,
            Some(0),
            "{leaving} leaves in order: {}",
            cluster.on(leaving).output()
        );
        for id in &long {
            assert_eq!(
                cluster.ownership_reasons(id),
                ["start", "handover"],
                "{id} of {leaving}"
            );
        }
        ids.extend(long);
        ids.extend(started);
    }
    ids.extend(drained_by_another(&mut cluster));
    wait_for_ends(&cluster, &ids);
    assert_single_attempts(&cluster, &ids);
    let uncertain = cluster.history.promises().uncertain_starts;
    assert_eq!(uncertain, 0, "a node that stays takes every start");
    check(&cluster, Effects::default());
}

/// `node drain` of a node through another one: the same as SIGTERM to its process.
fn drained_by_another(cluster: &mut Cluster) -> Vec<String> {
    let ids = start_load(cluster, &["m2"], 4);
    let (incarnation, host) = (
        cluster.on("m2").incarnation.clone(),
        cluster.on("m2").host.clone(),
    );
    let path = format!("/api/v1/nodes/{incarnation}/drain");
    let answer = cluster
        .on("m1")
        .ask(Method::POST, &path, "application/json", "{}");
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (202, &json!("draining")),
        "{answer:?}"
    );
    let asked = Instant::now();
    let code = cluster.node("m2").exit_code(LEAVES_WITHIN);
    assert_eq!(code, Some(0), "{}", cluster.on("m2").output());
    eprintln!("a drain by API: the process ended after {:?}", asked.elapsed());
    let nodes = cluster.any().items("/nodes");
    let drained = nodes
        .iter()
        .find(|node| node["incarnation"] == incarnation.as_str());
    assert_eq!(
        drained.map(|node| &node["state"]),
        Some(&json!("left")),
        "{nodes:?}"
    );
    wait_until_left(cluster, &ids, &[&host], MOVES_WITHIN);
    let owners: BTreeSet<String> = owner_hosts(cluster, &ids)
        .iter()
        .filter(|host| **host != Value::Null)
        .map(|host| cluster.named(host))
        .collect();
    assert!(owners.iter().all(|owner| owner != "m2"), "{owners:?}");
    ids
}
