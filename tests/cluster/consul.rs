//! A Consul of one server, which can be killed and started again on the same ports and data.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::rest::{Rest, eventually};

/// The registry of a cluster; killed when dropped.
pub(crate) struct Consul {
    folder: PathBuf,
    url: String,
    child: Option<Child>,
}

/// Says whether the program is installed.
pub(crate) fn is_installed() -> bool {
    Command::new("consul")
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Consul {
    /// Starts one in a folder, on four ports from `first_port` on.
    pub(crate) fn start_new(folder: &Path, address: &str, first_port: u16) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let config = json!({
            "server": true, "bootstrap_expect": 1, "data_dir": folder.join("data"),
            "bind_addr": address, "client_addr": address,
            "ports": {
                "http": first_port, "server": first_port + 1, "serf_lan": first_port + 2, "serf_wan": first_port + 3,
                "dns": -1, "grpc": -1, "https": -1,
            },
            "performance": { "raft_multiplier": 1 },
            "disable_update_check": true,
        });
        std::fs::write(folder.join("config.json"), config.to_string()).expect("the configuration");
        let mut consul = Self {
            folder: folder.to_owned(),
            url: format!("http://{address}:{first_port}"),
            child: None,
        };
        consul.start();
        consul
    }

    /// Its HTTP address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Starts it on its old ports and data, and waits until it leads itself.
    pub(crate) fn start(&mut self) {
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
        let rest = Rest::new(&self.url);
        let mut leads = false;
        eventually(Duration::from_secs(30), || {
            let answer = Rest::answer(rest.request(Method::GET, "/v1/status/leader"));
            leads = answer.is_ok_and(|answer| answer.body.as_str().is_some_and(|leader| !leader.is_empty()));
            leads
        });
        assert!(leads, "Consul should lead itself within 30 s");
    }

    /// The lives of nodes that its catalog knows, whatever their checks say.
    pub(crate) fn lives(&self) -> Vec<String> {
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

    /// Takes a life out of its catalog, as an operator's hand does.
    pub(crate) fn deregister(&self, life: &str) {
        let rest = Rest::new(&self.url);
        let agent = Rest::answer(rest.request(Method::GET, "/v1/agent/self")).expect("the agent answers");
        let service =
            json!({ "Node": agent.body["Config"]["NodeName"], "ServiceID": format!("porpoise-{life}") });
        let request = rest.request(Method::PUT, "/v1/catalog/deregister").json(&service);
        let answer = Rest::answer(request).expect("the agent answers");
        assert_eq!((answer.status, answer.text.trim()), (200, "true"), "{answer:?}");
    }

    /// Removes its data; it does not run.
    pub(crate) fn forget(&self) {
        std::fs::remove_dir_all(self.folder.join("data")).expect("its data");
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it is ours");
            child.wait().expect("it ends");
        }
    }
}

impl Drop for Consul {
    fn drop(&mut self) {
        self.kill();
    }
}
