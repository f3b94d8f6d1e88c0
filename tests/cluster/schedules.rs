//! Schedules while masters die, freeze and come back: each fire time has exactly one instance.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::scenario::wake_and_restart;
use test_support::waiting::nothing_happens_for;

/// The exit code of a node at its fail point.
const AT_A_POINT: i32 = 99;

/// A few fires.
const SOME_FIRES: Duration = Duration::from_secs(4);

fn put_schedule(cluster: &Cluster) {
    cluster.any().apply(
        "tick",
        "version: 1\nname: tick\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    let path = "/api/v1/projects/default/workflows/tick/schedules/s";
    let fields = json!({"cron": "* * * * * ?", "missed": "all"});
    let request = cluster.any().request(reqwest::Method::PUT, path).json(&fields);
    assert_eq!(cluster.any().send(request).status().as_u16(), 201);
}

fn milliseconds(time: &Value) -> i64 {
    let time = DateTime::parse_from_rfc3339(time.as_str().expect("a time"));
    time.expect("RFC 3339").timestamp_millis()
}

/// The number of instances by fire time.
fn fires(cluster: &Cluster) -> BTreeMap<i64, u32> {
    let mut fires = BTreeMap::new();
    for instance in cluster.any().items("/instances?schedule=s") {
        *fires.entry(milliseconds(&instance["scheduled_at"])).or_default() += 1;
    }
    fires
}

/// Waits until the schedule has fired after this moment.
fn wait_for_more_fires(cluster: &Cluster) {
    let before = fires(cluster).len();
    cluster.wait(PATIENCE, "the schedule continues", |cluster| {
        fires(cluster).len() >= before + 3
    });
}

/// Pauses the schedule, waits for its instances, and checks that no second lacks one or has two.
fn finish(cluster: &Cluster, effects: Effects) {
    let path = "/api/v1/projects/default/workflows/tick/schedules/s/pause";
    let request = cluster
        .any()
        .request(reqwest::Method::POST, path)
        .json(&json!({}));
    assert_eq!(cluster.any().send(request).status().as_u16(), 200);
    cluster.wait(PATIENCE, "every instance ends", |cluster| {
        let all = cluster.any().items("/instances?schedule=s");
        all.iter().all(|instance| instance["state"] == "succeeded")
    });
    let fires = fires(cluster);
    let (first, last) = (fires.keys().next().unwrap(), fires.keys().last().unwrap());
    let missing: Vec<i64> = (*first..=*last)
        .step_by(1_000)
        .filter(|second| !fires.contains_key(second))
        .collect();
    assert!(missing.is_empty(), "no instance at {missing:?}");
    assert!(fires.values().all(|count| *count == 1), "{fires:?}");
    check(cluster, effects);
}

#[test]
fn a_killed_and_a_frozen_master_cost_no_fire() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    put_schedule(&cluster);
    wait_for_more_fires(&cluster);
    for name in ["m1", "m2", "m3"] {
        cluster.node(name).kill();
        wait_for_more_fires(&cluster);
        cluster.node(name).start();
    }
    let frozen = cluster.take_node("m1");
    frozen.freeze();
    cluster.wait(PATIENCE * 2, "the frozen master is declared dead", |cluster| {
        let failovers = cluster.any().items("/failovers");
        failovers
            .iter()
            .any(|record| record["dead"]["host"] == frozen.host.as_str())
            || cluster.any().items("/nodes").iter().any(|node| {
                node["state"] == "dead" && node["name"] == "m1" && node["host"] == frozen.host.as_str()
            })
    });
    wake_and_restart(&mut cluster, frozen);
    nothing_happens_for(SOME_FIRES);
    finish(&cluster, Effects::default());
}

#[test]
fn a_master_that_dies_round_the_commit_of_a_fire_is_followed_by_the_next() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    put_schedule(&cluster);
    for point in ["schedule.before_commit@2", "schedule.after_commit@2"] {
        let name = point.split(['.', '@']).nth(1).unwrap_or_default().to_owned();
        let doomed = cluster.add(&name, "master,api", &[]);
        doomed.environment = vec![("PORPOISE_TEST_ABORT", point.to_owned())];
        doomed.start();
        // The other master is away, so that the doomed one fires.
        cluster.node("m1").kill();
        let code = cluster.node(&name).exit_code(PATIENCE);
        assert_eq!(code, Some(AT_A_POINT), "{point} should be reached");
        cluster.node("m1").start();
        wait_for_more_fires(&cluster);
    }
    finish(&cluster, Effects::default());
}
