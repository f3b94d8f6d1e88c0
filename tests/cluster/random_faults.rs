//! Faults at random under load, from a seed that is printed: two minutes in every run of the tests, an hour by
//! `make soak`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::json;
use test_support::rest::Rest;

use crate::checker::{Baseline, Effects, check};
use crate::fixture::{Cluster, PATIENCE, chain};
use crate::scenario::{wait_for_ends, wake_and_restart};

/// Seconds of faults unless `PORPOISE_SOAK_SECONDS` says otherwise.
const SECONDS: u64 = 120;

/// The pause between two faults.
const BETWEEN: Duration = Duration::from_secs(6);

const MASTERS: [&str; 3] = ["m1", "m2", "m3"];
const WORKERS: [&str; 2] = ["w1", "w2"];

/// SplitMix64: its sequence for a seed never changes with a library.
struct SplitMix64(u64);

impl SplitMix64 {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).expect("few")]
    }
}

/// What can go wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    KillMaster,
    FreezeMaster,
    StopMaster,
    KillTwoMasters,
    KillWorker,
    RestartDatabase,
    RestartRegistry,
}

const FAULTS: [Fault; 7] = [
    Fault::KillMaster,
    Fault::FreezeMaster,
    Fault::StopMaster,
    Fault::KillTwoMasters,
    Fault::KillWorker,
    Fault::RestartDatabase,
    Fault::RestartRegistry,
];

#[test]
fn faults_at_random_lose_double_and_strand_nothing() {
    let Some(mut cluster) = Cluster::start(3, 2) else {
        return;
    };
    for name in MASTERS.iter().chain(&WORKERS) {
        // Faults come faster here than an operator would bear; an incarnation that waits would be no load.
        let key = "PORPOISE__CLUSTER__FLAPPING_DEATHS";
        cluster.node(name).environment.push((key, "0".to_owned()));
    }
    let seed = number_of("PORPOISE_SEED").unwrap_or_else(now);
    let faults_for = Duration::from_secs(number_of("PORPOISE_SOAK_SECONDS").unwrap_or(SECONDS));
    eprintln!("seed {seed}: PORPOISE_SEED={seed} does the same again");
    let mut random = SplitMix64(seed);
    let tasks = ["sleep 0.5", "sleep 2", "sleep 0.2"].map(|script| cluster.task(script));
    cluster.any().apply("steps", chain("steps", &tasks));
    let brief = ["sleep 0.2", "sleep 0.3"].map(|script| cluster.task(script));
    let serial = chain("serial", &brief).replace("tasks:", "concurrency: { limit: 2 }\ntasks:");
    cluster.any().apply("serial", serial);
    apply_mixed(&cluster);
    let mut ids = Vec::new();
    work(&cluster, &mut random, &mut ids, BETWEEN);
    let baseline = Baseline::measure(&cluster);
    let until = Instant::now() + faults_for;
    let (mut workers_died, mut declared) = (false, 0);
    while Instant::now() < until {
        let fault = FAULTS[usize::try_from(random.below(FAULTS.len() as u64)).expect("few")];
        eprintln!("{fault:?}");
        workers_died |= matches!(fault, Fault::KillWorker);
        declared += usize::from(matches!(fault, Fault::FreezeMaster));
        work(&cluster, &mut random, &mut ids, BETWEEN);
        strike(&mut cluster, &mut random, &mut ids, fault);
        // An hour of them would be more than the end has time for.
        wake_paused(&cluster);
    }
    // A tail without faults: everything that was accepted ends, and new work is taken at once.
    work(&cluster, &mut random, &mut ids, Duration::from_secs(3));
    for master in MASTERS {
        ids.push(cluster.start_instance(master, "steps"));
    }
    cluster.wait(PATIENCE, "nothing stays paused", |cluster| {
        wake_paused(cluster) + cluster.any().items("/instances?state=pausing").len() == 0
    });
    wait_for_ends(&cluster, &ids);
    // A start that was not answered may have made an instance: it ends, too.
    cluster.wait(PATIENCE, "nothing is left open", |cluster| {
        let open = cluster.any().items("/instances?state=running&state=queued");
        open.is_empty()
    });
    // A worker that died without an attempt loses none; that is no fault of the cluster.
    let lost = cluster.attempts_in("lost");
    let effects = Effects {
        declared,
        workers_died: workers_died && lost > 0,
    };
    eprintln!(
        "{} instances, {lost} attempts lost, {declared} declared",
        ids.len()
    );
    assert!(ids.len() >= 20, "the load was no load: {}", ids.len());
    check(&cluster, effects);
    baseline.assert_restored(&cluster);
}

