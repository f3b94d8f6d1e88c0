//! A cluster under measurement: PostgreSQL, one Consul server, masters and workers, each a process of its own.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;

use crate::Outcome;
use crate::http::Server;
use crate::node::{TOKEN, ready_line};
use crate::postgres::{Postgres, Session};
use crate::process::Tree;

/// Masters; each serves the API, too.
pub(crate) const MASTERS: usize = 3;

/// Workers.
const WORKERS: usize = 2;

/// Slots of each worker.
const SLOTS: usize = 256;

/// The longest that Consul may take to lead itself, and a node to become ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// How Consul is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// As `docs/cluster.md` recommends.
    Shipped,
    /// As Consul comes.
    Stock,
}

/// Everything that runs; it goes with this value, and what the tasks left with it.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The masters, by number.
    pub masters: Vec<Member>,
    /// Queries the database for what no API answers at once.
    pub sql: Session,
    workers: Vec<Member>,
    consul: Child,
    folder: TempDir,
}

/// A node of the cluster, running or between two incarnations.
#[derive(Debug)]
pub(crate) struct Member {
    /// Where it serves REST.
    pub server: Server,
    /// Its incarnation, as the database names it.
    pub incarnation: i64,
    command: Command,
    child: Option<Child>,
}

impl Cluster {
    /// Starts all of it on an empty database; none where Consul is not installed.
    pub(crate) fn start(program: &Path, postgres: &Postgres, timing: Timing) -> Outcome<Option<Self>> {
        // An address of this process alone: the ports stay free while a node is down.
        let pid = std::process::id();
        let address = format!("127.77.{}.{}", pid >> 8 & 0xff, pid & 0xff);
        let folder = tempfile::Builder::new().prefix("porpoise-bench-").tempdir()?;
        let Some(consul) = start_consul(folder.path(), &address, timing)? else {
            return Ok(None);
        };
        let database = postgres.database()?;
        let mut cluster = Self {
            masters: Vec::new(),
            sql: postgres.session(&database)?,
            workers: Vec::new(),
            consul,
            folder,
        };
        until_led(format!("{address}:8500").parse()?)?;
        let secret = cluster.folder.path().join("secret");
        std::fs::write(&secret, TOKEN)?;
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600))?;
        for number in 0..MASTERS + WORKERS {
            let mut command = cluster.command(program, &address, number)?;
            command.env("PORPOISE__DATABASE__URL", &database);
            let mut member = Member {
                server: Server {
                    address: format!("{address}:{}", 7200 + number).parse()?,
                    token: TOKEN.to_owned(),
                },
                incarnation: 0,
                command,
                child: None,
            };
            member.start()?;
            if number < MASTERS {
                cluster.masters.push(member);
            } else {
                cluster.workers.push(member);
            }
        }
        Ok(Some(cluster))
    }

    fn command(&self, program: &Path, address: &str, number: usize) -> Outcome<Command> {
        let path = |name: &str| self.folder.path().join(name);
        let rpc = format!("{address}:{}", 7100 + number);
        let mut command = Command::new(program);
        command
            .args(["serve", "--node-name", &format!("n{number}")])
            .args(["--rpc-listen", &rpc, "--advertise", &rpc])
            .args(["--consul", &format!("http://{address}:8500")])
            .arg("--cluster-secret-file")
            .arg(path("secret"))
            .arg("--data")
            .arg(path(&format!("n{number}")))
            .env("PORPOISE__AUTH__BOOTSTRAP_TOKEN", TOKEN)
            // Masters die more often here than an operator would bear; none may wait to join.
            .env("PORPOISE__CLUSTER__FLAPPING_DEATHS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(path(&format!("n{number}.stderr")))?)
            .process_group(0);
        if number < MASTERS {
            let listen = format!("{address}:{}", 7200 + number);
            command.args(["--roles", "master,api", "--listen", &listen]);
        } else {
            command.args(["--roles", "worker", "--slots", &SLOTS.to_string()]);
        }
        Ok(command)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let workers = self.workers.iter().filter_map(|worker| worker.child.as_ref());
        let tasks: Vec<u32> = workers.flat_map(|child| Tree::new(child.id()).pids()).collect();
        for member in self.masters.iter_mut().chain(&mut self.workers) {
            drop(member.kill());
        }
        // Tasks outlive their worker.
        for pid in tasks.into_iter().filter_map(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
        drop(self.consul.kill());
        drop(self.consul.wait());
    }
}

impl Member {
    /// Starts an incarnation and waits for its ready line.
    pub(crate) fn start(&mut self) -> Outcome<()> {
        let mut child = self.command.spawn()?;
        let ready = ready_line(&mut child);
        self.child = Some(child);
        let incarnation = ready.as_ref().and_then(|ready| ready["incarnation"].as_str());
        self.incarnation = incarnation
            .ok_or_else(|| format!("{:?} did not become ready", self.command.get_args()))?
            .parse()?;
        Ok(())
    }

    /// Ends this incarnation as a power cut would.
    pub(crate) fn kill(&mut self) -> Outcome<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Waits for the first 200 of `/readyz`.
    pub(crate) fn until_ready(&self) -> Outcome<()> {
        let mut client = self.server.connect()?;
        let deadline = Instant::now() + PATIENCE;
        while !client.succeeds("/readyz")? {
            if Instant::now() > deadline {
                return Err(format!("{} never became ready", self.server.address).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

fn start_consul(folder: &Path, address: &str, timing: Timing) -> Outcome<Option<Child>> {
    let mut config = json!({
        "server": true, "bootstrap_expect": 1, "data_dir": folder.join("consul"),
        "bind_addr": address, "client_addr": address,
        "ports": { "dns": -1, "grpc": -1, "https": -1 },
        "disable_update_check": true,
    });
    if timing == Timing::Shipped {
        config["performance"] = json!({ "raft_multiplier": 1 });
        config["gossip_lan"] = json!({
            "probe_interval": "200ms", "probe_timeout": "100ms", "suspicion_mult": 3, "gossip_interval": "50ms",
        });
    }
    let file: PathBuf = folder.join("consul.json");
    std::fs::write(&file, config.to_string())?;
    let child = Command::new("consul")
        .args(["agent", "-config-file"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(File::create(folder.join("consul.log"))?)
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    match child {
        Ok(child) => Ok(Some(child)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits until Consul has elected itself.
fn until_led(address: SocketAddr) -> Outcome<()> {
    let server = Server {
        address,
        token: TOKEN.to_owned(),
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let leader = server
            .connect()
            .and_then(|mut client| client.get("/v1/status/leader"));
        if leader.is_ok_and(|leader| leader.as_str().is_some_and(|name| !name.is_empty())) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("Consul did not elect itself".into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
