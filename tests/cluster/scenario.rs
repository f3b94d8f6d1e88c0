//! Steps that several scenarios share: load, waiting, and what must hold at the end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use test_support::waiting::nothing_happens_for;

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, chain, free_address};
use crate::process::Process;
use crate::proxy::Proxy;

/// Longer than a lease, a confirmation of a death, and the warm-up of a failure detector.
pub(crate) const LONG: Duration = Duration::from_secs(9);

/// Within this time a killed master's instances have a living owner.
pub(crate) const MOVES_WITHIN: Duration = Duration::from_secs(10);

/// Within this time those of a silent master have one: its address refuses no connection.
pub(crate) const SILENT_MOVES_WITHIN: Duration = Duration::from_secs(40);

const FINAL: [&str; 3] = ["succeeded", "failed", "stopped"];

/// Instances whose tasks run, and whose later ones wait, spread over the masters. The first tasks end 4 s after this
/// returns, however long the starts took.
pub(crate) fn start_load(cluster: &Cluster, masters: &[&str], each: usize) -> Vec<String> {
    static LOADS: AtomicU32 = AtomicU32::new(0);
    let gate = cluster.path(&format!("load-{}", LOADS.fetch_add(1, Ordering::Relaxed)));
    let first = format!("while [ ! -e {} ]; do sleep 0.1; done; sleep 4", gate.display());
    let tasks: Vec<String> = [first.as_str(), "sleep 2", "sleep 1"]
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
    std::fs::write(gate, "").expect("the gate");
    ids
}

/// The owner's host of each.
pub(crate) fn owner_hosts(cluster: &Cluster, ids: &[String]) -> Vec<Value> {
    let host = |id| cluster.any().get(&format!("/instances/{id}"))["host"].clone();
    ids.iter().map(host).collect()
}

/// Waits until no instance names one of the hosts as its owner.
pub(crate) fn wait_until_left(cluster: &Cluster, ids: &[String], gone: &[&str], within: Duration) {
    cluster.wait(within, "no instance is owned by the dead", |cluster| {
        owner_hosts(cluster, ids)
            .iter()
            .all(|host| gone.iter().all(|gone| host != gone))
    });
}

/// No task ran again: one attempt each.
pub(crate) fn assert_single_attempts(cluster: &Cluster, ids: &[String]) {
    for id in ids {
        let tasks = cluster.any().items(&format!("/instances/{id}/tasks"));
        assert!(tasks.iter().all(|task| task["attempts"] == 1), "{id}: {tasks:?}");
    }
}

/// Waits until all are final.
pub(crate) fn wait_for_ends(cluster: &Cluster, ids: &[String]) {
    for id in ids {
        cluster.any().settle(id, &FINAL, PATIENCE);
    }
}

/// Waits until every failure detector has warmed up: before that it suspects no node.
pub(crate) fn pass_warm_up() {
    nothing_happens_for(LONG);
}

/// Wakes a frozen node, which finds itself declared dead and ends, and starts it again.
pub(crate) fn wake_and_restart(cluster: &mut Cluster, mut frozen: Process) {
    frozen.thaw();
    assert_eq!(frozen.exit_code(PATIENCE), Some(75), "{}", frozen.output());
    frozen.start();
    cluster.put_back(frozen);
}

/// Waits until all instances ended, each task after one attempt, and checks everything that is left behind.
pub(crate) fn finish(cluster: &Cluster, ids: &[String], effects: Effects) {
    wait_for_ends(cluster, ids);
    assert_single_attempts(cluster, ids);
    check(cluster, effects);
}

/// The incarnations that were declared dead.
pub(crate) fn dead_members(cluster: &Cluster) -> Vec<Value> {
    let nodes = cluster.on("m1").items("/nodes");
    nodes.into_iter().filter(|node| node["state"] == "dead").collect()
}

/// The health issues that a node reports.
pub(crate) fn health_issues(cluster: &Cluster, node: &str) -> String {
    cluster.on(node).get("/cluster")["degraded"].to_string()
}

/// Adds a node that others reach through a proxy, while it reaches all of them itself.
pub(crate) fn add_behind_proxy(cluster: &mut Cluster, name: &str, roles: &str) -> Proxy {
    let rpc = free_address();
    let proxy = Proxy::start(&free_address(), &rpc);
    let host = proxy.address().to_owned();
    let flags = ["--rpc-listen", &rpc, "--advertise", &host, "--slots", "32"];
    let node = cluster.add(name, roles, &flags);
    node.host.clone_from(&host);
    node.start();
    proxy
}

/// `HOST:PORT` of a database's address.
pub(crate) fn host_of(url: &str) -> String {
    let rest = url.split("://").nth(1).expect("a scheme");
    let rest = rest.split('@').next_back().expect("a host");
    rest.split('/').next().expect("a host").to_owned()
}
