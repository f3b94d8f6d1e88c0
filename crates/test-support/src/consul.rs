//! Agents of Consul: servers and clients, which can be killed, frozen and started again on the same ports and data.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::Rest;
use crate::waiting::eventually;

/// An agent of Consul; killed when dropped.
#[derive(Debug)]
pub struct Consul {
    folder: PathBuf,
    url: String,
    address: String,
    first_port: u16,
    child: Option<Child>,
}

/// What an agent does in the cluster of Consul.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentRole {
    /// It has a vote and the data.
    Server,
    /// It forwards to servers.
    Client,
}

/// Whether the program is installed.
pub fn is_installed() -> bool {
    Command::new("consul")
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Consul {
    /// Starts a server that leads itself, in a folder, on four ports from `first_port` on.
    pub fn start_new(folder: &Path, address: &str, first_port: u16) -> Self {
        let single = json!({ "server": true, "bootstrap_expect": 1 });
        Self::start_as(single, folder, address, first_port)
    }

    /// Starts a server that refuses every call without a token.
    pub fn start_guarded(folder: &Path, address: &str, first_port: u16) -> Self {
        let acl = json!({ "enabled": true, "default_policy": "deny" });
        let guarded = json!({ "server": true, "bootstrap_expect": 1, "acl": acl });
        Self::start_as(guarded, folder, address, first_port)
    }

    /// Starts one more agent of the same Consul: a server, or a client.
    pub fn start_beside(&self, role: AgentRole, folder: &Path, first_port: u16) -> Self {
        let gossip = format!("{}:{}", self.address, self.first_port + 2);
        let settings =
            json!({ "server": role == AgentRole::Server, "retry_join": [gossip], "retry_interval": "1s" });
        Self::start_as(settings, folder, &self.address, first_port)
    }

    fn start_as(role: Value, folder: &Path, address: &str, first_port: u16) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let mut config = json!({
            "data_dir": folder.join("data"), "node_name": format!("agent-{first_port}"),
            "bind_addr": address, "client_addr": address,
            "ports": {
                "http": first_port, "server": first_port + 1, "serf_lan": first_port + 2, "serf_wan": first_port + 3,
                "dns": -1, "grpc": -1, "https": -1,
            },
            "performance": { "raft_multiplier": 1 },
            "disable_update_check": true,
        });
        for (key, value) in role.as_object().expect("an object") {
            config[key] = value.clone();
        }
        std::fs::write(folder.join("config.json"), config.to_string()).expect("the configuration");
        let mut consul = Self {
            folder: folder.to_owned(),
            url: format!("http://{address}:{first_port}"),
            address: address.to_owned(),
            first_port,
            child: None,
        };
        consul.start();
        consul
    }

    /// Its HTTP address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts it on its old ports and data, and waits until it leads itself or knows who leads.
    pub fn start(&mut self) {
        self.spawn();
        let knows = eventually_some(|| self.leader());
        assert!(knows.is_some(), "Consul should have a leader within 30 s");
    }

    /// Starts it without waiting for anything.
    pub fn spawn(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("its log");
        let child = Command::new("consul")
            .args(["agent", "-config-file"])
            .arg(self.folder.join("config.json"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("consul starts"));
    }

    /// The address by which servers know the one that leads, as this agent sees it.
    pub fn leader(&self) -> Option<String> {
        let answer = Rest::answer(Rest::new(&self.url).request(Method::GET, "/v1/status/leader")).ok()?;
        let leader = answer.body.as_str().filter(|leader| !leader.is_empty());
        leader.map(str::to_owned)
    }

    /// Whether this server is the one that leads, as another agent sees it.
    pub fn leads(&self, seen_by: &Self) -> bool {
        seen_by.leader() == Some(format!("{}:{}", self.address, self.first_port + 1))
    }

    /// How many servers have a vote.
    pub fn voters(&self) -> usize {
        let request = Rest::new(&self.url).request(Method::GET, "/v1/operator/raft/configuration");
        let raft = Rest::answer(request)
            .map(|answer| answer.body)
            .unwrap_or_default();
        let servers = raft["Servers"].as_array().into_iter().flatten();
        servers.filter(|server| server["Voter"] == true).count()
    }

    /// Makes it leave gracefully: everything that is registered with it vanishes.
    pub fn leave(&mut self) {
        self.signal(Signal::SIGTERM);
        if let Some(mut child) = self.child.take() {
            child.wait().expect("it ends");
        }
    }

    /// Holds the process as a paused machine does.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets a frozen process continue.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("it runs");
        let pid = i32::try_from(child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("it is ours");
    }

    /// The incarnations of nodes in its catalog, whatever their checks say.
    pub fn incarnations(&self) -> Vec<String> {
        let request = Rest::new(&self.url).request(Method::GET, "/v1/catalog/service/porpoise");
        let services = Rest::answer(request)
            .map(|answer| answer.body)
            .unwrap_or_default();
        let ids = services.as_array().into_iter().flatten().filter_map(|service| {
            let id = service["ServiceID"].as_str()?;
            id.strip_prefix("porpoise-").map(str::to_owned)
        });
        ids.collect()
    }

    /// Removes an incarnation from its catalog, as an operator does by hand.
    pub fn deregister(&self, incarnation: &str) {
        let rest = Rest::new(&self.url);
        let agent = Rest::answer(rest.request(Method::GET, "/v1/agent/self")).expect("the agent answers");
        let service = json!({ "Node": agent.body["Config"]["NodeName"], "ServiceID": format!("porpoise-{incarnation}") });
        let request = rest.request(Method::PUT, "/v1/catalog/deregister").json(&service);
        let answer = Rest::answer(request).expect("the agent answers");
        assert_eq!((answer.status, answer.text.trim()), (200, "true"), "{answer:?}");
    }

    /// Removes its data; it does not run.
    pub fn forget(&self) {
        std::fs::remove_dir_all(self.folder.join("data")).expect("its data");
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
        }
    }
}

/// Waits for something that may take 30 s.
fn eventually_some<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let mut found = None;
    eventually(Duration::from_secs(30), || {
        found = probe();
        found.is_some()
    });
    found
}

impl Drop for Consul {
    fn drop(&mut self) {
        self.kill();
    }
}
