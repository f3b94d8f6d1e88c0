//! Workers that are cut off from everything while they run tasks that say what is to become of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use crate::checker::{Effects, check};
use crate::death::{MOVES_WITHIN, all_end, hosts, left, nothing_ran_again};
use crate::fixture::{Cluster, PATIENCE, chain, free_address, lines_of};
use crate::partitions::{LONG, dead, host_of};
use crate::proxy::{Mode, Proxy};
use crate::workers::task_of;

/// How often a task shows that it runs; a process that is stopped shows it no more.
const BEATS_EVERY: &str = "0.1";

/// A lease, and what it takes to notice that it is over on a busy machine.
const STOPPED_WITHIN: Duration = Duration::from_secs(24);

/// The least that is surely left of a lease when the cut begins: the last renewal was sent 5 s before it, or a request
/// that was not answered later than that.
const STOPPED_AFTER: Duration = Duration::from_secs(14);

/// The owner waits so long after the last renewal, which came at most 5 s and a request before the cut.
const FOLLOWED_AFTER: Duration = Duration::from_secs(19);

/// 30 s after the worker was given up, and what else it takes on a busy machine.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(75);

/// Milliseconds of the machine's clock, as tasks write them.
type At = u128;

/// A task that shows all the time that it runs, until the flag is there.
fn beating(cluster: &Cluster, policy: &str) -> String {
    let (flag, beats) = (cluster.path("flag"), cluster.path("beats"));
    let task = cluster.task(&format!(
        "while [ ! -e {} ]; do echo $PORPOISE_ATTEMPT_UID $(date +%s%3N) >> {}; sleep {BEATS_EVERY}; done",
        flag.display(),
        beats.display()
    ));
    let body = task.trim_end_matches('}').trim_end();
    format!("{body}{policy} }}")
}

