//! Three servers of Consul with an agent beside each node: their leader dies, hangs, or there is none.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::blocked_links::{LONG, dead, troubles};
use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, address, ports};
use crate::master_crash::{all_end, left, load, nothing_ran_again};
use crate::registry::all_registered;
use test_support::consul::Consul;

/// The instances of a killed master have a living owner within this time while Consul has no leader.
const KILLED_MOVES_WITHIN: Duration = Duration::from_secs(40);

/// Those of a frozen one: 30 s without a beat, and the pings.
const FROZEN_MOVES_WITHIN: Duration = Duration::from_secs(45);

/// Consul makes a new server a voter after 10 s.
const VOTES_WITHIN: Duration = Duration::from_secs(60);

/// The servers, and the agents beside the masters but the first: that one is the cluster's own.
struct Quorum {
    servers: Vec<Consul>,
    agents: Vec<Consul>,
}

/// Masters `m1`, `m2`, … and a worker, each master with an agent of its own, on three servers.
fn start(masters: usize) -> Option<(Cluster, Quorum)> {
    let (mut servers, mut agents) = (Vec::new(), Vec::new());
    let mut cluster = Cluster::start_on(|folder| {
        servers.push(Consul::start_new(&folder.join("s1"), &address(), ports(4)));
        for name in ["s2", "s3"] {
            let server = servers[0].start_beside(true, &folder.join(name), ports(4));
            servers.push(server);
        }
        for n in 2..=masters {
            agents.push(servers[0].start_beside(false, &folder.join(format!("a{n}")), ports(4)));
        }
        servers[0].start_beside(false, &folder.join("a1"), ports(4))
    })?;
    cluster.wait(VOTES_WITHIN, "three servers vote", |cluster| {
        cluster.consul.voters() == 3
    });
    cluster.add("m1", "master,api", &[]).start();
    for (agent, n) in agents.iter().zip(2..) {
        let name = format!("m{n}");
        cluster
            .add(&name, "master,api", &["--consul", agent.url()])
            .start();
    }
    cluster.add("w1", "worker", &["--slots", "32"]).start();
    // Past the time in which nobody is suspected anyway.
    std::thread::sleep(LONG);
    Some((cluster, Quorum { servers, agents }))
}

impl Quorum {
    /// The server that leads, as the cluster's own agent sees it.
    fn leader(&mut self, cluster: &Cluster) -> &mut Consul {
        let mut place = None;
        cluster.wait(PATIENCE, "a server leads", |cluster| {
            place = self
                .servers
                .iter()
                .position(|server| server.leads(&cluster.consul));
            place.is_some()
        });
        &mut self.servers[place.expect("a leader")]
    }
}

/// Starts go on, and verbs, and tasks.
fn goes_on(cluster: &Cluster, masters: &[&str]) -> Vec<String> {
    let ids = load(cluster, masters, 2);
    cluster.applied(masters[0], &ids[0], "pause");
    cluster.any().settle(&ids[0], &["paused"], PATIENCE);
    cluster.applied(masters[0], &ids[0], "resume");
    ids
}

#[test]
fn a_leader_of_consul_that_dies_or_hangs_and_an_agent_that_leaves_cost_no_life() {
    let Some((cluster, mut quorum)) = start(2) else {
        return;
    };
    let mut ids = Vec::new();

    let leader = quorum.leader(&cluster);
    leader.kill();
    ids.extend(goes_on(&cluster, &["m1", "m2"]));
    std::thread::sleep(LONG);
    leader.start();
    cluster.wait(VOTES_WITHIN, "three servers vote", |cluster| {
        cluster.consul.voters() == 3
    });
    all_registered(&cluster);

    let leader = quorum.leader(&cluster);
    leader.freeze();
    ids.extend(goes_on(&cluster, &["m1", "m2"]));
    std::thread::sleep(LONG);
    leader.thaw();
    cluster.wait(VOTES_WITHIN, "three servers vote", |cluster| {
        cluster.consul.voters() == 3
    });
    all_registered(&cluster);
    // So that the others believe their views again, and would suspect.
    std::thread::sleep(LONG);

    quorum.agents[0].leave();
    let life = cluster.on("m2").incarnation.clone();
    cluster.wait(
        PATIENCE,
        "what was registered with the agent is gone",
        |cluster| !cluster.consul.lives().contains(&life),
    );
    cluster.wait(PATIENCE, "its node says so", |cluster| {
        troubles(cluster, "m2").contains("membership frozen")
    });
    ids.extend(goes_on(&cluster, &["m2", "m1"]));
    std::thread::sleep(LONG);
    quorum.agents[0].start();
    all_registered(&cluster);

    assert_eq!(dead(&cluster), Vec::<Value>::new());
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    check(&cluster, Effects::default());
}

#[test]
fn without_a_quorum_everything_goes_on_and_masters_that_end_are_followed() {
    let Some((mut cluster, mut quorum)) = start(3) else {
        return;
    };
    let mut ids = load(&cluster, &["m1", "m2", "m3"], 2);
    for server in &mut quorum.servers[1..] {
        server.kill();
    }
    for node in ["m1", "m2", "m3"] {
        cluster.wait(PATIENCE, "membership is frozen", |cluster| {
            troubles(cluster, node).contains("consul unreachable, membership frozen")
        });
    }
    ids.extend(goes_on(&cluster, &["m1", "m2", "m3"]));
    std::thread::sleep(LONG);
    assert_eq!(dead(&cluster), Vec::<Value>::new());

    let on_killed = load(&cluster, &["m3"], 3);
    let gone = cluster.on("m3").host.clone();
    cluster.node("m3").kill();
    let since = Instant::now();
    left(&cluster, &on_killed, &[&gone], KILLED_MOVES_WITHIN);
    eprintln!(
        "killed without a leader: all instances moved in {:?}",
        since.elapsed()
    );

    let on_frozen = load(&cluster, &["m2"], 3);
    let gone = cluster.on("m2").host.clone();
    let mut frozen = cluster.take("m2");
    frozen.freeze();
    let since = Instant::now();
    left(&cluster, &on_frozen, &[&gone], FROZEN_MOVES_WITHIN);
    eprintln!(
        "frozen without a leader: all instances moved in {:?}",
        since.elapsed()
    );
    frozen.thaw();
    assert_eq!(frozen.exit_code(PATIENCE), Some(75), "{}", frozen.said());
    frozen.start();
    cluster.give_back(frozen);

    for server in &mut quorum.servers[1..] {
        server.spawn();
    }
    cluster.node("m3").start();
    all_registered(&cluster);
    assert_eq!(dead(&cluster).len(), 2, "only the killed one and the frozen one");
    ids.extend(on_killed);
    ids.extend(on_frozen);
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    let effects = Effects {
        declared: 2,
        ..Effects::default()
    };
    check(&cluster, effects);
}
