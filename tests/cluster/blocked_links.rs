//! Nodes that are cut off from one thing only.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE, free_address};
use crate::master_crash::{all_end, hosts, left, load, nothing_ran_again};
use crate::proxy::{Mode, Proxy};
use test_support::rest::Rest;

/// Longer than any lease, confirmation and young view.
pub(crate) const LONG: Duration = Duration::from_secs(9);

/// Within this time a node says that the registry does not take its beats: the lease, one beat, and a busy machine.
const FROZEN_WITHIN: Duration = Duration::from_secs(4);

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
        Link::Peers => add_unreachable(cluster, "master,api"),
    }
}

/// Adds a node `x` that others reach through a proxy, while it reaches everybody itself.
pub(crate) fn add_unreachable(cluster: &mut Cluster, roles: &str) -> Proxy {
    let rpc = free_address();
    let proxy = Proxy::start(&free_address(), &rpc);
    let host = proxy.address().to_owned();
    let flags = [
        "--rpc-listen",
        rpc.as_str(),
        "--advertise",
        &host,
        "--slots",
        "32",
    ];
    let node = cluster.add("x", roles, &flags);
    node.host = host.clone();
    node.start();
    proxy
}

/// `HOST:PORT` of a database's address.
pub(crate) fn host_of(url: &str) -> String {
    let rest = url.split("://").nth(1).expect("a scheme");
    let rest = rest.split('@').next_back().expect("a host");
    rest.split('/').next().expect("a host").to_owned()
}

/// The lives that were declared dead.
pub(crate) fn dead(cluster: &Cluster) -> Vec<Value> {
    let nodes = cluster.on("m1").items("/nodes");
    nodes.into_iter().filter(|node| node["state"] == "dead").collect()
}

/// What a node says it lacks.
pub(crate) fn troubles(cluster: &Cluster, node: &str) -> String {
    cluster.on(node).get("/cluster")["degraded"].to_string()
}

#[test]
fn a_master_cut_off_from_the_registry_only_goes_on() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let link = add_behind(&mut cluster, Link::Registry);
    // Past the time in which nobody is suspected anyway.
    std::thread::sleep(LONG);
    for mode in [Mode::Closed, Mode::BlackHole] {
        let ids = load(&cluster, &["m1", "x"], 3);
        let before = hosts(&cluster, &ids);
        link.set(mode);
        let cut = Instant::now();
        cluster.wait(FROZEN_WITHIN, "membership is frozen", |cluster| {
            troubles(cluster, "x").contains("consul unreachable, membership frozen")
        });
        eprintln!("{mode:?}: membership was frozen after {:?}", cut.elapsed());
        assert_eq!(hosts(&cluster, &ids), before, "{mode:?}");
        std::thread::sleep(LONG.saturating_sub(cut.elapsed()));
        assert_eq!(dead(&cluster), Vec::<Value>::new(), "{mode:?}");
        link.set(Mode::Open);
        all_end(&cluster, &ids);
        nothing_ran_again(&cluster, &ids);
        cluster.wait(PATIENCE, "the registry is used again", |cluster| {
            !troubles(cluster, "x").contains("REGISTRY")
        });
    }
    check(&cluster, Effects::default());
}

#[test]
fn a_master_cut_off_from_the_database_only_is_replaced() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let link = add_behind(&mut cluster, Link::Database);
    let gone = cluster.on("x").host.clone();
    for mode in [Mode::Closed, Mode::BlackHole] {
        std::thread::sleep(LONG);
        let ids = load(&cluster, &["m1", "x"], 3);
        link.set(mode);
        let cut = Instant::now();
        left(&cluster, &ids, &[&gone], MOVES_WITHIN);
        eprintln!("{mode:?}: all instances moved in {:?}", cut.elapsed());
        let asked = Rest::answer(cluster.on("x").request(Method::GET, "/api/v1/instances"));
        let told = asked.expect("whoever asks is answered, however silent the database is");
        assert!(told.status == 503 && told.retry, "{told:?}");
        assert_eq!(told.body["code"], "STORE_UNAVAILABLE");
        link.set(Mode::Open);
        let code = cluster.node("x").exit_code(PATIENCE);
        assert_eq!(code, Some(75), "it finds itself declared dead");
        cluster.node("x").start();
        all_end(&cluster, &ids);
        nothing_ran_again(&cluster, &ids);
    }
    let effects = Effects {
        declared: 2,
        ..Effects::default()
    };
    check(&cluster, effects);
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
    let kept = ask(&cluster, "SELECT dedup_key FROM inbox WHERE kind = 'result'");
    assert!(!kept.is_empty(), "results went through the inbox");
    check(&cluster, Effects::default());
}
