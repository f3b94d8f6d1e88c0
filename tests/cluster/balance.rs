//! Rebalancing: a master that joins gets its share of the instances slowly, after a delay.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::checker::{Effects, ask};
use crate::fixture::{Cluster, PATIENCE, chain};
use crate::scenario::finish;
use test_support::waiting::nothing_happens_for;

/// Instances of the first master.
const OWNED: usize = 20;

/// Instances that a master may hand over within a minute: a fifth.
const SHARE: usize = 4;

/// A joining master takes nothing from a living owner within this time.
const JOINS_MS: i64 = 30_000;

/// The stability window, and a few seconds for a busy machine.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// No more instances move within this time, which ends before the minute does.
const NO_MORE_FOR: Duration = Duration::from_secs(6);

/// Each handover: the instance, and its milliseconds after the join of the second master.
fn handovers(cluster: &Cluster) -> Vec<(String, i64)> {
    let sql = "SELECT o.instance || ' ' || (o.at - m.joined_at) FROM owner_log o \
               JOIN member m ON m.incarnation = o.owner WHERE o.why = 'handover' ORDER BY o.instance";
    let rows = ask(cluster, sql).into_iter().map(|row| {
        let (id, after) = row.split_once(' ').expect("two words");
        (id.to_owned(), after.parse().expect("milliseconds"))
    });
    rows.collect()
}

/// A client that pauses one instance after the other through both masters in turn, until `enough` is set. A
/// pause of a pausing instance changes nothing, and must be applied wherever its owner is.
fn keep_pausing(cluster: &Cluster, ids: &[String], enough: &AtomicBool) -> usize {
    for turn in 0.. {
        if enough.load(Ordering::Relaxed) {
            return turn;
        }
        let through = ["m1", "m2"][turn % 2];
        let shown = cluster.apply_command(through, &ids[turn % ids.len()], "pause");
        assert_eq!(shown["state"], "pausing", "its task runs: {shown}");
        std::thread::sleep(Duration::from_millis(50));
    }
    0
}

/// Instances of `m1` whose first task runs until the file exists.
fn start_waiting(cluster: &Cluster, until: &Path) -> Vec<String> {
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
fn a_newcomer_gets_its_share_after_thirty_seconds_and_no_task_or_command_notices() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let until = cluster.path("flag");
    let ids = start_waiting(&cluster, &until);
    cluster.add("m2", "master,api", &[]).start();
    let enough = AtomicBool::new(false);
    let commands = std::thread::scope(|scope| {
        let commands = scope.spawn(|| keep_pausing(&cluster, &ids, &enough));
        cluster.wait(COMES_WITHIN, "the newcomer has its share", |cluster| {
            commands.is_finished() || handovers(cluster).len() >= SHARE
        });
        nothing_happens_for(NO_MORE_FOR);
        enough.store(true, Ordering::Relaxed);
        commands
            .join()
            .expect("every command is applied, also in the middle of a move")
    });
    let moved = handovers(&cluster);
    eprintln!("{commands} commands in the meantime; moved, ms after the join: {moved:?}");
    assert_eq!(moved.len(), SHARE, "a fifth within a minute: {moved:?}");
    assert!(
        moved.iter().all(|(_, after)| *after >= JOINS_MS),
        "a living owner keeps what it has for 30 s: {moved:?}"
    );
    let host = cluster.on("m2").host.clone();
    for (id, _) in &moved {
        assert_eq!(cluster.ownership(id)["host"], host.as_str());
        assert_eq!(cluster.ownership_reasons(id), ["start", "handover"]);
    }
    std::fs::write(&until, "").expect("the file");
    for id in &ids {
        cluster.any().settle(id, &["paused"], PATIENCE);
        cluster.apply_command("m2", id, "resume");
    }
    finish(&cluster, &ids, Effects::default());
}
