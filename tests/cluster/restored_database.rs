//! A database that lost commits under a cluster: what follows is a new generation, and nothing is stuck.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE, lines_of};
use crate::scenario::{MOVES_WITHIN, assert_single_attempts, wait_for_ends};
use crate::worker_crash::held;

/// How the older state comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RestoreMethod {
    /// A backup is recovered: its server begins a new timeline.
    NewTimeline,
    /// An older copy is started instead of the files, under nodes that have seen more.
    OlderCopy,
    /// The same while no master runs: only the operator knows.
    DeclaredByOperator,
}

/// Copies the files while the server is stopped.
const COPY: &str = "cp -a data copy";

/// Copies the files while the server runs, as a backup is made.
const BACK_UP: &str = "\"$BIN/pg_basebackup\" -h $HOST -p $PORT -U postgres -D copy -c fast --no-sync";

/// Replaces the files by the copy.
const PUT_BACK: &str = "rm -r data; mv copy data";

/// Makes the next start end a recovery, which begins a new timeline.
const RECOVER: &str =
    "touch data/recovery.signal; echo \"restore_command = '/bin/false'\" >> data/postgresql.auto.conf";

fn uids(cluster: &Cluster) -> BTreeSet<String> {
    let all = ask(
        cluster,
        "SELECT dispatch_id FROM attempt WHERE dispatch_id IS NOT NULL",
    );
    all.into_iter().collect()
}

fn number(cluster: &Cluster, sql: &str) -> i64 {
    let answer = ask(cluster, sql);
    answer.concat().parse().expect(sql)
}

fn latest_incarnation(cluster: &Cluster) -> i64 {
    number(cluster, "SELECT max(incarnation)::text FROM member")
}

fn generation(cluster: &Cluster) -> i64 {
    number(cluster, "SELECT generation::text FROM cluster_meta")
}

/// Kills a master and starts it again, until its instances have gone through some epochs.
fn raise_epochs(cluster: &mut Cluster, ids: &[String]) {
    for epoch in 2..=4 {
        cluster.node("m1").kill();
        cluster.node("m1").start();
        let behind = format!("SELECT id::text FROM instance WHERE state = 'running' AND epoch < {epoch}");
        cluster.wait(
            PATIENCE,
            "the new incarnation owns what the old one did",
            |cluster| {
                let behind = ask(cluster, &behind);
                ids.iter().all(|id| !behind.contains(id))
            },
        );
    }
}

/// What only the lost generation knew.
struct LostRows {
    uids: BTreeSet<String>,
    ids: BTreeSet<String>,
    incarnation: i64,
}

/// Goes back to the state of the copy, and lets every node come back as its supervisor would.
fn go_back(cluster: &mut Cluster, method: RestoreMethod) {
    if method == RestoreMethod::DeclaredByOperator {
        cluster.node("m1").kill();
    }
    cluster.postgres.stop();
    cluster.postgres.script(PUT_BACK);
    if method == RestoreMethod::NewTimeline {
        cluster.postgres.script(RECOVER);
    }
    cluster.postgres.start();
    let restored = Instant::now();
    if method == RestoreMethod::DeclaredByOperator {
        let said = Command::new(env!("CARGO_BIN_EXE_porpoise"))
            .args(["db", "restored", "--database-url", &cluster.postgres.url()])
            .output()
            .expect("the program");
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.status.success() && text.contains("the generation is"),
            "{text}"
        );
        eprintln!("{text}");
    } else {
        let code = cluster.node("m1").exit_code(PATIENCE);
        let said = cluster.on("m1").output();
        assert_eq!(code, Some(75), "the master ends, to join again: {said}");
        assert!(
            said.contains("raising the generation"),
            "the loss is reported: {said}"
        );
        eprintln!("m1 ended {:?} after the database was back", restored.elapsed());
    }
    cluster.node("m1").start();
    eprintln!(
        "m1 was ready {:?} after the database was back",
        restored.elapsed()
    );
}

