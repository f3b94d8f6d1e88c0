//! A canary: a secret that a task prints in every way, and that is searched in everything that a node shows or stores.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::json;

use super::harness::{Node, eventually, refused_start};

const REST: Duration = Duration::from_secs(30);
const CANARY: &str = "Zq7c9d0e1f2a3b4c5d6e7f80912a3b4c5d???>>>/+&%=";
const LINES: &str = "Zq7firstline0123456789\nab\nZq7secondline987654321";

const PRINT: &str = r#"
import base64, os, sys, urllib.parse
for value in (os.environ["ONE"], os.environ["LINES"]):
    print("begin", value, "end")
    print("quoted", urllib.parse.quote(value, safe=""))
    for n in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            print("base64", encode(b"x" * n + value.encode() + b"xyz").decode())
print("${setValue(leak=%s)}" % os.environ["ONE"])
sys.stdout.flush()
while not os.path.exists(os.environ["GATE"]):
    pass
"#;

/// Answers every request with what came in.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut request = [0; 4096];
            let read = connection.read(&mut request).unwrap_or_default();
            let body = String::from_utf8_lossy(&request[..read]).replace("\r\n", "\n");
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            connection.write_all(format!("{head}{body}").as_bytes()).ok();
        }
    });
    format!("http://{address}")
}

fn workflow(gate: &Path, url: &str) -> String {
    let (one, lines) = ("${secret.one}", "${secret.lines}");
    json!({
        "version": 1,
        "name": "w",
        "tasks": {
            "print": {
                "type": "python",
                "run": PRINT,
                "env": { "ONE": one, "LINES": lines, "GATE": gate.display().to_string() },
                "outputs": ["leak"],
            },
            "echo": {
                "type": "http",
                "request": {
                    "method": "POST",
                    "url": format!("{url}/?key={one}"),
                    "headers": { "Authorization": format!("Bearer {one}"), "Content-Type": "application/json" },
                    "body": format!("{{\"key\": \"{one}\"}}"),
                },
                "outputs": ["body"],
            },
            "closed": {
                "type": "http",
                "request": { "url": format!("http://127.0.0.1:9/?key={one}"), "headers": { "X-Key": one } },
            },
        },
    })
    .to_string()
}

/// The texts of 8 bytes that stand for a value in one of its forms.
fn pieces(value: &str) -> HashSet<Vec<u8>> {
    let mut forms = vec![
        value.as_bytes().to_vec(),
        value
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
            .into_bytes(),
    ];
    for shift in 0..3 {
        let text = [&[b'x'; 2][..shift], value.as_bytes()].concat();
        let encoded = base64_of(&text);
        forms.push(encoded[(shift * 8).div_ceil(6)..text.len() * 8 / 6].to_vec());
    }
    let windows = forms.iter().flat_map(|form| form.windows(8).map(<[u8]>::to_vec));
    // The short second line is no secret by itself.
    windows.filter(|piece| !piece.contains(&b'\n')).collect()
}

fn base64_of(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let digit = |bits: &[u8]| {
        (0..6).fold(0, |digit, place| {
            digit << 1 | bits.get(place).copied().unwrap_or(0)
        })
    };
    bits.chunks(6)
        .map(|bits| DIGITS[usize::from(digit(bits))])
        .collect()
}

fn assert_hidden(shown: &[u8], place: &str) {
    static PIECES: OnceLock<HashSet<Vec<u8>>> = OnceLock::new();
    let all = PIECES.get_or_init(|| [CANARY, LINES].into_iter().flat_map(pieces).collect());
    if let Some(at) = shown.windows(8).position(|window| all.contains(window)) {
        let around = &shown[at.saturating_sub(40)..(at + 40).min(shown.len())];
        panic!("{place} shows a secret: {}", String::from_utf8_lossy(around));
    }
}

fn read(node: &Node, path: &str) -> String {
    let reply = node.send(node.request(Method::GET, path));
    reply.text().expect("a text")
}

/// Everything that the API tells of the instance, and of the system.
fn assert_hidden_in_answers(node: &Node, id: &str) {
    let mut paths: Vec<String> = ["", "/tasks", "/history?limit=200", "/explain", "/ownership"]
        .iter()
        .map(|more| format!("/api/v1/instances/{id}{more}"))
        .collect();
    for task in ["print", "echo", "closed"] {
        let attempt = format!("/api/v1/instances/{id}/tasks/{task}/attempts/1/log");
        paths.push(format!("/api/v1/instances/{id}/tasks/{task}"));
        paths.extend(["?limit=1048576", "?tail=100", "/search?q=e"].map(|more| format!("{attempt}{more}")));
    }
    for path in [
        "/metrics",
        "/api/v1/openapi.json",
        "/api/v1/audit?limit=200",
        "/api/v1/cluster",
    ] {
        paths.push(path.to_owned());
    }
    paths.push("/api/v1/projects/default/workflows/w".to_owned());
    paths.push("/api/v1/projects/default/secrets".to_owned());
    for path in paths {
        assert_hidden(read(node, &path).as_bytes(), &path);
    }
}

