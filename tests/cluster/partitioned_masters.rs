//! Masters whose packets are dropped: nobody is told, and only those are replaced that cannot work any more.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::blocked_links::{LONG, dead, troubles};
use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, DATABASE, PATIENCE, REGISTRY};
use crate::master_crash::{all_end, hosts, left, load, nothing_ran_again};
use crate::network::{CLIENTS, Way};
use test_support::rest::Rest;

/// Those of a master that lives, but lost the database or everything, have another owner within this time.
const MOVES_WITHIN: Duration = Duration::from_secs(40);

/// Longer than a lease, the wait after a loss of half of the masters, and a confirmation.
const LONGER: Duration = Duration::from_secs(12);

/// A node that reads again that it is dead ends within this time.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Greetings fail within 3 s, 5 s of silence count, and those that are asked answer at once; and a busy machine.
const LEAVES_WITHIN: Duration = Duration::from_secs(25);

/// Two idle seconds and three questions, or three seconds without an acknowledgement; and a busy machine.
const SILENT_FOR: Duration = Duration::from_secs(12);

/// A statement without an answer is given up after 11 s.
const ANSWERS_WITHIN: Duration = Duration::from_secs(16);

/// Who is cut in which way; `m1` never is.
const CUT: [(&str, Way); 3] = [("m2", Way::Both), ("m3", Way::In), ("m4", Way::Out)];

fn everywhere(cluster: &Cluster) -> Vec<String> {
    load(cluster, &["m1", "m2", "m3", "m4"], 2)
}

fn mend(cluster: &Cluster) {
    for (name, _) in CUT {
        cluster.network().mend(name);
    }
}

/// The registry misses all of them, but they answer and beat.
fn without_the_registry(cluster: &Cluster) -> Vec<String> {
    let ids = everywhere(cluster);
    let before = hosts(cluster, &ids);
    for (name, way) in CUT {
        cluster.network().cut(name, way, &[REGISTRY]);
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(hosts(cluster, &ids), before);
    std::thread::sleep(LONGER - Duration::from_secs(3));
    assert_eq!(dead(cluster), Vec::<Value>::new());
    mend(cluster);
    ids
}

/// They cannot store anything: others go on for them, and they end when they read of it.
fn replaced(cluster: &mut Cluster, what: &str, cut: impl Fn(&Cluster, &str, Way)) -> Vec<String> {
    let ids = everywhere(cluster);
    let gone: Vec<String> = CUT.map(|(name, _)| cluster.on(name).host.clone()).to_vec();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    for (name, way) in CUT {
        cut(cluster, name, way);
    }
    let began = Instant::now();
    left(cluster, &ids, &gone, MOVES_WITHIN);
    eprintln!(
        "cut off from {what}: all instances moved in {:?}",
        began.elapsed()
    );
    all_end(cluster, &ids);
    mend(cluster);
    let mended = Instant::now();
    for (name, way) in CUT {
        let code = cluster.node(name).exit_code(ENDS_WITHIN);
        assert_eq!(code, Some(75), "{name} ({way:?}) finds itself declared dead");
        eprintln!(
            "{name} ({way:?}) ended {:?} after the cut was mended",
            mended.elapsed()
        );
        cluster.node(name).start();
    }
    ids
}

/// Waits until the kernel of a node believes no more in any of these connections.
fn given_up(cluster: &Cluster, name: &str, old: &[String], within: Duration) -> Duration {
    let began = Instant::now();
    cluster.wait(within, "every silent connection is given up", |cluster| {
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

/// The sessions of a node that the database believes in.
fn sessions(cluster: &Cluster, address: &str) -> usize {
    let sql = "SELECT client_addr::text FROM pg_stat_activity WHERE client_addr IS NOT NULL";
    let theirs = |client: &&String| client.trim_end_matches("/32") == address;
    ask(cluster, sql).iter().filter(theirs).count()
}

/// The machine of a master vanishes from the network: its cable is pulled.
fn without_a_machine(cluster: &mut Cluster) -> Vec<String> {
    let ids = load(cluster, &["m1", "m2"], 2);
    let gone = cluster.on("m2").host.clone();
    cluster.network().unplug("m2");
    let unplugged = Instant::now();
    left(cluster, &ids, &[&gone], MOVES_WITHIN);
    eprintln!(
        "a machine vanished: all instances moved in {:?}",
        unplugged.elapsed()
    );
    all_end(cluster, &ids);
    cluster.network().plug("m2");
    assert_eq!(cluster.node("m2").exit_code(ENDS_WITHIN), Some(75));
    cluster.node("m2").start();
    ids
}

#[test]
fn connections_that_fall_silent_are_given_up_at_both_ends_within_seconds() {
    let Some(mut cluster) = Cluster::start_apart(2, 1) else {
        return;
    };
    std::thread::sleep(LONG);
    let ids = load(&cluster, &["m1", "m2"], 2);
    let (address, _) = cluster.on("m2").host.split_once(':').expect("an address");
    let address = address.to_owned();
    let (old, of_the_other) = between_nodes(&cluster, &address);
    assert!(
        old.len() >= 4 && of_the_other.len() >= 2,
        "{old:?} {of_the_other:?}"
    );
    assert!(sessions(&cluster, &address) > 0);

    cluster.network().cut_from_all("m2", Way::Both);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let request = cluster.on("m2").request(Method::GET, "/api/v1/instances");
            Rest::answer(request).expect("its users reach it")
        });
        let here = scope.spawn(|| given_up(&cluster, "m2", &old, SILENT_FOR));
        let there = scope.spawn(|| given_up(&cluster, "m1", &of_the_other, SILENT_FOR));
        cluster.wait(SILENT_FOR, "its sessions end", |cluster| {
            sessions(cluster, &address) == 0
        });
        let ended = [here, there].map(|end| end.join().expect("given up"));
        eprintln!("silent connections were given up after {ended:?}");
        let answer = asked.join().expect("an answer");
        eprintln!("without a database a call was answered after {:?}", answer.took);
        assert_eq!((answer.status, answer.retry), (503, true), "{answer:?}");
        assert!(answer.took < ANSWERS_WITHIN, "{:?}", answer.took);
    });
    let mended = Instant::now();
    cluster.network().mend("m2");
    assert_eq!(cluster.node("m2").exit_code(ENDS_WITHIN), Some(75));
    eprintln!("it ended {:?} after the cut was mended", mended.elapsed());
    cluster.node("m2").start();
    let more = without_a_machine(&mut cluster);
    let ids = [ids, more].concat();
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    let effects = Effects {
        declared: 2,
        ..Effects::default()
    };
    check(&cluster, effects);
}

