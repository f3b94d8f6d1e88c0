//! Paths between nodes that refuse or reject, while the nodes behind them work: no node ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::waiting::nothing_happens_for;

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, free_address};
use crate::proxy::{Mode, Proxy};
use crate::scenario::{add_behind_proxy, assert_single_attempts, dead_members, pass_warm_up, wait_for_ends};
use crate::worker_crash::held;

/// Longer than a sidecar needs for its restart, and than any confirmation of a death.
const REFUSED_FOR: Duration = Duration::from_secs(6);

/// Within this time everything works again.
const WORKS_WITHIN: Duration = Duration::from_secs(30);

/// Longer than a lease, and than the warm-up of a failure detector after it.
const OUTAGE: Duration = Duration::from_secs(10);

/// The incarnation of each node as the node itself printed it.
fn incarnations(cluster: &Cluster) -> BTreeMap<String, String> {
    let nodes = cluster.nodes();
    nodes
        .map(|node| (node.name.clone(), node.incarnation.clone()))
        .collect()
}

/// The incarnation of each live node as the database has it.
fn live_incarnations(cluster: &Cluster) -> BTreeMap<String, String> {
    let nodes = cluster.on("m1").items("/nodes").into_iter();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    nodes
        .filter(|node| node["state"] == "active")
        .map(|node| (text(&node["name"]), text(&node["incarnation"])))
        .collect()
}

#[test]
fn a_master_and_a_worker_behind_a_path_that_refuses_continue() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let links = [("y", "master,api"), ("x", "worker")].map(|(name, roles)| {
        let link = add_behind_proxy(&mut cluster, name, roles);
        (name, link)
    });
    pass_warm_up();
    let mut ids = held(&cluster, &["w1", "x"]);
    ids.extend((0..3).map(|_| cluster.start_instance("y", "held")));
    for mode in [Mode::Refused, Mode::Closed] {
        for (name, link) in &links {
            link.set(mode);
            nothing_happens_for(REFUSED_FOR);
            assert_eq!(dead_members(&cluster), Vec::<Value>::new(), "{name}: {mode:?}");
            link.set(Mode::Open);
        }
    }
    assert_eq!(live_incarnations(&cluster), incarnations(&cluster));
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    wait_for_ends(&cluster, &ids);
    assert_single_attempts(&cluster, &ids);
    check(&cluster, Effects::default());
}

/// Adds a node that others reach through one proxy, and that reaches Consul through another.
fn add_behind_proxies(cluster: &mut Cluster, name: &str, roles: &str) -> [Proxy; 2] {
    let agent = cluster.consul.url().trim_start_matches("http://").to_owned();
    let consul = Proxy::start(&free_address(), &agent);
    let rpc = free_address();
    let peers = Proxy::start(&free_address(), &rpc);
    let host = peers.address().to_owned();
    let url = format!("http://{}", consul.address());
    let flags = [
        "--rpc-listen",
        &rpc,
        "--advertise",
        &host,
        "--slots",
        "32",
        "--consul",
        &url,
    ];
    let node = cluster.add(name, roles, &flags);
    node.host.clone_from(&host);
    node.start();
    [peers, consul]
}

#[test]
fn all_paths_and_consul_fail_together_and_no_process_ends() {
    let Some(mut cluster) = Cluster::start(0, 0) else {
        return;
    };
    let nodes = [
        ("m1", "master,api"),
        ("m2", "master,api"),
        ("w1", "worker"),
        ("w2", "worker"),
    ];
    let links: Vec<Proxy> = nodes
        .iter()
        .flat_map(|(name, roles)| add_behind_proxies(&mut cluster, name, roles))
        .collect();
    pass_warm_up();
    let ids = held(&cluster, &["w1", "w2"]);
    for mode in [Mode::Refused, Mode::BlackHole] {
        links.iter().for_each(|link| link.set(mode));
        nothing_happens_for(OUTAGE);
        links.iter().for_each(|link| link.set(Mode::Open));
        let back = Instant::now();
        cluster.wait(WORKS_WITHIN, "no node is degraded", |cluster| {
            ["m1", "m2"].iter().all(|node| {
                let degraded = &cluster.on(node).get("/cluster")["degraded"];
                degraded.as_array().is_some_and(Vec::is_empty)
            })
        });
        let task = cluster.task("true");
        let document = crate::fixture::chain("quick", &[task]);
        cluster.any().apply("quick", document);
        let quick = ["m1", "m2"].map(|node| cluster.start_instance(node, "quick"));
        for id in &quick {
            let left = WORKS_WITHIN.saturating_sub(back.elapsed());
            cluster.any().settle(id, &["succeeded"], left);
        }
        eprintln!(
            "{mode:?}: everything works {:?} after the links are back",
            back.elapsed()
        );
        assert_eq!(dead_members(&cluster), Vec::<Value>::new(), "{mode:?}");
        assert_eq!(live_incarnations(&cluster), incarnations(&cluster), "{mode:?}");
    }
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    wait_for_ends(&cluster, &ids);
    assert_single_attempts(&cluster, &ids);
    check(&cluster, Effects::default());
}

/// A second node with the same name, whose call to the first one is refused, is no proof that the first one has ended.
#[test]
fn a_second_node_of_a_name_does_not_end_the_first_one() {
    let Some(mut cluster) = Cluster::start(1, 0) else {
        return;
    };
    let link = add_behind_proxy(&mut cluster, "x", "worker");
    let first = cluster.take_node("x");
    link.set(Mode::Refused);
    let data = cluster.path("second").display().to_string();
    let second = cluster.add("x", "worker", &["--data", &data]);
    second.spawn();
    assert_eq!(second.exit_code(PATIENCE), Some(1), "{}", second.output());
    assert!(
        second.output().contains("another node runs with the name x"),
        "{}",
        second.output()
    );
    assert_eq!(dead_members(&cluster), Vec::<Value>::new());
    link.set(Mode::Open);
    cluster.put_back(first);
    assert_eq!(live_incarnations(&cluster), incarnations(&cluster));
}
