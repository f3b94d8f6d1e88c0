//! Workers whose packets are dropped: cut off from the masters only, and from everything.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::blocked_links::dead;
use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::master_crash::all_end;
use crate::network::Way;
use crate::worker_crash::{held, run_again, task_of};

/// How long a worker is cut off from all masters while its tasks end.
const A_WHILE: Duration = Duration::from_secs(10);

/// A worker reports again within 5 s, and a greeting takes a second or two.
const DELIVERED_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn a_worker_cut_off_from_all_masters_keeps_its_results_and_one_cut_off_from_everything_is_given_up() {
    let Some(mut cluster) = Cluster::start_apart(2, 2) else {
        return;
    };
    let ids = held(&cluster, &["w1", "w2"]);
    let (on_w1, on_w2): (Vec<&String>, Vec<&String>) =
        ids.iter().partition(|id| task_of(&cluster, id)["worker"] == "w1");
    kept_and_delivered(&cluster, &on_w1);
    given_up(&mut cluster, &on_w2);
    all_end(&cluster, &ids);
    for id in on_w1 {
        assert_eq!(task_of(&cluster, id)["attempts"], 1, "{id} ran once");
    }
    let effects = Effects {
        declared: 1,
        workers_died: true,
    };
    check(&cluster, effects);
}

/// Its tasks end while no master reaches it and it reaches none; each result comes once, and nothing runs again.
fn kept_and_delivered(cluster: &Cluster, ids: &[&String]) {
    cluster.network().cut("w1", Way::Both, &["m1", "m2"]);
    let cut = Instant::now();
    std::fs::write(cluster.path("flag-w1"), "").expect("the flag");
    cluster.wait(A_WHILE, "its tasks end", |cluster| {
        cluster.task_processes("w1").is_empty()
    });
    std::thread::sleep(A_WHILE.saturating_sub(cut.elapsed()));
    let running = |cluster: &Cluster, id: &str| task_of(cluster, id)["state"] == "running";
    assert!(
        ids.iter().all(|id| running(cluster, id)),
        "nobody can know that they ended"
    );
    assert_eq!(dead(cluster), Vec::<Value>::new(), "it beats");
    cluster.network().mend("w1");
    let mended = Instant::now();
    cluster.wait(DELIVERED_WITHIN, "its results come", |cluster| {
        ids.iter().all(|id| task_of(cluster, id)["state"] == "succeeded")
    });
    // What runs again of the other worker comes here, and has to wait.
    std::fs::remove_file(cluster.path("flag-w1")).expect("the flag");
    eprintln!("results came {:?} after the cut was mended", mended.elapsed());
    let lost = ask(cluster, "SELECT dispatch_id FROM attempt WHERE state = 'lost'");
    assert_eq!(lost, Vec::<String>::new());
}

/// Nobody hears of it, so what it ran is lost and runs again; when it reads of that it ends its tasks and itself.
fn given_up(cluster: &mut Cluster, ids: &[&String]) {
    cluster.network().cut_from_all("w2", Way::Both);
    cluster.wait(PATIENCE, "it is declared dead", |cluster| {
        !dead(cluster).is_empty()
    });
    run_again(cluster, ids, 2);
    assert!(
        !cluster.task_processes("w2").is_empty(),
        "its tasks go on: nobody can stop them"
    );
    cluster.network().mend("w2");
    assert_eq!(cluster.node("w2").exit_code(PATIENCE), Some(75));
    assert_eq!(
        cluster.task_processes("w2"),
        Vec::<i32>::new(),
        "it ends its tasks first"
    );
    cluster.node("w2").start();
    std::fs::write(cluster.path("flag"), "").expect("the flag");
}
