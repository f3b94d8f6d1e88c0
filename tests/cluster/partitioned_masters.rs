//! Masters whose packets are dropped silently: only those that cannot work are replaced.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, DATABASE, PATIENCE, REGISTRY};
use crate::network::{CLIENTS, Direction};
use crate::scenario::{
    assert_single_attempts, dead_members, finish, health_issues, owner_hosts, pass_warm_up, start_load,
    wait_for_ends, wait_until_left,
};
use test_support::rest::Rest;
use test_support::waiting::nothing_happens_for;

/// The instances of a running master that lost the database or everything have another owner within this time.
const MOVES_WITHIN: Duration = Duration::from_secs(40);

/// Longer than a lease, the wait after a loss of half of the masters, and a confirmation.
const NO_DEATH_FOR: Duration = Duration::from_secs(12);

/// A node that reads that it was declared dead ends within this time.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Slot polls fail within 3 s, 5 s of silence count, queried masters answer at once; and a busy machine.
const LEAVES_WITHIN: Duration = Duration::from_secs(25);

/// Two idle seconds and three questions, or three seconds without an acknowledgement; and a busy machine.
const SILENT_FOR: Duration = Duration::from_secs(12);

/// A statement without an answer fails after 11 s.
const ANSWERS_WITHIN: Duration = Duration::from_secs(16);

/// Who is cut in which direction; `m1` never is.
const CUT: [(&str, Direction); 3] = [
    ("m2", Direction::Both),
    ("m3", Direction::In),
    ("m4", Direction::Out),
];

fn load_on_all(cluster: &Cluster) -> Vec<String> {
    start_load(cluster, &["m1", "m2", "m3", "m4"], 2)
}

fn heal_all(cluster: &Cluster) {
    for (name, _) in CUT {
        cluster.network().heal(name);
    }
}

/// The registry loses all of them, but they answer and their heartbeats succeed.
fn without_the_registry(cluster: &Cluster) -> Vec<String> {
    let ids = load_on_all(cluster);
    let before = owner_hosts(cluster, &ids);
    for (name, direction) in CUT {
        cluster.network().cut(name, direction, &[REGISTRY]);
    }
    nothing_happens_for(Duration::from_secs(3));
    assert_eq!(owner_hosts(cluster, &ids), before);
    nothing_happens_for(NO_DEATH_FOR - Duration::from_secs(3));
    assert_eq!(dead_members(cluster), Vec::<Value>::new());
    heal_all(cluster);
    ids
}

/// They cannot store anything: others take over, and they end when they read it.
fn replaced(cluster: &mut Cluster, what: &str, cut: impl Fn(&Cluster, &str, Direction)) -> Vec<String> {
    let ids = load_on_all(cluster);
    let gone: Vec<String> = CUT.map(|(name, _)| cluster.on(name).host.clone()).to_vec();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    for (name, direction) in CUT {
        cut(cluster, name, direction);
    }
    let began = Instant::now();
    wait_until_left(cluster, &ids, &gone, MOVES_WITHIN);
    eprintln!(
        "cut off from {what}: all instances moved in {:?}",
        began.elapsed()
    );
    wait_for_ends(cluster, &ids);
    heal_all(cluster);
    let healed = Instant::now();
    for (name, direction) in CUT {
        let code = cluster.node(name).exit_code(ENDS_WITHIN);
        assert_eq!(
            code,
            Some(75),
            "{name} ({direction:?}) finds itself declared dead"
        );
        eprintln!(
            "{name} ({direction:?}) ended {:?} after the cut was healed",
            healed.elapsed()
        );
        cluster.node(name).start();
    }
    ids
}

/// Waits until the kernel of a node has closed all of these connections.
fn wait_until_closed(cluster: &Cluster, name: &str, old: &[String], within: Duration) -> Duration {
    let began = Instant::now();
    cluster.wait(within, "every silent connection is closed", |cluster| {
        let now = cluster.network().connections(name);
        old.iter().all(|connection| !now.contains(connection))
    });
    began.elapsed()
}

/// The connections of `m2`, at this address, to nodes and registry, and those of `m1` to `m2`.
fn between_nodes(cluster: &Cluster, address: &str) -> (Vec<String>, Vec<String>) {
    let url = cluster.postgres.url();
    let database = url.rsplit('@').next().and_then(|rest| rest.split('/').next());
    let database = database.expect("an address");
    let mut here = cluster.network().connections("m2");
    here.retain(|ends| !ends.ends_with(database) && !ends.contains(&format!(" {CLIENTS}:")));
    let mut there = cluster.network().connections("m1");
    there.retain(|ends| ends.contains(&format!("{address}:")));
    (here, there)
}

/// The sessions of a node at the database.
fn sessions(cluster: &Cluster, address: &str) -> usize {
    let sql = "SELECT client_addr::text FROM pg_stat_activity WHERE client_addr IS NOT NULL";
    let theirs = |client: &&String| client.trim_end_matches("/32") == address;
    ask(cluster, sql).iter().filter(theirs).count()
}

/// The machine of a master vanishes from the network: its cable is pulled.
fn without_a_machine(cluster: &mut Cluster) -> Vec<String> {
    let ids = start_load(cluster, &["m1", "m2"], 2);
    let gone = cluster.on("m2").host.clone();
    cluster.network().unplug("m2");
    let unplugged = Instant::now();
    wait_until_left(cluster, &ids, &[&gone], MOVES_WITHIN);
    eprintln!(
        "a machine vanished: all instances moved in {:?}",
        unplugged.elapsed()
    );
    wait_for_ends(cluster, &ids);
    cluster.network().plug("m2");
    assert_eq!(cluster.node("m2").exit_code(ENDS_WITHIN), Some(75));
    cluster.node("m2").start();
    ids
}

