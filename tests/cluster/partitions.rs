//! Nodes that are cut off from one thing only.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::{Effects, check};
use crate::death::{all_end, hosts, left, load, nothing_ran_again};
use crate::fixture::{Cluster, PATIENCE, free_address};
use crate::proxy::{Mode, Proxy};

/// Longer than any lease, confirmation and young view.
const LONG: Duration = Duration::from_secs(9);

/// Those of a master that lives, but lost the database, have another owner within this time.
const MOVES_WITHIN: Duration = Duration::from_secs(40);

/// What of a master goes through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Registry,
    Database,
    Peers,
}

/// Adds a master `x`, one of whose links can be cut.
fn add_behind(cluster: &mut Cluster, link: Link) -> Proxy {
    let here = free_address();
    match link {
        Link::Registry => {
            let agent = cluster.consul.url().trim_start_matches("http://").to_owned();
            let proxy = Proxy::start(&here, &agent);
            let url = format!("http://{}", proxy.address());
            cluster.add("x", "master,api", &["--consul", &url]).start();
            proxy
        }
        Link::Database => {
            let url = cluster.postgres.url();
            let server = host_of(&url);
            let proxy = Proxy::start(&here, &server);
            let url = url.replace(&server, proxy.address());
            cluster.add("x", "master,api", &["--database-url", &url]).start();
            proxy
        }
        Link::Peers => {
            let rpc = free_address();
            let proxy = Proxy::start(&here, &rpc);
            let host = proxy.address().to_owned();
            let flags = ["--rpc-listen", rpc.as_str(), "--advertise", &host];
            let node = cluster.add("x", "master,api", &flags);
            node.host = host.clone();
            node.start();
            proxy
        }
    }
}

/// `HOST:PORT` of a database's address.
fn host_of(url: &str) -> String {
    let rest = url.split("://").nth(1).expect("a scheme");
    let rest = rest.split('@').next_back().expect("a host");
    rest.split('/').next().expect("a host").to_owned()
}

fn dead(cluster: &Cluster) -> Vec<Value> {
    let nodes = cluster.on("m1").items("/nodes");
    nodes.into_iter().filter(|node| node["state"] == "dead").collect()
}

fn troubles(cluster: &Cluster, node: &str) -> String {
    cluster.on(node).get("/cluster")["degraded"].to_string()
}

#[test]
fn a_master_cut_off_from_the_registry_only_goes_on() {
    for mode in [Mode::Closed, Mode::BlackHole] {
        let Some(mut cluster) = Cluster::start(1, 1) else {
            return;
        };
        let link = add_behind(&mut cluster, Link::Registry);
        // Past the time in which nobody is suspected anyway.
        std::thread::sleep(LONG);
        let ids = load(&cluster, &["m1", "x"], 3);
        let before = hosts(&cluster, &ids);
        link.set(mode);
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(hosts(&cluster, &ids), before, "{mode:?}");
        if mode == Mode::Closed {
            assert!(troubles(&cluster, "x").contains("membership frozen"));
        }
        std::thread::sleep(LONG - Duration::from_secs(3));
        assert_eq!(dead(&cluster), Vec::<Value>::new(), "{mode:?}");
        link.set(Mode::Open);
        all_end(&cluster, &ids);
        nothing_ran_again(&cluster, &ids);
        check(&cluster, Effects::default());
    }
}

#[test]
fn a_master_cut_off_from_the_database_only_is_replaced() {
    for mode in [Mode::Closed, Mode::BlackHole] {
        let Some(mut cluster) = Cluster::start(1, 1) else {
            return;
        };
        let link = add_behind(&mut cluster, Link::Database);
        std::thread::sleep(LONG);
        let ids = load(&cluster, &["m1", "x"], 3);
        let gone = cluster.on("x").host.clone();
        link.set(mode);
        let cut = Instant::now();
        left(&cluster, &ids, &[&gone], MOVES_WITHIN);
        eprintln!("{mode:?}: all instances moved in {:?}", cut.elapsed());
        link.set(Mode::Open);
        let code = cluster.node("x").exit_code(PATIENCE);
        assert_eq!(code, Some(75), "it finds itself declared dead");
        all_end(&cluster, &ids);
        nothing_ran_again(&cluster, &ids);
        let effects = Effects {
            declared: 1,
            ..Effects::default()
        };
        check(&cluster, effects);
    }
}

