//! A master that joins gets its share of what runs, after a while and slowly.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE, chain};
use crate::master_crash::{all_end, nothing_ran_again};

/// Instances of the first master.
const OWNED: usize = 20;

/// What a master may give within a minute: a fifth.
const SHARE: usize = 4;

/// A joining master takes nothing from a living owner within this time.
const JOINS_MS: i64 = 30_000;

/// The share is there after the calm, and a few seconds for a busy machine.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// Nothing further comes for so long: it is within the same minute.
const RESTS: Duration = Duration::from_secs(6);

/// Each hand-over: the instance, and how long after the second master joined it was.
fn handovers(cluster: &Cluster) -> Vec<(String, i64)> {
    let sql = "SELECT o.instance || ' ' || (o.at - m.joined_at) FROM owner_log o \
               JOIN member m ON m.incarnation = o.owner WHERE o.why = 'handover' ORDER BY o.instance";
    let rows = ask(cluster, sql).into_iter().map(|row| {
        let (id, after) = row.split_once(' ').expect("two words");
        (id.to_owned(), after.parse().expect("milliseconds"))
    });
    rows.collect()
}

/// A client that pauses one instance after the other through both masters in turn, again and again, until told to
/// end. To pause what is pausing changes nothing, and has to be applied wherever it is.
fn keep_pausing(cluster: &Cluster, ids: &[String], enough: &AtomicBool) -> usize {
    for turn in 0.. {
        if enough.load(Ordering::Relaxed) {
            return turn;
        }
        let through = ["m1", "m2"][turn % 2];
        let shown = cluster.applied(through, &ids[turn % ids.len()], "pause");
        assert_eq!(shown["state"], "pausing", "its task runs: {shown}");
        std::thread::sleep(Duration::from_millis(50));
    }
    0
}

/// Instances of `m1` whose first task runs until the file exists.
fn held_back(cluster: &Cluster, until: &Path) -> Vec<String> {
    let wait = format!("while [ ! -e {} ]; do sleep 1; done", until.display());
    let document = chain("held", &[cluster.task(&wait), cluster.task("true")]);
    cluster.any().apply("held", document);
    let ids: Vec<String> = (0..OWNED).map(|_| cluster.start_instance("m1", "held")).collect();
    cluster.wait(PATIENCE, "every first task runs", |cluster| {
        cluster.attempts_in("running") == OWNED
    });
    ids
}

#[test]
fn a_newcomer_gets_its_share_after_thirty_seconds_and_no_task_or_verb_notices() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let until = cluster.path("go-on");
    let ids = held_back(&cluster, &until);
    cluster.add("m2", "master,api", &[]).start();
    let enough = AtomicBool::new(false);
    let verbs = std::thread::scope(|scope| {
        let verbs = scope.spawn(|| keep_pausing(&cluster, &ids, &enough));
        cluster.wait(COMES_WITHIN, "the newcomer has its share", |cluster| {
            verbs.is_finished() || handovers(cluster).len() >= SHARE
        });
        // What must not happen can only be waited for.
        std::thread::sleep(RESTS);
        enough.store(true, Ordering::Relaxed);
        verbs
            .join()
            .expect("every verb is applied, also in the middle of a move")
    });
    let moved = handovers(&cluster);
    eprintln!("{verbs} verbs meanwhile; moved, ms after the join: {moved:?}");
    assert_eq!(moved.len(), SHARE, "a fifth within a minute: {moved:?}");
    assert!(
        moved.iter().all(|(_, after)| *after >= JOINS_MS),
        "a living owner keeps what it has for 30 s: {moved:?}"
    );
    let host = cluster.on("m2").host.clone();
    for (id, _) in &moved {
        assert_eq!(cluster.ownership(id)["host"], host.as_str());
        assert_eq!(cluster.whys(id), ["start", "handover"]);
    }
    std::fs::write(&until, "").expect("the file");
    for id in &ids {
        cluster.any().settle(id, &["paused"], PATIENCE);
        cluster.applied("m2", id, "resume");
    }
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    check(&cluster, Effects::default());
}
