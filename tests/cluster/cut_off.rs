//! Workers that are cut off from everything while they run tasks with and without `on_cut_off`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, chain, free_address, lines_of};
use crate::proxy::{Mode, Proxy};
use crate::scenario::{
    LONG, add_behind_proxy, dead_members, finish, host_of, owner_hosts, pass_warm_up, wait_for_ends,
    wait_until_left,
};
use crate::worker_crash::task_of;

/// How often a task shows that it runs; a process that is stopped shows it no more.
const SIGNALS_EVERY: &str = "0.1";

/// The first attempt is stopped 20 s after its last renewal, which was requested at most 5 s before the cut; later on a
/// busy machine.
const STOPPED_AFTER: Duration = Duration::from_secs(10);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// The next one begins 25 s after that renewal at the earliest.
const FOLLOWED_AFTER: Duration = Duration::from_secs(15);

/// Milliseconds of the machine's clock, as tasks write them.
type At = u128;

/// A task that shows all the time that it runs, until the flag is there.
fn signalling(cluster: &Cluster, policy: &str) -> String {
    let (flag, signals) = (cluster.path("flag"), cluster.path("signals"));
    let task = cluster.task(&format!(
        "while [ ! -e {} ]; do echo $PORPOISE_ATTEMPT_UID $(date +%s%3N) >> {}; sleep {SIGNALS_EVERY}; done",
        flag.display(),
        signals.display()
    ));
    let body = task.trim_end_matches('}').trim_end();
    format!("{body}{policy} }}")
}

/// When each attempt of an instance showed first and last that it runs.
fn signal_times(cluster: &Cluster, id: &str) -> BTreeMap<String, (At, At)> {
    let mut shown: BTreeMap<String, (At, At)> = BTreeMap::new();
    for line in lines_of(&cluster.path("signals")) {
        let Some((uid, at)) = line
            .split_once(' ')
            .filter(|(uid, _)| uid.split('-').nth(1) == Some(id))
        else {
            continue;
        };
        let at: At = at.parse().expect("a time");
        let seen = shown.entry(uid.to_owned()).or_insert((at, at));
        *seen = (seen.0.min(at), seen.1.max(at));
    }
    shown
}

fn now() -> At {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("a clock after 1970").as_millis()
}

/// Every link of the worker `x`; what others call there, and what it calls there itself.
struct WorkerLinks {
    links: Vec<Proxy>,
    /// Masters, behind which only its own calls are swallowed.
    masters: Vec<Proxy>,
}

impl WorkerLinks {
    fn cut(&self, incarnation: &str) {
        self.links.iter().for_each(|link| link.set(Mode::BlackHole));
        self.masters
            .iter()
            .for_each(|link| link.swallow_from(incarnation));
    }
}

/// The worker `x`, all of whose links can be cut.
fn add_worker(cluster: &mut Cluster) -> Vec<Proxy> {
    let agent = cluster.consul.url().trim_start_matches("http://").to_owned();
    let database = cluster.postgres.url();
    let server = host_of(&database);
    let rpc = free_address();
    let links = [agent, server.clone(), rpc.clone()].map(|to| Proxy::start(&free_address(), &to));
    let [registry, store, peers] = &links;
    let consul = format!("http://{}", registry.address());
    let database = database.replace(&server, store.address());
    let host = peers.address().to_owned();
    let flags = [
        ("--consul", consul.as_str()),
        ("--database-url", &database),
        ("--rpc-listen", &rpc),
        ("--advertise", &host),
        ("--slots", "32"),
    ];
    let flags: Vec<&str> = flags
        .into_iter()
        .flat_map(|(flag, value)| [flag, value])
        .collect();
    let node = cluster.add("x", "worker", &flags);
    node.host = host;
    node.start();
    links.into()
}

/// One exclusive instance and one without a policy, both with an attempt at `x`, before `w1` is there.
fn run_at_x(cluster: &Cluster) -> (String, String) {
    for (name, policy) in [("plain", ""), ("exclusive", ", on_cut_off: exclusive")] {
        let task = signalling(cluster, policy);
        cluster.on("m1").apply(name, chain(name, &[task]));
    }
    let ids = ["exclusive", "plain"].map(|name| cluster.start_instance("m1", name));
    for id in &ids {
        cluster.wait(PATIENCE, "it runs at x", |cluster| {
            task_of(cluster, id)["state"] == "running" && !signal_times(cluster, id).is_empty()
        });
        assert_eq!(task_of(cluster, id)["worker"], "x");
    }
    let [exclusive, plain] = ids;
    (exclusive, plain)
}

