//! I18: after the faults, nodes use about what they used before: memory, descriptors (connections among them), threads
//! and actors.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fixture::{Cluster, counter_of};

/// Kilobytes by which memory may grow beyond one half: allocators and pools keep some.
const MORE_KB: u64 = 48 * 1024;

/// Descriptors that may be open beyond the baseline: connection pools grow with concurrent requests.
const MORE_DESCRIPTORS: u64 = 40;

/// Threads beyond the baseline: those of blocking work end after a delay.
const MORE_THREADS: u64 = 12;

/// Idle connections are closed and idle threads end within this time.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);

/// What one process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Usage {
    memory_kb: u64,
    descriptors: u64,
    threads: u64,
    /// Instances with an actor here.
    actors: u64,
}

/// What each node used at a time when it had something to do.
#[derive(Debug)]
pub(crate) struct Baseline(BTreeMap<String, Usage>);

impl Baseline {
    /// Notes what every node uses now.
    pub(crate) fn measure(cluster: &Cluster) -> Self {
        Self(usage(cluster))
    }

    /// Waits until every node uses about as much again, and no instance has an actor; fails with what does not.
    pub(crate) fn assert_restored(&self, cluster: &Cluster) {
        let mut above = Vec::new();
        test_support::waiting::eventually(SETTLES_WITHIN, || {
            let now = usage(cluster);
            let nodes = self.0.iter().map(|(name, before)| (name, before, now[name]));
            above = nodes
                .flat_map(|(name, before, now)| {
                    beyond(before, &now)
                        .into_iter()
                        .map(move |what| format!("{name}: {what}"))
                })
                .collect();
            above.is_empty()
        });
        assert!(above.is_empty(), "more than before the faults: {above:?}");
        eprintln!(
            "before the faults {:?}\nand after them    {:?}",
            self.0,
            usage(cluster)
        );
    }
}

fn usage(cluster: &Cluster) -> BTreeMap<String, Usage> {
    let nodes = cluster.nodes().map(|node| {
        let actors = if node.answers() {
            counter_of(node, "porpoise_instances_active")
        } else {
            0.0
        };
        (node.name.clone(), of_process(node.pid(), actors as u64))
    });
    nodes.collect()
}

fn of_process(pid: u32, actors: u64) -> Usage {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the node runs");
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).expect("a number")
    };
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors");
    Usage {
        memory_kb: number("VmRSS:"),
        descriptors: descriptors.count() as u64,
        threads: number("Threads:"),
        actors,
    }
}

/// What a node uses beyond what it may.
fn beyond(before: &Usage, now: &Usage) -> Vec<String> {
    let limits = [
        (
            "kilobytes",
            now.memory_kb,
            before.memory_kb + before.memory_kb / 2 + MORE_KB,
        ),
        (
            "descriptors",
            now.descriptors,
            before.descriptors + MORE_DESCRIPTORS,
        ),
        ("threads", now.threads, before.threads + MORE_THREADS),
        ("instances with an actor", now.actors, 0),
    ];
    let above = limits.into_iter().filter(|(_, used, limit)| used > limit);
    above
        .map(|(what, used, limit)| format!("{used} {what}, at most {limit}"))
        .collect()
}

/// Uses more of one thing.
#[cfg(test)]
type Plant = fn(&mut Usage);

/// A checker that finds nothing in a broken cluster would prove nothing.
#[test]
fn a_node_that_keeps_what_it_used_is_found() {
    let before = of_process(std::process::id(), 0);
    assert!(
        before.memory_kb > 0 && before.descriptors > 0 && before.threads > 0,
        "{before:?}"
    );
    assert_eq!(beyond(&before, &before), Vec::<String>::new());
    let faults: [(&str, Plant); 4] = [
        ("kilobytes", |now| {
            now.memory_kb = now.memory_kb * 3 / 2 + MORE_KB + 1
        }),
        ("descriptors", |now| now.descriptors += MORE_DESCRIPTORS + 1),
        ("threads", |now| now.threads += MORE_THREADS + 1),
        ("instances with an actor", |now| now.actors = 1),
    ];
    for (what, plant) in faults {
        let mut now = before;
        plant(&mut now);
        let found = beyond(&before, &now);
        assert!(found.len() == 1 && found[0].contains(what), "{what}: {found:?}");
    }
}