/// Takes what is lost for good out of what the checker knows.
fn forget(cluster: &Cluster, lost: &LostRows) {
    let mut promises = cluster.history.promises();
    promises.ends.retain(|id, _| !lost.ids.contains(id));
    drop(promises);
    let log = cluster.start_log();
    let kept = lines_of(&log).into_iter().filter(|line| {
        let uid = line.split(' ').next().unwrap_or_default();
        !lost.uids.contains(uid)
    });
    let kept: String = kept.map(|line| line + "\n").collect();
    std::fs::write(&log, kept).expect("the start log");
}

/// Makes a copy under running instances, which it answers, and then more that the copy does not know.
fn lose_commits(cluster: &mut Cluster, method: RestoreMethod) -> (Vec<String>, LostRows) {
    let early = held(cluster, &["w1"]);
    let at_copy = uids(cluster);
    if method == RestoreMethod::NewTimeline {
        cluster.postgres.script(BACK_UP);
    } else {
        cluster.postgres.stop();
        cluster.postgres.script(COPY);
        cluster.postgres.start();
        cluster.wait(PATIENCE, "the node is back", |cluster| {
            cluster.try_start("m1", "held").is_some()
        });
    }
    raise_epochs(cluster, &early);
    held(cluster, &["w1"]);
    let lost = LostRows {
        uids: uids(cluster).difference(&at_copy).cloned().collect(),
        ids: cluster
            .history
            .promises()
            .ends
            .keys()
            .filter(|id| !early.contains(id))
            .cloned()
            .collect(),
        incarnation: latest_incarnation(cluster),
    };
    assert!(!lost.uids.is_empty() && !lost.ids.is_empty(), "something is lost");
    (early, lost)
}

fn a_cluster_survives(method: RestoreMethod) {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let (early, lost) = lose_commits(&mut cluster, method);
    let worker = cluster.on("w1").incarnation.clone();
    let before = generation(&cluster);

    go_back(&mut cluster, method);
    assert!(generation(&cluster) > before, "the generation rises");
    assert!(
        latest_incarnation(&cluster) > lost.incarnation,
        "no incarnation has the number of a lost one"
    );
    cluster
        .history
        .promises()
        .ends
        .retain(|id, _| !lost.ids.contains(id));
    cluster.wait(
        MOVES_WITHIN,
        "every instance of the copy has a living owner",
        |cluster| {
            let host = cluster.on("m1").host.clone();
            early
                .iter()
                .all(|id| cluster.any().get(&format!("/instances/{id}"))["host"] == host)
        },
    );
    let fresh = held(&cluster, &["w1"]);
    let again: BTreeSet<String> = uids(&cluster).intersection(&lost.uids).cloned().collect();
    assert_eq!(
        again,
        BTreeSet::new(),
        "no uid of the lost generation occurs again"
    );
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    let everything = [early, fresh].concat();
    wait_for_ends(&cluster, &everything);
    assert_single_attempts(&cluster, &everything);
    cluster.wait(Duration::from_secs(30), "the worker is idle", |cluster| {
        cluster.task_processes("w1").is_empty()
    });
    let workers = ask(&cluster, "SELECT incarnation::text FROM member WHERE name = 'w1'");
    assert_eq!(
        workers,
        [worker],
        "the worker stayed, and took work of the new generation"
    );
    let ids: BTreeSet<String> = lost
        .ids
        .iter()
        .filter(|id| !everything.contains(id))
        .cloned()
        .collect();
    forget(&cluster, &LostRows { ids, ..lost });
    check(&cluster, Effects::default());
}

#[test]
fn a_recovered_backup_is_a_new_generation_and_nothing_is_stuck() {
    a_cluster_survives(RestoreMethod::NewTimeline);
}

#[test]
fn an_older_copy_under_running_nodes_is_a_new_generation_and_nothing_is_stuck() {
    a_cluster_survives(RestoreMethod::OlderCopy);
}

#[test]
fn an_older_copy_with_db_restored_is_a_new_generation_and_nothing_is_stuck() {
    a_cluster_survives(RestoreMethod::DeclaredByOperator);
}