/// A workflow with a named limit, a branch, a child, and a child for each of some values.
fn apply_mixed(cluster: &Cluster) {
    let limit = cluster
        .any()
        .request(Method::PUT, "/api/v1/projects/default/limits/scarce");
    let answer = Rest::answer(limit.json(&json!({ "slots": 2 }))).expect("a healthy node answers");
    assert_eq!(answer.status, 201, "{answer:?}");
    let task = |more: &str| {
        let task = cluster.task("sleep 0.3");
        format!("{}, {more} }}", task.trim_end_matches('}').trim_end())
    };
    let scarce = task("limits: [scarce]");
    let part = format!("version: 1\nname: part\nparams: {{ k: '' }}\ntasks:\n  t: {scarce}\n");
    cluster.any().apply("part", part);
    let check = "{ type: conditions, needs: [load], all: [{ task: load, is: succeeded }], then: [one, each], else: [never] }";
    let each = "{ type: dynamic, workflow: part, needs: [check], over: { k: [a, b, c] }, parallelism: 2 }";
    let mixed = format!(
        "version: 1\nname: mixed\ntasks:\n  load: {scarce}\n  check: {check}\n  each: {each}\n  \
         one: {{ type: sub_workflow, workflow: part, needs: [check] }}\n  never: {}\n",
        task("needs: [check]")
    );
    cluster.any().apply("mixed", mixed);
}

/// Starts instances on random masters and sends them commands, for a while.
fn work(cluster: &Cluster, random: &mut SplitMix64, ids: &mut Vec<String>, length: Duration) {
    let until = Instant::now() + length;
    while Instant::now() < until {
        let master = random.pick(&MASTERS);
        if !cluster.on(master).answers() {
            continue;
        }
        let workflow = random.pick(&["serial", "steps", "steps", "mixed"]);
        if let Some(id) = cluster.try_start(master, workflow) {
            if random.below(4) == 0 {
                // Wherever the owner is, and whatever becomes of it, the answer comes.
                cluster.command(random.pick(&MASTERS), &id, "pause");
                cluster.command(random.pick(&MASTERS), &id, "resume");
            }
            ids.push(id);
        }
        std::thread::sleep(Duration::from_millis(300 + random.below(400)));
    }
}

fn strike(cluster: &mut Cluster, random: &mut SplitMix64, ids: &mut Vec<String>, fault: Fault) {
    let pause = Duration::from_millis(500 + random.below(3_000));
    match fault {
        Fault::KillMaster => {
            let master = random.pick(&MASTERS);
            cluster.node(master).kill();
            std::thread::sleep(pause);
            cluster.node(master).start();
        }
        Fault::KillTwoMasters => {
            let spared = random.pick(&MASTERS);
            let others = MASTERS.iter().filter(|master| **master != spared);
            others.clone().for_each(|master| cluster.node(master).kill());
            std::thread::sleep(pause);
            others.for_each(|master| cluster.node(master).start());
        }
        Fault::FreezeMaster => freeze(cluster, random.pick(&MASTERS)),
        Fault::StopMaster => {
            let master = random.pick(&MASTERS);
            assert_eq!(
                cluster.node(master).stop(PATIENCE),
                Some(0),
                "a drain ends with 0"
            );
            cluster.node(master).start();
        }
        Fault::KillWorker => {
            let worker = random.pick(&WORKERS);
            cluster.node(worker).kill();
            std::thread::sleep(pause);
            cluster.node(worker).start();
        }
        Fault::RestartDatabase => {
            cluster.postgres.stop();
            std::thread::sleep(pause);
            cluster.postgres.start();
            back_to_work(cluster, ids);
        }
        Fault::RestartRegistry => {
            cluster.consul.kill();
            std::thread::sleep(pause);
            cluster.consul.start();
        }
    }
}

/// Freezes a master until it is declared dead, and wakes it.
fn freeze(cluster: &mut Cluster, name: &str) {
    let zombie = cluster.take_node(name);
    zombie.freeze();
    let rest = MASTERS.iter().find(|master| **master != name).expect("another");
    cluster.wait(PATIENCE, "a frozen master is declared dead", |cluster| {
        let nodes = cluster.on(rest).items("/nodes");
        nodes
            .iter()
            .any(|node| node["incarnation"] == zombie.incarnation && node["state"] == "dead")
    });
    wake_and_restart(cluster, zombie);
}

/// Resumes what a pause reached in time: a resume that came while it was still pausing was refused. Answers how many
/// there were.
fn wake_paused(cluster: &Cluster) -> usize {
    let mut paused = cluster.any().items("/instances?state=paused");
    // Children are resumed with their parents.
    paused.retain(|instance| instance["parent"].is_null());
    for instance in &paused {
        let id = instance["id"].as_str().expect("an id");
        cluster.command(&cluster.any().name, id, "resume");
    }
    paused.len()
}

/// Waits until a start is answered again.
fn back_to_work(cluster: &Cluster, ids: &mut Vec<String>) {
    let mut started = None;
    cluster.wait(PATIENCE, "starts are accepted again", |cluster| {
        started = cluster.try_start("m1", "steps");
        started.is_some()
    });
    ids.extend(started);
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_secs()
}
