//! A temporary Consul: one for the whole test process, and one for each test that kills it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use porpoise::config::{Consul, Tls};
use porpoise::registry::ConsulRegistry;
use ports::Registry;

/// Serves from memory until its input ends (with the test process, however that ends).
const SERVE: &str = r#"
log=$(mktemp /tmp/porpoise-consul.XXXXXX)
consul agent -dev -node=test -bind=127.0.0.1 -client=127.0.0.1 -http-port="$1" -server-port="$2" \
    -serf-lan-port="$3" -serf-wan-port=-1 -dns-port=-1 -grpc-port=-1 -hcl="$4" >"$log" 2>&1 </dev/null &
pid=$!
echo $pid
read -r _ || true
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
rm -f "$log"
"#;

/// One server of Consul, which keeps nothing on disk.
pub(super) struct Agent {
    ports: [u16; 3],
    /// More of its configuration, in Consul's language.
    more: String,
    pid: i32,
    // Its standard input is a pipe from this process; when that closes, the server goes.
    script: Child,
}

static SHARED: OnceLock<Option<Agent>> = OnceLock::new();

/// The one that tests share; none where Consul is not installed.
pub(super) fn shared() -> Option<&'static Agent> {
    SHARED.get_or_init(Agent::start).as_ref()
}

/// Whether the program is installed.
pub(super) fn is_installed() -> bool {
    Command::new("consul").arg("version").output().is_ok()
}

impl Agent {
    /// Starts one for a test alone; none where Consul is not installed.
    pub(super) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts one with more configuration; none where Consul is not installed.
    pub(super) fn start_with(more: &str) -> Option<Self> {
        if !is_installed() {
            eprintln!("SKIPPED: Consul is not installed (no consul in PATH)");
            return None;
        }
        Some(Self::on(free_ports(), more.to_owned()))
    }

    fn on(ports: [u16; 3], more: String) -> Self {
        let mut script = Command::new("sh")
            .args(["-c", SERVE, "serve"])
            .args(ports.map(|port| port.to_string()))
            .arg(&more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let output = script.stdout.take().expect("standard output is piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let agent = Self {
            ports,
            more,
            pid: line.trim().parse().expect("a process id"),
            script,
        };
        agent.wait_until_it_leads();
        agent
    }

    /// A client of it.
    pub(super) fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(ConsulRegistry::new(&self.config()).expect("a client"))
    }

    /// Its address, for a client without token and TLS.
    pub(super) fn config(&self) -> Consul {
        Consul {
            url: Some(format!("http://127.0.0.1:{}", self.ports[0])),
            token: None,
            http_auth: None,
            namespace: None,
            partition: None,
            tls: Tls {
                ca_file: None,
                ca_path: None,
                server_name: None,
                identity: None,
                verify: true,
            },
        }
    }

    /// Ends it at once, as a crash does.
    pub(super) fn kill(&self) {
        kill(Pid::from_raw(self.pid), Signal::SIGKILL).expect("it runs");
    }

    /// Starts again on the same ports, without its old data.
    pub(super) fn restarted(mut self) -> Self {
        let (ports, more) = (self.ports, std::mem::take(&mut self.more));
        self.script.stdin.take();
        self.script.wait().expect("it ends");
        Self::on(ports, more)
    }

    /// In a thread of its own: the caller may already be inside a runtime.
    fn wait_until_it_leads(&self) {
        let registry = self.registry();
        let wait = async move {
            let deadline = Instant::now() + Duration::from_secs(30);
            while let Err(error) = registry.confirm().await {
                assert!(Instant::now() < deadline, "Consul should lead: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(wait);
        })
        .join()
        .expect("a leader");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.script.stdin.take();
        self.script.wait().ok();
    }
}

/// Ports that no process uses at this moment.
pub(super) fn free_ports() -> [u16; 3] {
    // Held together, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
