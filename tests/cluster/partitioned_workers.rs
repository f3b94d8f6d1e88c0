//! Workers whose packets are dropped: cut off from the masters only, and from everything.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::network::Direction;
use crate::scenario::{dead_members, wait_for_ends};
use crate::worker_crash::{held, run_again, task_of};
use test_support::waiting::nothing_happens_for;

/// How long a worker is cut off from all masters while its tasks end.
const CUT_FOR: Duration = Duration::from_secs(10);

/// A worker reports again within 5 s, and a slot poll takes a second or two.
const DELIVERED_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn a_worker_without_masters_keeps_its_results_and_one_without_a_database_is_dead() {
    let Some(mut cluster) = Cluster::start_apart(2, 2) else {
        return;
    };
    let ids = held(&cluster, &["w1", "w2"]);
    let (on_w1, on_w2): (Vec<&String>, Vec<&String>) =
        ids.iter().partition(|id| task_of(&cluster, id)["worker"] == "w1");
    kept_and_delivered(&cluster, &on_w1);
    declared_dead(&mut cluster, &on_w2);
    wait_for_ends(&cluster, &ids);
    for id in on_w1 {
        assert_eq!(task_of(&cluster, id)["attempts"], 1, "{id} ran once");
    }
    check(&cluster, Effects::worker_died());
}

/// Its tasks end while no master reaches it and it reaches none; each result comes once, and nothing runs again.
fn kept_and_delivered(cluster: &Cluster, ids: &[&String]) {
    cluster.network().cut("w1", Direction::Both, &["m1", "m2"]);
    let cut = Instant::now();
    std::fs::write(cluster.path("flag-w1"), "").expect("the flag");
    cluster.wait(CUT_FOR, "its tasks end", |cluster| {
        cluster.task_processes("w1").is_empty()
    });
    nothing_happens_for(CUT_FOR.saturating_sub(cut.elapsed()));
    let running = |cluster: &Cluster, id: &str| task_of(cluster, id)["state"] == "running";
    assert!(
        ids.iter().all(|id| running(cluster, id)),
        "their ends are unknown"
    );
    assert_eq!(
        dead_members(cluster),
        Vec::<Value>::new(),
        "its heartbeats succeed"
    );
    cluster.network().heal("w1");
    let healed = Instant::now();
    cluster.wait(DELIVERED_WITHIN, "its results come", |cluster| {
        ids.iter().all(|id| task_of(cluster, id)["state"] == "succeeded")
    });
    // What runs again of the other worker comes here, and has to wait.
    std::fs::remove_file(cluster.path("flag-w1")).expect("the flag");
    eprintln!("results came {:?} after the cut was healed", healed.elapsed());
    let lost = ask(cluster, "SELECT dispatch_id FROM attempt WHERE state = 'lost'");
    assert_eq!(lost, Vec::<String>::new());
}

/// It is unreachable, so what it ran is lost and runs again; when it reads that, it ends its tasks and itself.
fn declared_dead(cluster: &mut Cluster, ids: &[&String]) {
    cluster.network().cut_from_all("w2", Direction::Both);
    cluster.wait(PATIENCE, "it is declared dead", |cluster| {
        !dead_members(cluster).is_empty()
    });
    run_again(cluster, ids, 2);
    assert!(
        !cluster.task_processes("w2").is_empty(),
        "its tasks continue: no node can stop them"
    );
    cluster.network().heal("w2");
    assert_eq!(cluster.node("w2").exit_code(PATIENCE), Some(75));
    assert_eq!(
        cluster.task_processes("w2"),
        Vec::<i32>::new(),
        "it ends its tasks first"
    );
    cluster.node("w2").start();
    std::fs::write(cluster.path("flag"), "").expect("the flag");
}