#[test]
fn silent_connections_are_closed_at_both_ends_within_seconds() {
    let Some(mut cluster) = Cluster::start_apart(2, 1) else {
        return;
    };
    pass_warm_up();
    let ids = start_load(&cluster, &["m1", "m2"], 2);
    let (address, _) = cluster.on("m2").host.split_once(':').expect("an address");
    let address = address.to_owned();
    let (old, of_the_other) = between_nodes(&cluster, &address);
    assert!(
        old.len() >= 4 && of_the_other.len() >= 2,
        "{old:?} {of_the_other:?}"
    );
    assert!(sessions(&cluster, &address) > 0);

    cluster.network().cut_from_all("m2", Direction::Both);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let request = cluster.on("m2").request(Method::GET, "/api/v1/instances");
            Rest::answer(request).expect("its users reach it")
        });
        let here = scope.spawn(|| wait_until_closed(&cluster, "m2", &old, SILENT_FOR));
        let there = scope.spawn(|| wait_until_closed(&cluster, "m1", &of_the_other, SILENT_FOR));
        cluster.wait(SILENT_FOR, "its sessions end", |cluster| {
            sessions(cluster, &address) == 0
        });
        let ended = [here, there].map(|end| end.join().expect("closed"));
        eprintln!("silent connections were closed after {ended:?}");
        let answer = asked.join().expect("an answer");
        eprintln!("without a database a call was answered after {:?}", answer.took);
        assert_eq!((answer.status, answer.retry), (503, true), "{answer:?}");
        assert!(answer.took < ANSWERS_WITHIN, "{:?}", answer.took);
    });
    let healed = Instant::now();
    cluster.network().heal("m2");
    assert_eq!(cluster.node("m2").exit_code(ENDS_WITHIN), Some(75));
    eprintln!("it ended {:?} after the cut was healed", healed.elapsed());
    cluster.node("m2").start();
    let more = without_a_machine(&mut cluster);
    let ids = [ids, more].concat();
    finish(&cluster, &ids, Effects::declared(2));
}

/// A master that does not reach its workers hands its instances over to one that does, reports it, and takes none until
/// it has reached them again for a while.
#[test]
fn masters_without_workers_hand_over_to_one_that_reaches_them() {
    let Some(cluster) = Cluster::start_apart(4, 2) else {
        return;
    };
    let mut ids = load_on_all(&cluster);
    for (name, direction) in CUT {
        cluster.network().cut(name, direction, &["w1", "w2"]);
    }
    let began = Instant::now();
    let refuge = cluster.on("m1").host.clone();
    for (name, direction) in CUT {
        cluster.wait(
            LEAVES_WITHIN,
            "it says that another master reaches the workers",
            |cluster| {
                let said = health_issues(cluster, name);
                said.contains("WORKERS_UNREACHABLE") && said.contains(&refuge) && said.contains("w1, w2")
            },
        );
        eprintln!("{name} ({direction:?}) left {:?} after the cut", began.elapsed());
    }
    let gone: Vec<String> = CUT.map(|(name, _)| cluster.on(name).host.clone()).to_vec();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    wait_until_left(&cluster, &ids, &gone, LEAVES_WITHIN);
    for id in &ids {
        let whys = cluster.ownership_reasons(id);
        assert!(matches!(whys.len(), 1 | 2), "{id} moved more than once: {whys:?}");
        assert!(whys.iter().skip(1).all(|why| why == "handover"), "{id}: {whys:?}");
    }
    let moved = ids
        .iter()
        .filter(|id| cluster.ownership_reasons(id).len() == 2)
        .count();
    assert!(moved >= 2, "only {moved} instances moved");
    let started = start_load(&cluster, &["m2", "m3", "m4"], 1);
    assert!(owner_hosts(&cluster, &started).iter().all(|host| *host == refuge));
    for id in &started {
        // Another master without workers may have been asked first; it handed the instance over.
        let whys = cluster.ownership_reasons(id);
        assert!(
            whys == ["start"] || whys == ["start", "handover"],
            "{id}: {whys:?}"
        );
    }
    ids.extend(started);
    wait_for_ends(&cluster, &ids);
    assert_single_attempts(&cluster, &ids);
    assert_eq!(dead_members(&cluster), Vec::<Value>::new());

    heal_all(&cluster);
    for (name, _) in CUT {
        cluster.wait(PATIENCE, "it takes instances again", |cluster| {
            !health_issues(cluster, name).contains("WORKERS_UNREACHABLE")
        });
        let id = cluster.start_instance(name, "steps");
        assert_eq!(
            owner_hosts(&cluster, std::slice::from_ref(&id)),
            [cluster.on(name).host.as_str()]
        );
        ids.push(id);
    }
    wait_for_ends(&cluster, &ids);
    check(&cluster, Effects::default());
}

#[test]
fn only_partitioned_masters_that_cannot_work_are_replaced() {
    let Some(mut cluster) = Cluster::start_apart(4, 2) else {
        return;
    };
    pass_warm_up();
    let mut ids = without_the_registry(&cluster);
    ids.extend(replaced(
        &mut cluster,
        "the database",
        |cluster, name, direction| {
            cluster.network().cut(name, direction, &[DATABASE]);
        },
    ));
    ids.extend(replaced(
        &mut cluster,
        "everything",
        |cluster, name, direction| {
            cluster.network().cut_from_all(name, direction);
        },
    ));
    finish(&cluster, &ids, Effects::declared(2 * CUT.len()));
}