/// When each attempt of an instance showed first and last that it runs.
fn shown(cluster: &Cluster, id: &str) -> BTreeMap<String, (At, At)> {
    let mut shown: BTreeMap<String, (At, At)> = BTreeMap::new();
    for line in lines_of(&cluster.path("beats")) {
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
struct Cut {
    links: Vec<Proxy>,
    /// Masters, behind which only its own calls are swallowed.
    masters: Vec<Proxy>,
}

impl Cut {
    fn off(&self, life: &str) {
        self.links.iter().for_each(|link| link.set(Mode::BlackHole));
        self.masters.iter().for_each(|link| link.swallow_from(life));
    }
}

/// A master that others reach through a proxy.
fn add_master(cluster: &mut Cluster, name: &str) -> Proxy {
    let rpc = free_address();
    let proxy = Proxy::start(&free_address(), &rpc);
    let host = proxy.address().to_owned();
    let node = cluster.add(
        name,
        "master,api",
        &["--rpc-listen", rpc.as_str(), "--advertise", &host],
    );
    node.host = host;
    node.start();
    proxy
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
fn run_at_x(cluster: &mut Cluster) -> (String, String) {
    let plain = beating(cluster, "");
    let exclusive = format!(
        "{}, on_cut_off: exclusive }}",
        plain.trim_end_matches('}').trim_end()
    );
    for (name, task) in [("plain", plain), ("exclusive", exclusive)] {
        let document = chain(name, &[task.replace(", worker_group: g", "")]);
        cluster.on("m1").apply(name, document);
    }
    let ids = ["exclusive", "plain"].map(|name| cluster.start_instance("m1", name));
    for id in &ids {
        cluster.wait(PATIENCE, "it runs at x", |cluster| {
            task_of(cluster, id)["state"] == "running" && !shown(cluster, id).is_empty()
        });
        assert_eq!(task_of(cluster, id)["worker"], "x");
    }
    let [exclusive, plain] = ids;
    (exclusive, plain)
}

#[test]
fn an_exclusive_attempt_of_a_worker_that_is_cut_off_ends_before_the_next_begins_and_others_go_on() {
    let Some(mut cluster) = Cluster::start(0, 0) else {
        return;
    };
    let masters = vec![add_master(&mut cluster, "m1")];
    let cut = Cut {
        links: add_worker(&mut cluster),
        masters,
    };
    let (exclusive, plain) = run_at_x(&mut cluster);
    cluster.add("w1", "worker", &[]).start();
    // Past the time in which nobody is suspected anyway.
    std::thread::sleep(LONG);
    let life = cluster.on("x").incarnation.clone();
    cut.off(&life);
    let (cut_at, began) = (now(), Instant::now());
    cluster.wait(PATIENCE, "the cut worker is declared dead", |cluster| {
        !dead(cluster).is_empty()
    });
    cluster.wait(PATIENCE, "the task says what it waits for", |cluster| {
        let reason = task_of(cluster, &exclusive)["reason"].to_string();
        reason.contains("waits until the lease of attempt 1 at worker x is over")
    });
    for id in [&plain, &exclusive] {
        cluster.wait(FOLLOWED_WITHIN, "the next attempt runs elsewhere", |cluster| {
            shown(cluster, id).len() == 2 && task_of(cluster, id)["worker"] == "w1"
        });
    }
    eprintln!("the exclusive task ran again {:?} after the cut", began.elapsed());
    let (of_exclusive, of_plain) = (shown(&cluster, &exclusive), shown(&cluster, &plain));
    let [(_, first), (_, next)] = of_exclusive.iter().collect::<Vec<_>>()[..] else {
        panic!("{of_exclusive:?}");
    };
    eprintln!(
        "its first attempt was stopped {} ms after the cut, the next began {} ms after it",
        first.1.saturating_sub(cut_at),
        next.0.saturating_sub(cut_at)
    );
    let after = |at: At| Duration::from_millis(u64::try_from(at.saturating_sub(cut_at)).expect("soon"));
    assert!(
        after(first.1) > STOPPED_AFTER,
        "its lease was not over: {of_exclusive:?}"
    );
    assert!(
        after(first.1) < STOPPED_WITHIN,
        "it was not stopped: {of_exclusive:?}"
    );
    assert!(after(next.0) > FOLLOWED_AFTER, "{of_exclusive:?}");
    assert!(first.1 < next.0, "they overlap: {of_exclusive:?}");
    let [(_, first), (_, next)] = of_plain.iter().collect::<Vec<_>>()[..] else {
        panic!("{of_plain:?}");
    };
    assert!(
        first.1 > next.0,
        "without a policy the first one goes on: {of_plain:?}"
    );
    assert!(after(first.1) > STOPPED_WITHIN, "{of_plain:?}");
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    all_end(&cluster, &[exclusive, plain]);
    cluster.node("x").kill();
    let effects = Effects {
        declared: 1,
        workers_died: true,
    };
    check(&cluster, effects);
}

#[test]
fn a_take_over_does_not_disturb_an_exclusive_attempt() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let task = beating(&cluster, ", on_cut_off: exclusive");
    cluster.any().apply("exclusive", chain("exclusive", &[task]));
    let ids = [cluster.start_instance("m1", "exclusive")];
    cluster.wait(PATIENCE, "it runs", |cluster| !shown(cluster, &ids[0]).is_empty());
    let gone = cluster.on("m1").host.clone();
    assert_eq!(hosts(&cluster, &ids), [gone.as_str()]);
    cluster.node("m1").kill();
    let killed = now();
    left(&cluster, &ids, &[&gone], MOVES_WITHIN);
    // Longer than a lease of the dead owner, and than what the next owner would wait.
    cluster.wait(PATIENCE, "it runs long after the death of its owner", |cluster| {
        let (_, last) = shown(cluster, &ids[0]).pop_first().expect("an attempt").1;
        last > killed + 32_000
    });
    std::fs::write(cluster.path("flag"), "").expect("the flag");
    all_end(&cluster, &ids);
    nothing_ran_again(&cluster, &ids);
    let effects = Effects {
        declared: 1,
        ..Effects::default()
    };
    check(&cluster, effects);
}