/// Reads a log in parts of 16 bytes; each part and all together hide what they hold.
fn assert_hidden_in_parts(node: &Node, id: &str) {
    let (mut offset, mut all) = (0_u64, String::new());
    loop {
        let path = format!("/api/v1/instances/{id}/tasks/print/attempts/1/log?offset={offset}&limit=16");
        let reply = node.send(node.request(Method::GET, &path));
        let header = |name: &str| {
            let value = reply.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let (next, end) = (header("porpoise-next-offset"), header("porpoise-log-end"));
        offset = next.and_then(|next| next.parse().ok()).expect("an offset");
        all.push_str(&reply.text().expect("a text"));
        if end.as_deref() == Some("true") {
            break;
        }
    }
    assert!(
        offset > (CANARY.len() + LINES.len()) as u64 * 9,
        "offsets count bytes of the file: {offset}"
    );
    assert_hidden(all.as_bytes(), "a log in parts");
    assert!(all.contains("***"), "{all}");
}

/// Every file of the data folder but the logs of tasks, which hold what tasks printed.
fn assert_hidden_in_files(folder: &Path) {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("logs") {
                folders.push(path);
            } else if path.is_file() {
                assert_hidden(&fs::read(&path).unwrap_or_default(), &path.display().to_string());
            }
        }
    }
}

fn assert_hidden_in_command_lines() {
    for process in fs::read_dir("/proc").expect("proc").flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        assert_hidden(&line, "a command line");
    }
}

fn set(node: &Node, name: &str, value: &str) {
    let path = format!("/api/v1/projects/default/secrets/{name}");
    let body = json!({ "value": value }).to_string();
    let stored = node.ask(Method::PUT, &path, "application/json", body);
    assert!(matches!(stored.status, 200 | 201), "{stored:?}");
    assert_hidden(stored.text.as_bytes(), "the answer to a PUT");
}

#[test]
fn a_canary_is_seen_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, gate) = (folder.path().join("data"), folder.path().join("gate"));
    let node = Node::start(&data, &[]);
    set(&node, "one", CANARY);
    set(&node, "lines", LINES);
    node.apply("w", workflow(&gate, &echo()));
    let id = node.start_instance("w");
    let log = format!("/api/v1/instances/{id}/tasks/print/attempts/1/log");
    eventually(REST, || read(&node, &log).matches("base64").count() >= 12);
    // While the task runs.
    assert_hidden_in_command_lines();
    assert_hidden_in_answers(&node, &id);
    fs::write(&gate, "").expect("a gate");
    node.settle(&id, &["failed"], REST);
    assert_hidden_in_answers(&node, &id);
    assert_hidden_in_parts(&node, &id);
    let shown = read(&node, &log);
    assert_eq!(
        shown.matches("begin").count(),
        2,
        "all else is to be seen: {shown}"
    );
    let stream = node.text(&format!("/instances/{id}/tasks/print/attempts/1/log/stream"), "0");
    assert_hidden(stream.as_bytes(), "the stream");
    let print = node.get(&format!("/instances/{id}/tasks/print"));
    assert_eq!(print["outputs"]["leak"], "***", "{print}");
    let echoed = node.get(&format!("/instances/{id}/tasks/echo"));
    assert_eq!(echoed["state"], "succeeded", "{echoed}");
    assert!(
        echoed["outputs"]["body"]
            .as_str()
            .is_some_and(|body| body.contains("Bearer ***")),
        "{echoed}"
    );
    // Also when the values are others now.
    set(&node, "one", "another long value");
    let plain = json!({ "version": 1, "name": "w", "tasks": { "t": { "type": "noop" } } });
    node.apply("w", plain.to_string());
    let gone = node.ask(
        Method::DELETE,
        "/api/v1/projects/default/secrets/lines",
        "application/json",
        "",
    );
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_hidden_in_answers(&node, &id);
    drop(node);
    assert_hidden_in_files(&data);
}

#[test]
fn keys_are_changed_while_a_node_runs_and_none_that_is_needed_may_be_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let file = data.join("secrets.key");
    let node = Node::start(&data, &[]);
    set(&node, "one", CANARY);
    let old = fs::read_to_string(&file).expect("a key file");
    let new = secrets::SealingKey::generate_base64();
    fs::write(&file, format!("{}\n{old}", new.reveal())).expect("two keys");
    node.signal(Signal::SIGHUP);
    let keys = || {
        node.get("/cluster")["secrets"]["keys"]
            .as_array()
            .map_or(0, Vec::len)
    };
    eventually(REST, || keys() == 2);
    assert_eq!(keys(), 2, "the file is read again");
    let (status, operation) = node.post("/secrets/rotate", &json!({}));
    assert_eq!(status, 202, "{operation}");
    let path = format!("/operations/{}", operation["id"].as_str().expect("an id"));
    eventually(REST, || node.get(&path)["outcome"] == "applied");
    assert_eq!(node.get(&path)["outcome"], "applied", "{}", node.get(&path));
    drop(node);
    fs::write(&file, &old).expect("the old key");
    let refused = refused_start(&data, &[], test_support::rest::TOKEN);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let id = secrets::KeyRing::from_lines(new.reveal()).expect("a key");
    let id = id.ids().next().expect("a key").to_string();
    assert!(said.contains(&id) && !said.contains(new.reveal()), "{said}");
    fs::write(&file, new.reveal()).expect("the new key");
    Node::start(&data, &[]);
}
