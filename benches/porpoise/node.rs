//! A node under measurement: the release program as a process of its own, on its own data.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::Outcome;
use crate::http::Server;
use crate::postgres::Postgres;
use crate::process::Tree;

/// Slots of the worker in every workload.
pub(crate) const SLOTS: u32 = 16;

/// The first token of a throw-away node that listens on the loopback only.
pub(crate) const TOKEN: &str = "bench-bench-bench-bench-bench-bench-bench";

/// The database of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A file in the data folder, synchronous FULL.
    Sqlite,
    /// A server on the same machine, fsync and synchronous_commit on.
    Postgres,
}

impl Backend {
    /// The name in records and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// The data of a node: it outlives the processes that serve it.
#[derive(Debug)]
pub(crate) struct NodeData {
    folder: TempDir,
    program: PathBuf,
    /// Address of a database on the server, and the server's process.
    postgres: Option<(String, u32)>,
}

impl NodeData {
    /// Makes an empty database and a data folder.
    pub(crate) fn new(program: &Path, server: Option<&Postgres>) -> Outcome<Self> {
        let postgres = match server {
            Some(server) => Some((server.database()?, server.pid())),
            None => None,
        };
        Ok(Self {
            folder: tempfile::Builder::new().prefix("porpoise-bench-").tempdir()?,
            program: program.to_owned(),
            postgres,
        })
    }

    /// A file beside the data, for what tasks leave behind.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a node on this data and waits for its ready line.
    pub(crate) fn start(&self) -> Outcome<Node> {
        let begun = Instant::now();
        let mut command = Command::new(&self.program);
        command
            .args(["standalone", "--listen", "127.0.0.1:0", "--slots"])
            .arg(SLOTS.to_string())
            .arg("--data")
            .arg(self.file("data"))
            .env("PORPOISE__AUTH__BOOTSTRAP_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(
                File::options()
                    .create(true)
                    .append(true)
                    .open(self.file("stderr"))?,
            )
            // An interrupt of the bench must not reach the node first: it is stopped in order.
            .process_group(0);
        if let Some((url, _)) = &self.postgres {
            command.env("PORPOISE__DATABASE__URL", url);
        }
        let mut child = command.spawn()?;
        match ready_line(&mut child).as_ref().and_then(address_in) {
            Some(address) => Ok(Node {
                server: Server {
                    address,
                    token: TOKEN.to_owned(),
                },
                begun,
                database: self.postgres.as_ref().map(|(_, pid)| *pid),
                child,
            }),
            None => {
                child.kill()?;
                child.wait()?;
                let said = std::fs::read_to_string(self.file("stderr")).unwrap_or_default();
                Err(format!("the node did not become ready; it said:\n{said}").into())
            }
        }
    }
}

/// Reads the ready line; what follows on standard output is drained by a thread.
pub(crate) fn ready_line(child: &mut Child) -> Option<Value> {
    let mut lines = BufReader::new(child.stdout.take()?).lines().map_while(Result::ok);
    let ready = lines.find_map(|line| {
        let said: Value = serde_json::from_str(&line).ok()?;
        (said["msg"] == "porpoise ready").then_some(said)
    });
    std::thread::spawn(move || lines.for_each(drop));
    ready
}

fn address_in(ready: &Value) -> Option<SocketAddr> {
    ready["url"].as_str()?.strip_prefix("http://")?.parse().ok()
}

/// A serving process.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it serves.
    pub server: Server,
    /// When the process was started.
    pub begun: Instant,
    database: Option<u32>,
    child: Child,
}

impl Node {
    /// The node's process and what it started.
    pub(crate) fn tree(&self) -> Tree {
        Tree::new(self.child.id())
    }

    /// All processes that do the node's work: its own and the database server's.
    pub(crate) fn trees(&self) -> Vec<Tree> {
        let database = self.database.map(Tree::new);
        std::iter::once(self.tree()).chain(database).collect()
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Drains the node and waits for its end.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the node ended with {status}").into())
        }
    }
}

impl Drop for Node {
    /// A run that failed leaves no process behind; one that has ended already is not touched.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
