//! A node that is killed in the middle of everything, and started again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Node, eventually};

/// Instances of each kind; with ten kinds, two hundred are alive or at rest when the node is killed.
const EACH: usize = 20;

const FINAL: [&str; 3] = ["succeeded", "failed", "stopped"];

/// The kinds of instances by name: their document's tasks, and how they end after the restart.
fn kinds(folder: &Path) -> Vec<(&'static str, String, &'static str)> {
    let (ledger, flag) = (
        folder.join("ledger").display().to_string(),
        folder.join("flag").display().to_string(),
    );
    let mark = |what: &str| {
        format!("echo {what} $PORPOISE_INSTANCE_ID.$PORPOISE_TASK $PORPOISE_ATTEMPT_UID >> {ledger}")
    };
    let (begin, end) = (mark("begin"), mark("end"));
    let shell = |name: &str, script: String, more: &str| {
        format!("  {name}: {{ type: shell, run: '{script}'{more} }}\n")
    };
    let hold = format!("{begin}; while [ ! -e {flag} ]; do sleep 0.1; done; {end}");
    let steps = (0..4).map(|n| {
        let needs = if n == 0 {
            String::new()
        } else {
            format!(", needs: [s{}]", n - 1)
        };
        shell(&format!("s{n}"), format!("{begin}; sleep 0.3; {end}"), &needs)
    });
    let deaf = format!("trap \"\" TERM; {begin}; sleep 300");
    // In the order in which they are started: those that wait for a time, or end soon, come last.
    vec![
        ("quick", shell("t", format!("{begin}; {end}"), ""), "succeeded"),
        ("broken", shell("t", format!("{begin}; exit 3"), ""), "failed"),
        (
            "rested",
            shell("t", format!("{begin}; {end}"), "") + "  u: { type: noop, needs: [t], delay: 60s }\n",
            "paused",
        ),
        ("ended", shell("t", format!("{begin}; sleep 300"), ""), "stopped"),
        (
            "held",
            shell("t", hold.clone(), "") + "  u: { type: noop, needs: [t] }\n",
            "succeeded",
        ),
        (
            "halting",
            shell("t", hold, "") + "  u: { type: noop, needs: [t] }\n",
            "paused",
        ),
        (
            "late",
            "  t: { type: noop, delay: 20s }\n".to_owned(),
            "succeeded",
        ),
        (
            "again",
            shell(
                "t",
                format!("{begin}; [ \"$PORPOISE_ATTEMPT\" = 2 ]"),
                ", retry: { max: 1, delay: 20s }",
            ),
            "succeeded",
        ),
        ("chain", steps.collect(), "succeeded"),
        ("dying", shell("t", deaf, ""), "stopped"),
    ]
}

fn command(node: &Node, id: &str, command: &str) {
    let (status, body) = node.post(&format!("/instances/{id}/{command}?wait=10s"), &json!({}));
    assert_eq!(status, 200, "{command} of {id}: {body}");
}

fn task(node: &Node, id: &str, name: &str) -> Value {
    node.get(&format!("/instances/{id}/tasks/{name}"))
}

/// Brings one instance of a kind to where it should be when the node dies.
fn bring_to_place(node: &Node, kind: &str, id: &str) {
    let within = Duration::from_secs(60);
    let first = |state: &str| {
        eventually(within, || task(node, id, "t")["state"] == state);
        assert_eq!(task(node, id, "t")["state"], state, "{kind} {id}");
    };
    match kind {
        "quick" | "broken" => drop(node.settle(id, &FINAL, within)),
        "rested" => {
            eventually(within, || task(node, id, "u")["state"] == "delayed");
            command(node, id, "pause");
            node.settle(id, &["paused"], within);
        }
        "ended" => {
            first("running");
            command(node, id, "stop");
            node.settle(id, &["stopped"], within);
        }
        "late" => first("delayed"),
        "again" => first("waiting_retry"),
        "held" => first("running"),
        "halting" => {
            first("running");
            command(node, id, "pause");
        }
        "dying" => {
            first("running");
            command(node, id, "stop");
        }
        _ => {}
    }
}

