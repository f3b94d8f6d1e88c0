//! Starts, kills and asks nodes of the real program.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};

pub(super) use test_support::rest::{Answer, Rest, TOKEN};
pub(super) use test_support::waiting::eventually;

/// A standalone node of ours; killed when dropped.
pub(super) struct Node {
    child: Child,
    rest: Rest,
    /// The incarnation that the ready line names.
    pub(super) incarnation: String,
}

impl Node {
    /// Starts the program on a data folder and waits for its ready line.
    pub(super) fn start(data: &Path, more: &[&str]) -> Self {
        Self::start_in(&[], data, more)
    }

    /// The same in an environment that has more variables.
    pub(super) fn start_in(environment: &[(&str, &Path)], data: &Path, more: &[&str]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_porpoise"));
        program.envs(environment.iter().copied());
        Self::start_by(program, data, more)
    }

    /// The same in a shell that ignores these signals.
    pub(super) fn start_ignoring(signals: &str, data: &Path) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("trap '' {signals}; exec \"$0\" \"$@\"")]);
        shell.arg(env!("CARGO_BIN_EXE_porpoise"));
        Self::start_by(shell, data, &[])
    }

    fn start_by(mut program: Command, data: &Path, more: &[&str]) -> Self {
        let mut child = program
            .args(["standalone", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(more)
            .env("PORPOISE__AUTH__BOOTSTRAP_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let ready = ready_line(&mut child);
        let text = |key: &str| {
            ready[key]
                .as_str()
                .map_or_else(|| ready[key].to_string(), str::to_owned)
        };
        Self {
            child,
            rest: Rest::new(&text("url")),
            incarnation: text("incarnation"),
        }
    }

    /// Ends the node at once, as a crash does; its tasks are not touched.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("the node is ours");
        self.child.wait().expect("the node ends");
    }

    /// Sends a signal to the process.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("the node is ours");
    }

    /// Waits for the end of the process; its exit code, if it ended by itself in time.
    pub(super) fn exit_code(&mut self, within: Duration) -> Option<i32> {
        let mut status = None;
        eventually(within, || {
            status = self.child.try_wait().expect("the node is ours");
            status.is_some()
        });
        status?.code()
    }

    /// The most memory that the process ever had, in KiB.
    pub(super) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Posts to a path below `/api/v1`; answers status and body.
    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.rest.request(Method::POST, &format!("/api/v1{path}"));
        let reply = self.rest.send(request.json(body));
        (reply.status().as_u16(), reply.json().unwrap_or(Value::Null))
    }

    /// Starts an instance and answers its id.
    pub(super) fn start_instance(&self, workflow: &str) -> String {
        let (status, body) = self.post(
            &format!("/projects/default/workflows/{workflow}/instances"),
            &json!({}),
        );
        assert_eq!(status, 201, "start of {workflow}: {body}");
        body["id"].as_str().expect("an id").to_owned()
    }

    /// Posts to a path below `/api/v1` with a request key; answers status and body.
    pub(super) fn post_with_key(&self, path: &str, body: &Value, key: &str) -> (u16, Value) {
        let request = self.rest.request(Method::POST, &format!("/api/v1{path}"));
        let reply = self.rest.send(request.json(body).header("Idempotency-Key", key));
        (reply.status().as_u16(), reply.json().unwrap_or(Value::Null))
    }

    /// Reads a stream below `/api/v1` to its end, from the event after `last` on.
    pub(super) fn text(&self, path: &str, last: &str) -> String {
        let request = self.rest.request(Method::GET, &format!("/api/v1{path}"));
        let reply = self.rest.send(request.header("last-event-id", last));
        assert!(reply.status().is_success(), "GET {path}: {}", reply.status());
        reply.text().expect("text")
    }
}

impl Deref for Node {
    type Target = Rest;

    fn deref(&self) -> &Rest {
        &self.rest
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs a node that cannot start, to its end.
pub(super) fn refused_start(data: &Path, more: &[&str], token: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_porpoise"))
        .args(["standalone", "--data"])
        .arg(data)
        .args(more)
        .env("PORPOISE__SERVER__LISTEN", "127.0.0.1:0")
        .env("PORPOISE__AUTH__BOOTSTRAP_TOKEN", token)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut ended = false;
    eventually(Duration::from_secs(20), || {
        ended = child.try_wait().expect("the program is ours").is_some();
        ended
    });
    if !ended {
        child.kill().ok();
    }
    let output = child.wait_with_output().expect("its output");
    assert!(ended, "it should not start: {output:?}");
    output
}

/// Reads the ready line; the rest of the output is read and dropped, so that the node never blocks on it.
fn ready_line(child: &mut Child) -> Value {
    let stdout = child.stdout.take().expect("stdout is piped");
    let (found, line) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.contains("porpoise ready") {
                found.send(line).ok();
            }
        }
    });
    let line = line
        .recv_timeout(Duration::from_secs(30))
        .expect("the node prints its ready line");
    serde_json::from_str(&line).expect("the ready line is JSON when stdout is not a terminal")
}