/// A master that does not reach its workers leaves its instances to one that does, says so, and takes none until it
/// has reached them again for a while.
#[test]
fn masters_cut_off_from_their_workers_only_leave_their_instances_to_one_that_reaches_them() {
    let Some(cluster) = Cluster::start_apart(4, 2) else {
        return;
    };
    let mut ids = everywhere(&cluster);
    for (name, way) in CUT {
        cluster.network().cut(name, way, &["w1", "w2"]);
    }
    let began = Instant::now();
    let refuge = cluster.on("m1").host.clone();
    for (name, way) in CUT {
        cluster.wait(
            LEAVES_WITHIN,
            "it says that another master reaches the workers",
            |cluster| {
                let said = troubles(cluster, name);
                said.contains("WORKERS_UNREACHABLE") && said.contains(&refuge) && said.contains("w1, w2")
            },
        );
        eprintln!("{name} ({way:?}) left {:?} after the cut", began.elapsed());
    }
    let gone: Vec<String> = CUT.map(|(name, _)| cluster.on(name).host.clone()).to_vec();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    left(&cluster, &ids, &gone, LEAVES_WITHIN);
    for id in &ids {
        let whys = cluster.whys(id);
        assert!(matches!(whys.len(), 1 | 2), "{id} was passed around: {whys:?}");
        assert!(whys.iter().skip(1).all(|why| why == "handover"), "{id}: {whys:?}");
    }
    let moved = ids.iter().filter(|id| cluster.whys(id).len() == 2).count();
    assert!(moved >= 2, "only {moved} instances moved");
    let started = load(&cluster, &["m2", "m3", "m4"], 1);
    assert!(hosts(&cluster, &started).iter().all(|host| *host == refuge));
    for id in &started {
        // Another one that has left may have been asked to take it first; it gave it on.
        let whys = cluster.whys(id);
        assert!(
            whys == ["start"] || whys == ["start", "handover"],
            "{id}: {whys:?}"
        );
    }
    ids.extend(started);
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    assert_eq!(dead(&cluster), Vec::<Value>::new());

    mend(&cluster);
    for (name, _) in CUT {
        cluster.wait(PATIENCE, "it takes instances again", |cluster| {
            !troubles(cluster, name).contains("WORKERS_UNREACHABLE")
        });
        let id = cluster.start_instance(name, "steps");
        assert_eq!(
            hosts(&cluster, std::slice::from_ref(&id)),
            [cluster.on(name).host.as_str()]
        );
        ids.push(id);
    }
    all_end(&cluster, &ids);
    check(&cluster, Effects::default());
}

#[test]
fn of_masters_whose_packets_are_dropped_only_those_are_replaced_that_cannot_work() {
    let Some(mut cluster) = Cluster::start_apart(4, 2) else {
        return;
    };
    // Past the time in which nobody is suspected anyway.
    std::thread::sleep(LONG);
    let mut ids = without_the_registry(&cluster);
    ids.extend(replaced(&mut cluster, "the database", |cluster, name, way| {
        cluster.network().cut(name, way, &[DATABASE]);
    }));
    ids.extend(replaced(&mut cluster, "everything", |cluster, name, way| {
        cluster.network().cut_from_all(name, way);
    }));
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    let effects = Effects {
        declared: 2 * CUT.len(),
        ..Effects::default()
    };
    check(&cluster, effects);
}
