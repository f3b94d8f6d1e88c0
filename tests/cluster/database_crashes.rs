//! A database that crashes and recovers: nothing that was committed is lost, so no node ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use test_support::waiting::nothing_happens_for;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE, chain};
use crate::scenario::{dead_members, wait_for_ends};

/// Crashes of the database.
const CRASHES: usize = 100;

/// Time between two crashes, in which the nodes connect and store something.
const UP_FOR: Duration = Duration::from_millis(400);

#[test]
fn a_hundred_crashes_of_the_database_raise_no_generation_and_end_no_node() {
    let Some(cluster) = Cluster::start(2, 1) else {
        return;
    };
    let task = cluster.task("true");
    cluster
        .any()
        .apply("load", chain("load", &[task.clone(), task.clone(), task]));
    let generation = "SELECT generation::text FROM cluster_meta";
    let before = ask(&cluster, generation);
    let crashed = AtomicBool::new(false);
    let ids: Vec<String> = thread::scope(|scope| {
        let clients = ["m1", "m2"].map(|node| {
            let (cluster, crashed) = (&cluster, &crashed);
            scope.spawn(move || start_until(cluster, node, crashed))
        });
        for _ in 0..CRASHES {
            nothing_happens_for(UP_FOR);
            cluster.postgres.crash_and_restart();
        }
        crashed.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .flat_map(|client| client.join().expect("no panic"))
            .collect()
    });
    assert!(ids.len() > CRASHES, "only {} were started", ids.len());
    cluster.wait(PATIENCE, "the nodes are back", |cluster| {
        cluster.try_start("m1", "load").is_some() && cluster.try_start("m2", "load").is_some()
    });
    assert_eq!(ask(&cluster, generation), before, "no commit was lost");
    assert_eq!(dead_members(&cluster), Vec::<Value>::new());
    wait_for_ends(&cluster, &ids);
    check(&cluster, Effects::default());
}

/// Starts instances at a node until the crashes are over, and returns those that were accepted.
fn start_until(cluster: &Cluster, node: &str, crashed: &AtomicBool) -> Vec<String> {
    let mut ids = Vec::new();
    while !crashed.load(Ordering::Relaxed) {
        ids.extend(cluster.try_start(node, "load"));
        thread::sleep(Duration::from_millis(50));
    }
    ids
}
