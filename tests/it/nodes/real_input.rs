//! Executions of real workflows, run by one node in the order that their dependencies ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::harness::Node;

/// Names the folder with samples of WfCommons; they are not ours to ship.
const SAMPLES: &str = "PORPOISE_SAMPLES";

/// The default folder of the samples: beside the repository.
const BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/wfinstances");

fn import(file: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_porpoise"))
        .args(["import", "wfcommons", "--scale", "0.001"])
        .arg(file)
        .output()
        .expect("the program runs");
    assert!(
        output.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn needs_of(node: &Node, name: &str) -> BTreeMap<String, Vec<String>> {
    let stored = node.get(&format!("/projects/default/workflows/{name}"));
    let tasks = stored["document"]["tasks"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let names = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|n| n.as_str().map(str::to_owned))
            .collect()
    };
    tasks
        .iter()
        .map(|(task, body)| (task.clone(), names(&body["needs"])))
        .collect()
}

/// The position of each task's first and last entry of a kind in the stored history.
fn positions(history: &[Value], is: impl Fn(&str) -> bool) -> BTreeMap<String, usize> {
    let mut positions = BTreeMap::new();
    for (position, entry) in history.iter().enumerate() {
        if let (Some(task), Some(to)) = (entry["task"].as_str(), entry["to"].as_str())
            && is(to)
        {
            positions.entry(task.to_owned()).or_insert(position);
        }
    }
    positions
}

fn runs_in_order(file: &Path) {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &["--slots", "16"]);
    let name = "real";
    let yaml = import(file);
    let renamed: Vec<String> = yaml
        .lines()
        .map(|line| {
            if line.starts_with("name:") {
                format!("name: {name}")
            } else {
                line.to_owned()
            }
        })
        .collect();
    node.apply(name, renamed.join("\n"));
    let id = node.start_instance(name);
    let done = node.settle(&id, &["succeeded", "failed", "stopped"], Duration::from_secs(240));
    assert_eq!(done["state"], "succeeded", "{}: {done}", file.display());
    let history = node.items(&format!("/instances/{id}/history"));
    let began = positions(&history, |to| {
        matches!(to, "dispatched" | "running" | "succeeded")
    });
    let ended = positions(&history, |to| to == "succeeded");
    let needs = needs_of(&node, name);
    assert_eq!(needs.len(), ended.len(), "every task succeeded once");
    for (task, before) in needs {
        for need in before {
            assert!(
                ended[&need] < began[&task],
                "{}: `{task}` began before `{need}` ended",
                file.display()
            );
        }
    }
}

#[test]
fn a_small_imported_execution_runs_in_the_order_of_its_dependencies() {
    runs_in_order(Path::new("tests/data/ferry-wfcommons.json"));
}

#[test]
fn every_sample_execution_runs_in_the_order_of_its_dependencies() {
    let named = std::env::var_os(SAMPLES).map(PathBuf::from);
    let samples = named.clone().unwrap_or_else(|| PathBuf::from(BESIDE));
    let Ok(folder) = std::fs::read_dir(&samples) else {
        assert!(
            named.is_none(),
            "{SAMPLES} names no folder: {}",
            samples.display()
        );
        eprintln!(
            "skipped: no samples beside the repository ({})",
            samples.display()
        );
        return;
    };
    let mut files: Vec<PathBuf> = folder.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds samples", samples.display());
    for file in files {
        runs_in_order(&file);
    }
}
