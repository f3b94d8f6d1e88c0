//! Starts, kills and asks nodes of the real program.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

/// A token of the user `admin`, long enough to be taken as the bootstrap token.
pub(super) const TOKEN: &str = "porpoise-integration-test-token-0123456789";

/// A standalone node of ours; killed when dropped.
pub(super) struct Node {
    child: Child,
    url: String,
    client: Client,
    /// The life that the ready line names.
    pub(super) incarnation: String,
}

impl Node {
    /// Starts the program on a data folder and waits for its ready line.
    pub(super) fn start(data: &Path, more: &[&str]) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut child = Command::new(env!("CARGO_BIN_EXE_porpoise"))
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
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client");
        let text = |key: &str| {
            ready[key]
                .as_str()
                .map_or_else(|| ready[key].to_string(), str::to_owned)
        };
        Self {
            child,
            url: text("url"),
            client,
            incarnation: text("incarnation"),
        }
    }

    /// Ends the node at once, as a crash does; its tasks are not touched.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("the node is ours");
        self.child.wait().expect("the node ends");
    }

    /// Tells the process to end.
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

    /// The address as `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Asks anything with any body; the answer may be a refusal.
    pub(super) fn ask(&self, method: Method, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        let asked = Instant::now();
        let request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("Content-Type", kind)
            .body(body.into());
        let reply = self.send(request);
        let (status, retry) = (
            reply.status().as_u16(),
            reply.headers().contains_key("Retry-After"),
        );
        let text = String::from_utf8(reply.bytes().expect("a body").to_vec()).expect("UTF-8");
        Answer {
            status,
            retry,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            took: asked.elapsed(),
        }
    }

    /// Asks for a resource below `/api/v1` that must exist.
    pub(super) fn get(&self, path: &str) -> Value {
        let reply = self.send(self.client.get(format!("{}/api/v1{path}", self.url)));
        let status = reply.status();
        let body: Value = reply.json().expect("json");
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// Reads a stream below `/api/v1` to its end, from the event after `last` on.
    pub(super) fn text(&self, path: &str, last: &str) -> String {
        let request = self.client.get(format!("{}/api/v1{path}", self.url));
        let reply = self.send(request.header("last-event-id", last));
        assert!(reply.status().is_success(), "GET {path}: {}", reply.status());
        reply.text().expect("text")
    }

    /// Posts to a path below `/api/v1`; answers status and body.
    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.send(self.client.post(format!("{}/api/v1{path}", self.url)).json(body));
        (reply.status().as_u16(), reply.json().unwrap_or(Value::Null))
    }

    /// Posts to a path below `/api/v1` with a request key; answers status and body.
    pub(super) fn post_with_key(&self, path: &str, body: &Value, key: &str) -> (u16, Value) {
        let request = self.client.post(format!("{}/api/v1{path}", self.url)).json(body);
        let reply = self.send(request.header("Idempotency-Key", key));
        (reply.status().as_u16(), reply.json().unwrap_or(Value::Null))
    }

    /// Stores a YAML document in the project `default`.
    pub(super) fn apply(&self, name: &str, yaml: String) {
        let url = format!("{}/api/v1/projects/default/workflows/{name}", self.url);
        let request = self
            .client
            .put(url)
            .header("Content-Type", "application/yaml")
            .body(yaml);
        let reply = self.send(request);
        let status = reply.status();
        assert!(
            status.is_success(),
            "PUT {name}: {status} {}",
            reply.text().unwrap_or_default()
        );
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

    /// Follows the cursor of a list to its end.
    pub(super) fn items(&self, path: &str) -> Vec<Value> {
        let glue = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{glue}limit=200{cursor}"));
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Waits until an instance is in one of the states, and answers it.
    pub(super) fn settle(&self, id: &str, states: &[&str], within: Duration) -> Value {
        let mut last = Value::Null;
        eventually(within, || {
            last = self.get(&format!("/instances/{id}"));
            states.iter().any(|state| last["state"] == *state)
        });
        assert!(
            states.iter().any(|state| last["state"] == *state),
            "{id} should reach {states:?}: {last}"
        );
        last
    }

    fn send(&self, request: reqwest::blocking::RequestBuilder) -> Response {
        request.bearer_auth(TOKEN).send().expect("the node answers")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What the node answered, whatever it was.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether it says when to try again.
    pub(super) retry: bool,
    /// Null when it was not JSON.
    pub(super) body: Value,
    pub(super) text: String,
    pub(super) took: Duration,
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

/// Looks again and again until the probe holds or the time is over.
pub(super) fn eventually(within: Duration, mut probe: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !probe() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
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
