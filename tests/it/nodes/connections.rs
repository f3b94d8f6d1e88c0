//! Connections of a running node: what tasks send by them, and what tests of them find at real servers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use serde_json::{Value, json};

use super::harness::Node;
use super::services::{MariaDb, MariaDbUser, SshServer, password_postgres};
use test_support::mail_server::MailServer;

const SECRET: &str = "c4nary-of-the-service";

/// An HTTP service that keeps the requests that it gets; the first number in a path is the status of its answer.
struct Service {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.expect("a client"), &kept);
            }
        });
        Self { url, seen }
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>) {
    let (mut request, mut part) = (String::new(), [0; 4096]);
    while !request.contains("\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(length) if length > 0 => request.push_str(&String::from_utf8_lossy(&part[..length])),
            _ => return,
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let status = path
        .split('/')
        .find_map(|part| part.parse().ok())
        .unwrap_or(200_u16);
    seen.lock().expect("no panic").push(request.to_ascii_lowercase());
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
    stream.write_all(answer.as_bytes()).ok();
}

fn change(node: &Node, method: Method, path: &str, body: &Value) -> Value {
    let request = node.request(method, &format!("/api/v1{path}")).json(body);
    let reply = node.send(request);
    let (status, text) = (reply.status(), reply.text().expect("text"));
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

fn put(node: &Node, path: &str, body: &Value) -> Value {
    change(node, Method::PUT, path, body)
}

/// Tests a connection that is not stored, within the limit of the contract.
fn test(node: &Node, connection: &Value) -> (bool, String) {
    let begun = std::time::Instant::now();
    let (status, found) = node.post("/projects/default/connections/test", connection);
    assert_eq!(status, 200, "{connection}: {found}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{connection}");
    assert!(!found.to_string().contains(SECRET), "{found}");
    let detail = found["detail"].as_str().expect("words").to_owned();
    (found["ok"] == true, detail)
}

#[track_caller]
fn fails(node: &Node, connection: &Value, why: &str) {
    let (ok, detail) = test(node, connection);
    assert!(
        !ok && detail.contains(why),
        "{connection} should fail by `{why}`: {detail}"
    );
}

#[track_caller]
fn works(node: &Node, connection: &Value, what: &str) {
    let (ok, detail) = test(node, connection);
    assert!(ok && detail.contains(what), "{connection} should work: {detail}");
}

fn with(connection: &Value, more: Value) -> Value {
    let mut connection = connection.clone();
    for (key, value) in more.as_object().expect("an object") {
        connection[key] = value.clone();
    }
    connection
}

#[test]
fn a_task_uses_its_connection_until_the_grant_is_taken_back() {
    let (folder, service) = (tempfile::tempdir().expect("a folder"), Service::start());
    let node = Node::start(folder.path(), &[]);
    let auth = json!({"type": "bearer", "token": SECRET});
    let url = format!("{}/base", service.url);
    let shared = json!({"type": "http", "url": url, "headers": {"X-Team": "bi"}, "auth": auth});
    put(&node, "/connections/erp", &shared);
    put(&node, "/connections/erp/grants/default", &json!({}));
    node.apply(
        "w",
        "version: 1\nname: w\ntasks:\n  t:\n    type: http\n    connection: erp\n    request: { url: '/x?y=1' }\n    \
         retry: { max: 2, delay: 100ms }\n"
            .to_owned(),
    );
    let id = node.start_instance("w");
    node.settle(&id, &["succeeded"], Duration::from_secs(20));
    let requests = service.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    for part in [
        "get /base/x?y=1 ",
        &format!("authorization: bearer {SECRET}"),
        "x-team: bi",
    ] {
        assert!(requests[0].contains(part), "{part}: {requests:?}");
    }
    let task = node.get(&format!("/instances/{id}/tasks/t"));
    assert!(!task.to_string().contains(SECRET), "{task}");
    change(
        &node,
        Method::DELETE,
        "/connections/erp/grants/default",
        &json!({}),
    );
    let id = node.start_instance("w");
    node.settle(&id, &["failed"], Duration::from_secs(20));
    let task = node.get(&format!("/instances/{id}/tasks/t"));
    let attempts = task["attempt_list"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 1, "what no retry can cure is not retried: {task}");
    assert!(
        attempts[0]["error"]
            .as_str()
            .is_some_and(|error| error.contains("erp")),
        "{task}"
    );
    assert_eq!(service.requests().len(), 1, "nothing was sent");
}

#[test]
fn a_test_says_what_a_service_and_a_file_answer() {
    let (folder, service) = (tempfile::tempdir().expect("a folder"), Service::start());
    let files = folder.path().join("db");
    std::fs::create_dir(&files).expect("a folder");
    for file in ["db/a.db", "outside.db"] {
        std::fs::write(folder.path().join(file), "").expect("a file");
    }
    symlink(folder.path().join("outside.db"), files.join("link.db")).expect("a link");
    let dirs = [("PORPOISE__WORKER__SQLITE_DIRS", files.as_path())];
    let node = Node::start_in(&dirs, &folder.path().join("data"), &[]);
    let auth = json!({"type": "basic", "user": "u", "password": SECRET});
    let at = |path: &str| json!({"type": "http", "url": format!("{}{path}", service.url), "auth": auth});
    works(&node, &at("/404"), "404");
    fails(&node, &at("/401"), "refuses the login");
    fails(&node, &at("/500"), "500");
    let metadata = json!({"type": "http", "url": "http://169.254.169.254/latest"});
    fails(&node, &metadata, "169.254.169.254");
    let sqlite = |path: &Path| json!({"type": "sqlite", "path": path});
    works(&node, &sqlite(&files.join("a.db")), "0 tables");
    fails(&node, &sqlite(&files.join("link.db")), "a link");
    fails(
        &node,
        &sqlite(&folder.path().join("outside.db")),
        "worker.sqlite_dirs",
    );
}

#[test]
fn a_test_logs_in_to_postgresql_and_says_what_fails() {
    let Some(server) = password_postgres(SECRET) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    let (port, free) = (server.port(), free_port());
    let right = json!({
        "type": "postgresql", "host": "127.0.0.1", "port": port, "database": "work", "user": "app", "password": SECRET,
        "options": {"statement_timeout": 5000, "search_path": "public"},
    });
    works(&node, &right, "work");
    fails(
        &node,
        &with(&right, json!({"password": "wrong-password"})),
        "the password of app is wrong",
    );
    fails(
        &node,
        &with(&right, json!({"database": "missing"})),
        "there is no database missing",
    );
    fails(&node, &with(&right, json!({"port": free})), "nothing listens");
    fails(
        &node,
        &with(&right, json!({"host": "no-such-host.invalid"})),
        "no-such-host.invalid",
    );
    fails(&node, &with(&right, json!({"tls": true})), "TLS");
    fails(
        &node,
        &with(&right, json!({"port": closing_server()})),
        "is it a PostgreSQL server?",
    );
}

#[test]
fn a_test_logs_in_to_mariadb_and_says_what_fails() {
    let user = MariaDbUser {
        name: "app",
        password: SECRET,
        database: "work",
    };
    let Some(server) = MariaDb::start(&user) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    let right = json!({
        "type": "mysql", "host": "127.0.0.1", "port": server.port, "database": "work", "user": "app",
        "password": SECRET, "options": {"timezone": "+00:00"},
    });
    works(&node, &right, "work");
    fails(
        &node,
        &with(&right, json!({"password": "wrong-password"})),
        "the password is wrong",
    );
    fails(&node, &with(&right, json!({"database": "missing"})), "missing");
    fails(
        &node,
        &with(&right, json!({"port": free_port()})),
        "nothing listens",
    );
}

#[test]
fn a_host_is_known_by_its_key_and_a_new_one_is_kept_only_when_asked() {
    let Some(mut server) = SshServer::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    let right = json!({
        "type": "ssh", "host": "127.0.0.1", "port": server.port, "user": server.user,
        "private_key": server.user_key(), "known_hosts": server.known_hosts("host"),
    });
    works(&node, &right, "logged in");
    fails(
        &node,
        &with(&right, json!({"known_hosts": server.known_hosts("other")})),
        "another key",
    );
    fails(
        &node,
        &with(&right, json!({"private_key": server.key("stranger")})),
        "does not accept the key",
    );
    fails(&node, &with(&right, json!({"known_hosts": ""})), "is not known");
    let new = with(&right, json!({"known_hosts": "", "accept_new": true}));
    let path = "/projects/default/connections/new";
    put(&node, path, &new);
    let test_stored = || node.post(&format!("{path}/test"), &json!({})).1;
    assert_eq!(test_stored()["ok"], true);
    let kept = node.get(path);
    assert!(
        kept["accepted_keys"]
            .as_str()
            .is_some_and(|line| line.contains("ssh-ed25519")),
        "{kept}"
    );
    assert!(!kept.to_string().contains("PRIVATE KEY"), "{kept}");
    server.restart_with("other");
    let found = test_stored();
    assert_eq!(found["ok"], false, "{found}");
    assert!(
        found["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("another key")),
        "{found}"
    );
}

#[test]
fn a_test_logs_in_to_a_mail_server_and_says_what_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    // The initial response of PLAIN (RFC 4616): an empty identity, the user, the password.
    let server = MailServer::start(&BASE64.encode(format!("\0app\0{SECRET}")));
    let port = server.port();
    let node = Node::start(folder.path(), &[]);
    let right = json!({
        "type": "smtp", "host": "127.0.0.1", "port": port, "security": "none", "from": "porpoise@example.org",
        "user": "app", "password": SECRET,
    });
    works(&node, &right, "accepts app");
    fails(
        &node,
        &with(&right, json!({"password": "wrong-password"})),
        "the login failed: 535",
    );
    fails(
        &node,
        &with(&right, json!({"security": "starttls"})),
        "offers no STARTTLS",
    );
    fails(
        &node,
        &with(&right, json!({"security": "tls"})),
        "cannot be reached",
    );
    fails(
        &node,
        &with(&right, json!({"port": free_port()})),
        "nothing listens at port",
    );
}

/// Starts a server that closes every connection; returns its port.
fn closing_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || listener.incoming().for_each(drop));
    port
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
