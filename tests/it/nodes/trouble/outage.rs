//! A database that goes away and comes back.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::super::harness::{Node, TOKEN, eventually, refused_start};
use super::{PATIENCE, shell};
use crate::postgres::binaries;

/// A PostgreSQL server of one test, which may be stopped.
struct Server {
    folder: PathBuf,
    binaries: PathBuf,
    port: u16,
}

impl Server {
    fn new() -> Option<Self> {
        let binaries = binaries()?;
        let made = as_owner("mktemp")
            .args(["-d", "/tmp/porpoise-outage.XXXXXX"])
            .output()
            .ok()?;
        let folder = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = Self {
            folder,
            binaries,
            port,
        };
        server.run(
            "initdb",
            &[
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        );
        drop(listener);
        server.start();
        Some(server)
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = as_owner(&self.binaries.join(program).display().to_string())
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(args)
            .current_dir("/tmp")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("a program of PostgreSQL");
        assert!(status.success(), "{program} {args:?}");
    }

    fn start(&self) {
        let folder = self.folder.display();
        let options = format!(
            "-p {} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off",
            self.port
        );
        let log = self.folder.join("log").display().to_string();
        self.run("pg_ctl", &["-w", "-l", &log, "-o", &options, "start"]);
    }

    fn stop(&self) {
        self.run("pg_ctl", &["-w", "-m", "fast", "stop"]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        as_owner(&self.binaries.join("pg_ctl").display().to_string())
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-m", "immediate", "stop"])
            .current_dir("/tmp")
            .output()
            .ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// PostgreSQL does not run as root.
fn as_owner(program: &str) -> Command {
    if !nix::unistd::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", program]);
    command
}

#[test]
fn a_database_that_goes_away_is_said_so_and_everything_goes_on_when_it_is_back() {
    let Some(server) = Server::new() else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let data = tempfile::tempdir().expect("a folder");
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    let node = Node::start(data.path(), &["--database-url", &url]);
    let ledger = data.path().join("ledger");
    let mark = format!("echo $PORPOISE_ATTEMPT_UID >> {}", ledger.display());
    node.apply("held", shell("held", &format!("{mark}; sleep 3")));
    let mut ids: Vec<String> = (0..8).map(|_| node.start_instance("held")).collect();
    server.stop();
    let one = format!("/api/v1/instances/{}", ids[0]);
    let start = "/api/v1/projects/default/workflows/held/instances";
    let idle = std::time::Instant::now();
    while idle.elapsed() < Duration::from_secs(5) {
        for (method, path) in [
            (Method::GET, "/readyz"),
            (Method::GET, &one),
            (Method::POST, start),
            (Method::POST, &format!("{one}/pause")),
        ] {
            let json = "application/json";
            let body = if method == Method::POST { "{}" } else { "" };
            let answer = node.ask(method, path, json, body);
            assert_eq!(answer.status, 503, "{path}: {}", answer.text);
            assert_eq!(
                answer.body["code"], "STORE_UNAVAILABLE",
                "{path}: {}",
                answer.text
            );
            assert!(answer.retry, "{path} says when to try again");
        }
    }
    server.start();
    let mut ready = 0;
    eventually(Duration::from_secs(15), || {
        ready = node.ask(Method::GET, "/readyz", "", "").status;
        ready == 200
    });
    assert_eq!(ready, 200);
    let (status, body) = node.post("/projects/default/workflows/held/instances", &json!({}));
    assert_eq!(status, 201, "{body}");
    ids.push(body["id"].as_str().expect("an id").to_owned());
    for id in &ids {
        node.settle(id, &["succeeded"], PATIENCE);
    }
    let other = tempfile::tempdir().expect("a folder");
    let second = refused_start(other.path(), &["--database-url", &url], TOKEN);
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(
        said.contains("already uses this database"),
        "the lock is held again: {said}"
    );
    assert_eq!(
        node.items("/instances").len(),
        ids.len(),
        "a refused start leaves nothing"
    );
    let ran = std::fs::read_to_string(&ledger).expect("a ledger");
    assert_eq!(ran.lines().count(), ids.len(), "every task ran once: {ran}");
}