#[test]
fn results_for_a_master_that_nobody_reaches_come_to_it_by_the_others() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let link = add_behind(&mut cluster, Link::Peers);
    std::thread::sleep(LONG);
    let ids = load(&cluster, &["x"], 3);
    let before = hosts(&cluster, &ids);
    link.set(Mode::BlackHole);
    std::thread::sleep(LONG);
    assert_eq!(dead(&cluster), Vec::<Value>::new(), "it beats everywhere");
    assert!(
        before.iter().all(|host| *host == cluster.on("x").host),
        "{before:?}"
    );
    // It ends also while nobody reaches its owner: results wait in the inbox, dispatches go out.
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    check(&cluster, Effects::default());
}

#[test]
fn a_registry_that_forgot_everything_declares_nobody_dead() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    std::thread::sleep(LONG);
    let ids = load(&cluster, &["m1", "m2"], 2);
    cluster.consul.kill();
    cluster.consul.forget();
    std::thread::sleep(Duration::from_secs(2));
    cluster.consul.start();
    std::thread::sleep(LONG);
    assert_eq!(dead(&cluster), Vec::<Value>::new());
    cluster.wait(PATIENCE, "the registry is used again", |cluster| {
        !troubles(cluster, "m1").contains("REGISTRY")
    });
    all_end(&cluster, &ids);
    let more = load(&cluster, &["m2"], 2);
    let gone = cluster.on("m2").host.clone();
    cluster.node("m2").kill();
    left(&cluster, &more, &[&gone], crate::death::MOVES_WITHIN);
    all_end(&cluster, &more);
    nothing_ran_again(&cluster, &[ids, more].concat());
    let effects = Effects {
        declared: 1,
        ..Effects::default()
    };
    check(&cluster, effects);
}

#[test]
fn a_frozen_worker_is_given_up_and_ends_its_tasks_when_it_wakes() {
    let Some(mut cluster) = Cluster::start(1, 2) else {
        return;
    };
    std::thread::sleep(LONG);
    let task = cluster.task("sleep 25");
    cluster
        .any()
        .apply("long", crate::fixture::chain("long", &[task]));
    let ids: Vec<String> = (0..6).map(|_| cluster.start_instance("m1", "long")).collect();
    cluster.wait(PATIENCE, "every task runs", |cluster| {
        ids.iter()
            .all(|id| cluster.any().get(&format!("/instances/{id}"))["tasks"]["by_state"]["running"] == 1)
    });
    let mut frozen = cluster.take("w1");
    frozen.freeze();
    cluster.wait(PATIENCE, "the frozen worker is declared dead", |cluster| {
        !dead(cluster).is_empty()
    });
    cluster.wait(PATIENCE, "what it ran runs elsewhere", |cluster| {
        let tasks = ids
            .iter()
            .map(|id| cluster.any().get(&format!("/instances/{id}/tasks/t0")));
        let tasks: Vec<Value> = tasks.collect();
        tasks
            .iter()
            .all(|task| task["worker"] == "w2" && task["state"] == "running")
    });
    frozen.thaw();
    assert_eq!(frozen.exit_code(PATIENCE), Some(75), "{}", frozen.said());
    let running = cluster.task_processes("w1");
    assert_eq!(
        running,
        Vec::<i32>::new(),
        "it ends its tasks before it ends itself"
    );
    frozen.start();
    cluster.give_back(frozen);
    all_end(&cluster, &ids);
    let effects = Effects {
        declared: 1,
        workers_died: true,
    };
    check(&cluster, effects);
}
