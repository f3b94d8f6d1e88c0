//! Masters whose packets are dropped: nobody is told, and only those are replaced that cannot work any more.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::{Effects, check};
use crate::death::{all_end, hosts, left, load, nothing_ran_again};
use crate::fixture::{Cluster, DATABASE, REGISTRY};
use crate::network::Way;
use crate::partitions::{LONG, dead};

/// Those of a master that lives, but lost the database or everything, have another owner within this time.
const MOVES_WITHIN: Duration = Duration::from_secs(40);

/// Longer than a lease, the wait after a loss of half of the masters, and a confirmation.
const LONGER: Duration = Duration::from_secs(12);

/// A node that reads again that it is dead ends within this time.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

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