/// Lines of the ledger: begin or end, instance and task, uid.
fn ledger(folder: &Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(folder.join("ledger")).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            Some((words.next()?, words.next()?, words.next()?))
        })
        .collect()
}

fn uids_start_once(lines: &[(String, String, String)]) {
    let mut starts: BTreeMap<&str, usize> = BTreeMap::new();
    for (what, _, uid) in lines {
        if what == "begin" {
            *starts.entry(uid).or_default() += 1;
        }
    }
    let twice: Vec<_> = starts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "a uid starts at most once: {twice:?}");
}

/// Shell tasks that have succeeded, with the attempts that they took.
fn succeeded(node: &Node, instances: &[(&str, &str, String)]) -> Vec<(String, u64)> {
    instances
        .iter()
        .flat_map(|(_, _, id)| {
            let tasks = node.items(&format!("/instances/{id}/tasks"));
            tasks.into_iter().map(move |task| (id, task))
        })
        .filter(|(_, task)| task["state"] == "succeeded" && task["type"] == "shell")
        .map(|(id, task)| {
            let name = format!("{id}.{}", task["name"].as_str().unwrap_or_default());
            (name, task["attempts"].as_u64().unwrap_or_default())
        })
        .collect()
}

fn survives_a_kill(more: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let arguments: Vec<&str> = [&["--slots", "120"], more].concat();
    let mut node = Node::start(&data, &arguments);
    let kinds = kinds(folder.path());
    let mut instances = Vec::new();
    for (kind, tasks, end) in &kinds {
        node.apply(kind, format!("version: 1\nname: {kind}\ntasks:\n{tasks}"));
        let ids: Vec<String> = (0..EACH).map(|_| node.start_instance(kind)).collect();
        ids.iter().for_each(|id| bring_to_place(&node, kind, id));
        instances.extend(ids.into_iter().map(|id| (*kind, *end, id)));
    }
    let before: BTreeMap<String, Value> = instances
        .iter()
        .map(|(_, _, id)| (id.clone(), node.get(&format!("/instances/{id}"))))
        .collect();
    let done_before = succeeded(&node, &instances);
    node.kill();
    let killed_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let node = Node::start(&data, &arguments);
    std::fs::write(folder.path().join("flag"), "").expect("the flag");
    for (kind, end, id) in &instances {
        let now = node.settle(id, &[*end], Duration::from_secs(120));
        if before[id]["owner"].is_null() {
            assert_eq!(
                now, before[id],
                "{kind} {id}: a restart changes nothing that is at rest"
            );
            continue;
        }
        if now["ended_at"]
            .as_str()
            .is_some_and(|ended| ended < killed_at.as_str())
        {
            continue; // It ended while the others were brought to their places.
        }
        let log = node.get(&format!("/instances/{id}/ownership"))["log"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let last = log.last().expect("an owner");
        assert_eq!(last["why"], "restart", "{kind} {id}: {log:?}");
        assert_eq!(
            last["owner"].as_str(),
            Some(node.incarnation.as_str()),
            "{kind} {id}: {log:?}"
        );
    }
    let lines = ledger(folder.path());
    uids_start_once(&lines);
    for (task, attempts) in done_before {
        let starts = lines
            .iter()
            .filter(|(what, name, _)| what == "begin" && *name == task)
            .count();
        assert_eq!(
            starts as u64, attempts,
            "{task} had succeeded and does not run again"
        );
    }
}

#[test]
fn two_hundred_instances_in_every_state_survive_a_kill_on_sqlite() {
    survives_a_kill(&[]);
}

#[test]
fn two_hundred_instances_in_every_state_survive_a_kill_on_postgres() {
    let Some(url) = crate::postgres::empty_database() else {
        eprintln!("skipped: PostgreSQL's server programs are not installed");
        return;
    };
    survives_a_kill(&["--database-url", &url]);
}