#[test]
fn a_cut_off_exclusive_attempt_ends_before_the_next_begins_and_others_continue() {
    let Some(mut cluster) = Cluster::start(0, 0) else {
        return;
    };
    let masters = vec![add_behind_proxy(&mut cluster, "m1", "master,api")];
    let links = add_worker(&mut cluster);
    let worker_links = WorkerLinks { links, masters };
    let (exclusive, plain) = run_at_x(&cluster);
    cluster.add("w1", "worker", &[]).start();
    pass_warm_up();
    worker_links.cut(&cluster.on("x").incarnation);
    let cut_at = now();
    cluster.wait(PATIENCE, "the task says what it waits for", |cluster| {
        let reason = task_of(cluster, &exclusive)["reason"].to_string();
        reason.contains("waits until the lease of attempt 1 at worker x is over")
    });
    assert!(!dead_members(&cluster).is_empty(), "the worker was declared dead");
    for id in [&plain, &exclusive] {
        cluster.wait(PATIENCE, "the next attempt runs elsewhere", |cluster| {
            signal_times(cluster, id).len() == 2 && task_of(cluster, id)["worker"] == "w1"
        });
    }
    let (_, next) = both_times(&cluster, &exclusive);
    cluster.wait(PATIENCE, "without a policy the first one continues", |cluster| {
        let (first, _) = both_times(cluster, &plain);
        first.1 > next.0 + LONG.as_millis()
    });
    assert_sequential(cut_at, both_times(&cluster, &exclusive));
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    wait_for_ends(&cluster, &[exclusive, plain]);
    cluster.node("x").kill();
    check(&cluster, Effects::worker_died());
}

/// When the two attempts of an instance showed first and last that they run.
fn both_times(cluster: &Cluster, id: &str) -> ((At, At), (At, At)) {
    let shown = signal_times(cluster, id);
    let times: Vec<(At, At)> = shown.values().copied().collect();
    let [first, next] = times[..] else {
        panic!("{id}: {shown:?}");
    };
    (first, next)
}

/// The first was stopped when its lease was over, and the next began when that was surely so.
fn assert_sequential(cut_at: At, (first, next): ((At, At), (At, At))) {
    let after_the_cut = |at: At| {
        let ms = at.saturating_sub(cut_at);
        Duration::from_millis(u64::try_from(ms).expect("soon"))
    };
    let (stopped, followed) = (after_the_cut(first.1), after_the_cut(next.0));
    eprintln!(
        "cut off, an exclusive attempt was stopped after {stopped:?}, the next began after {followed:?}"
    );
    assert!(stopped < followed, "they overlap: {first:?} {next:?}");
    assert!(stopped > STOPPED_AFTER, "its lease was not over");
    assert!(stopped < STOPPED_WITHIN, "it was not stopped in time");
    assert!(followed > FOLLOWED_AFTER, "the lease might not have been over");
}

#[test]
fn a_take_over_does_not_disturb_an_exclusive_attempt() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let task = signalling(&cluster, ", on_cut_off: exclusive");
    cluster.any().apply("exclusive", chain("exclusive", &[task]));
    let ids = [cluster.start_instance("m1", "exclusive")];
    cluster.wait(PATIENCE, "it runs", |cluster| {
        !signal_times(cluster, &ids[0]).is_empty()
    });
    let host = owner_hosts(&cluster, &ids).remove(0);
    let owner = cluster.named(&host);
    let gone = cluster.on(&owner).host.clone();
    cluster.node(&owner).kill();
    let killed = now();
    wait_until_left(&cluster, &ids, &[&gone], PATIENCE);
    // Longer than a lease of the dead owner, and than what the next owner would wait.
    cluster.wait(PATIENCE, "it runs long after the death of its owner", |cluster| {
        let (_, last) = signal_times(cluster, &ids[0]).pop_first().expect("an attempt").1;
        last > killed + 32_000
    });
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    finish(&cluster, &ids, Effects::declared(1));
}
