//! Bad input, full disks, absent databases: a node reports clearly what is wrong, keeps running, and loses nothing.

mod commits;
mod disk;
mod input;
mod outage;
mod start;
mod stop;

use std::time::Duration;

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A document with one shell task `t`.
fn shell(name: &str, script: &str) -> String {
    let script = serde_json::to_string(script).expect("text is JSON");
    format!("version: 1\nname: {name}\ntasks:\n  t: {{ type: shell, run: {script} }}\n")
}
