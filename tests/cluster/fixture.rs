//! A cluster of processes with its own database and registry, and the clients that use it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use store::{Role, Store};
use tempfile::TempDir;

use crate::checker;
use crate::history::History;
use crate::network::{Namespace, Network};
use crate::process::Process;
use test_support::consul::{self, Consul};
use test_support::rest::{Answer, Rest};
use test_support::restartable_postgres::RestartablePostgres;
use test_support::waiting::eventually;

/// How long anything may take that has no limit of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Two clusters at a time, which mostly wait: the times of more would be those of a crowded machine.
static TURNS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];

/// Ports are counted, not asked for: a node keeps its own while it is down.
static NEXT_PORT: AtomicU16 = AtomicU16::new(7100);

/// The namespaces of what all nodes use, in a cluster that is started apart.
pub(crate) const DATABASE: &str = "database";
pub(crate) const REGISTRY: &str = "registry";

static NEXT_KEY: AtomicU32 = AtomicU32::new(0);

/// Masters with API, and workers.
pub(crate) struct Cluster {
    nodes: BTreeMap<String, Process>,
    /// The registry of all nodes.
    pub(crate) consul: Consul,
    /// The database of all nodes.
    pub(crate) postgres: RestartablePostgres,
    /// What the clients were answered.
    pub(crate) history: History,
    folder: TempDir,
    /// The network of this cluster alone, if it has one; goes after everything that runs in it.
    network: Option<Network>,
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Starts masters `m1`, `m2`, … and workers `w1`, `w2`, …; none, and a line that says so, where PostgreSQL or
    /// Consul is not installed.
    pub(crate) fn start(masters: usize, workers: usize) -> Option<Self> {
        let registry = |folder: &Path| Consul::start_new(&folder.join("consul"), &address(), ports(4));
        Self::start_on(registry).map(|cluster| cluster.with_nodes(masters, workers))
    }

    /// Starts a cluster without nodes on a registry that the caller starts; none as `start` does.
    pub(crate) fn start_on(registry: impl FnOnce(&Path) -> Consul) -> Option<Self> {
        let turn = turn();
        Self::start_in(None, |_, folder| registry(folder), turn)
    }

    /// Starts a cluster whose nodes, database and registry have only a network between them, which can be cut.
    pub(crate) fn start_apart(masters: usize, workers: usize) -> Option<Self> {
        let turn = turn();
        let registry = |network: &mut Option<Network>, folder: &Path| {
            let (namespace, at) = namespace_of(network, REGISTRY);
            let first_port = ports(4);
            within(namespace.as_ref(), || {
                Consul::start_new(&folder.join("consul"), &at, first_port)
            })
        };
        match Network::new() {
            Ok(network) => Self::start_in(Some(network), registry, turn)
                .map(|cluster| cluster.with_nodes(masters, workers)),
            Err(why) => {
                eprintln!("SKIPPED: no network to cut: {why}");
                None
            }
        }
    }

    fn start_in(
        mut network: Option<Network>,
        registry: impl FnOnce(&mut Option<Network>, &Path) -> Consul,
        turn: MutexGuard<'static, ()>,
    ) -> Option<Self> {
        if !consul::is_installed() {
            eprintln!("SKIPPED: Consul is not installed (no consul in PATH)");
            return None;
        }
        let (namespace, at) = namespace_of(&mut network, DATABASE);
        let Some(postgres) = within(namespace.as_ref(), || RestartablePostgres::at(&at)) else {
            eprintln!(
                "SKIPPED: PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql/*/bin)"
            );
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let consul = registry(&mut network, folder.path());
        let cluster = Self {
            nodes: BTreeMap::new(),
            consul,
            postgres,
            history: History::default(),
            folder,
            network,
            _turn: turn,
        };
        cluster.write_secret("secret", "the-secret-of-this-cluster-0123456789-0123456789");
        Some(cluster)
    }

    fn with_nodes(mut self, masters: usize, workers: usize) -> Self {
        for n in 1..=masters {
            self.add(&format!("m{n}"), "master,api", &[]).start();
        }
        for n in 1..=workers {
            self.add(&format!("w{n}"), "worker", &["--slots", "32"]).start();
        }
        self
    }

    /// The network of a cluster that was started apart.
    pub(crate) fn network(&self) -> &Network {
        self.network.as_ref().expect("a cluster that was started apart")
    }

    /// Describes one more node, which the caller starts; a flag in `more` comes last and so wins.
    pub(crate) fn add(&mut self, name: &str, roles: &str, more: &[&str]) -> &mut Process {
        let (namespace, at) = namespace_of(&mut self.network, name);
        let host = format!("{at}:{}", ports(1));
        let listen = format!("{at}:{}", ports(1));
        let secret = self.path("secret").display().to_string();
        let data = self.path(name).display().to_string();
        let database = self.postgres.url();
        let mut arguments = vec!["serve"];
        let settings = [
            ("--roles", roles),
            ("--node-name", name),
            ("--database-url", &database),
            ("--consul", self.consul.url()),
            ("--rpc-listen", &host),
            ("--advertise", &host),
            ("--data", &data),
            ("--cluster-secret-file", &secret),
            ("--listen", &listen),
        ];
        for (flag, value) in settings {
            if !more.contains(&flag) && (flag != "--listen" || roles.contains("api")) {
                arguments.extend([flag, value]);
            }
        }
        arguments.extend(more);
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let mut process = Process::new(name, &host, arguments, self.folder.path());
        process.set_namespace(namespace);
        self.nodes.insert(name.to_owned(), process);
        self.node(name)
    }

    /// A file or folder of this cluster.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a cluster secret that only its owner may read.
    pub(crate) fn write_secret(&self, name: &str, secret: &str) {
        std::fs::write(self.path(name), secret).expect("the secret");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path(name), mode).expect("its mode");
    }

    /// A node by its name, to ask it or to do something to it.
    pub(crate) fn node(&mut self, name: &str) -> &mut Process {
        self.nodes.get_mut(name).expect("a node of that name")
    }

    /// A node by its name, to ask it.
    pub(crate) fn on(&self, name: &str) -> &Process {
        &self.nodes[name]
    }

    /// Removes a node from the clients' sight, to change it while they work.
    pub(crate) fn take_node(&mut self, name: &str) -> Process {
        self.nodes.remove(name).expect("a node of that name")
    }

    /// Puts a node back.
    pub(crate) fn put_back(&mut self, process: Process) {
        self.nodes.insert(process.name.clone(), process);
    }

    /// All nodes, also those that do not run.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Process> {
        self.nodes.values()
    }

    /// Some node that can be asked.
    pub(crate) fn any(&self) -> &Process {
        self.nodes()
            .find(|node| node.answers())
            .expect("a node with an API")
    }

    /// The name of the node that others know by this address.
    pub(crate) fn named(&self, host: &Value) -> String {
        let node = self.nodes().find(|node| host.as_str() == Some(&node.host));
        node.unwrap_or_else(|| panic!("{host} is the --advertise address of no node"))
            .name
            .clone()
    }

    /// A shell task that records its start and its end, and does something in between.
    pub(crate) fn task(&self, script: &str) -> String {
        let log = self.start_log().display().to_string();
        let mark = |what: &str| format!("echo $PORPOISE_ATTEMPT_UID {what} $PWD $(date +%s%3N) >> {log}");
        format!(
            "{{ type: shell, run: '{}; ( {script} ); code=$?; {}; exit $code' }}",
            mark("start"),
            mark("end")
        )
    }

    /// Where tasks record that they started and ended: one line each, only ever appended.
    pub(crate) fn start_log(&self) -> PathBuf {
        self.path("starts")
    }

    /// Starts an instance on a node, and notes what was answered; none when it is not known whether it started.
    pub(crate) fn try_start(&self, node: &str, workflow: &str) -> Option<String> {
        let path = format!("/api/v1/projects/default/workflows/{workflow}/instances");
        let key = format!("start-{}", NEXT_KEY.fetch_add(1, Ordering::Relaxed));
        let request = self.on(node).request(Method::POST, &path).json(&json!({}));
        let answer = self.note(Rest::answer(request.header("Idempotency-Key", key)));
        let mut promises = self.history.promises();
        let Some(answer) = answer else {
            promises.uncertain_starts += 1;
            return None;
        };
        let id = answer.body["id"].as_str().map(str::to_owned);
        match (answer.status, id) {
            (201, Some(id)) => {
                promises.ends.insert(id.clone(), "succeeded");
                Some(id)
            }
            _ => panic!("start of {workflow} on {node}: {answer:?}"),
        }
    }

    /// Starts an instance on a healthy node.
    pub(crate) fn start_instance(&self, node: &str, workflow: &str) -> String {
        self.try_start(node, workflow).expect("a healthy node starts it")
    }

    /// Sends a command through a node, and notes the operation when it was accepted.
    pub(crate) fn command(&self, node: &str, id: &str, command: &str) -> Option<Answer> {
        let path = format!("/api/v1/instances/{id}/{command}?wait=20s");
        let request = self.on(node).request(Method::POST, &path).json(&json!({}));
        let answer = self.note(Rest::answer(request))?;
        if matches!(answer.status, 200 | 202) {
            let operation = answer.body["operation"]["id"].as_str().expect("an operation");
            self.history.promises().operations.push(operation.to_owned());
        }
        Some(answer)
    }

    /// Sends a command that must be applied within the call; answers the instance as the call shows it.
    pub(crate) fn apply_command(&self, node: &str, id: &str, command: &str) -> Value {
        let answer = self.command(node, id, command).expect("a healthy node answers");
        assert_eq!(answer.status, 200, "{command} of {id} on {node}: {answer:?}");
        answer.body["instance"].clone()
    }

    /// Notes what no fault excuses. None: the node did not answer, or asked to come again.
    fn note(&self, answer: reqwest::Result<Answer>) -> Option<Answer> {
        let answer = answer.ok()?;
        let mut promises = self.history.promises();
        match (answer.status, answer.retry) {
            (503, true) => {
                promises.retry_later += 1;
                return None;
            }
            (500.., _) => promises.wrong.push(format!("{answer:?}")),
            _ => {}
        }
        Some(answer)
    }

    /// The ownership of an instance, as any node answers it.
    pub(crate) fn ownership(&self, id: &str) -> Value {
        self.any().get(&format!("/instances/{id}/ownership"))
    }

    /// Why each owner became one, oldest first.
    pub(crate) fn ownership_reasons(&self, id: &str) -> Vec<String> {
        let log = self.ownership(id)["log"].as_array().cloned().unwrap_or_default();
        let whys = log.iter().map(|entry| entry["why"].as_str().expect("a reason"));
        whys.map(str::to_owned).collect()
    }

    /// How many attempts are in a state, over all instances.
    pub(crate) fn attempts_in(&self, state: &str) -> usize {
        let sql = format!("SELECT dispatch_id FROM attempt WHERE state = '{state}'");
        checker::ask(self, &sql).len()
    }

    /// The sum of a counter over all nodes that answer.
    pub(crate) fn counter(&self, name: &str) -> f64 {
        let answering = self.nodes().filter(|node| node.answers());
        answering.map(|node| counter_of(node, name)).sum()
    }

    /// Processes of tasks that run, of any incarnation of a worker; the worker `` is all of them.
    pub(crate) fn task_processes(&self, worker: &str) -> Vec<i32> {
        let data = self.folder.path().join(worker);
        let output = [b"PORPOISE_OUTPUT=", data.as_os_str().as_encoded_bytes()].concat();
        let processes = std::fs::read_dir("/proc").expect("proc").flatten();
        processes
            .filter(|process| {
                let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
                environment.windows(output.len()).any(|part| part == output)
            })
            .filter_map(|process| process.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// Changes the database past all nodes.
    pub(crate) fn sql(&self, sql: &str) {
        self.with_store(async |store| {
            let done = store.writer().execute_unprepared(sql).await;
            done.expect(sql);
        });
    }

    /// Does something with the database as a tool does.
    pub(crate) fn with_store<T>(&self, work: impl AsyncFnOnce(Store) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let store = Store::open(&self.postgres.url(), Role::Tool).await;
            work(store.expect("the database")).await
        })
    }

    /// Waits until a probe holds; fails with what should have happened.
    pub(crate) fn wait(&self, within: Duration, what: &str, mut probe: impl FnMut(&Self) -> bool) {
        let mut holds = false;
        eventually(within, || {
            holds = probe(self);
            holds
        });
        assert!(holds, "within {within:?}: {what}");
    }

    fn keep(&mut self) {
        self.folder.disable_cleanup(true);
        eprintln!("kept: {}", self.folder.path().display());
        for node in self.nodes.values() {
            let said = node.output();
            let lines: Vec<&str> = said.lines().collect();
            for line in &lines[lines.len().saturating_sub(8)..] {
                eprintln!("  {}: {line}", node.name);
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
        self.nodes.clear();
        for pid in self.task_processes("") {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
}

/// A counter of one node, over all its labels; 0 when it does not say.
pub(crate) fn counter_of(node: &Process, name: &str) -> f64 {
    let request = node.request(Method::GET, "/metrics");
    let text = Rest::answer(request)
        .map(|answer| answer.text)
        .unwrap_or_default();
    let of_ours = |line: &str| {
        let value = line.strip_prefix(name)?;
        let value = value
            .strip_prefix(' ')
            .or_else(|| value.split_once("} ").map(|(_, value)| value))?;
        value.trim().parse::<f64>().ok()
    };
    text.lines().filter_map(of_ours).sum()
}

/// An address of this test process alone: no connection of another process begins at one of its ports.
pub(crate) fn address() -> String {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    format!("127.{}.{middle}.{low}", 64 + high % 64)
}

/// Waits until one cluster more may run.
fn turn() -> MutexGuard<'static, ()> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let free = TURNS.iter().find_map(|turn| match turn.try_lock() {
        Ok(turn) => Some(turn),
        Err(TryLockError::Poisoned(turn)) => Some(turn.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    });
    free.unwrap_or_else(|| {
        let next = usize::from(NEXT.fetch_add(1, Ordering::Relaxed)) % TURNS.len();
        TURNS[next].lock().unwrap_or_else(PoisonError::into_inner)
    })
}

/// Where a part of a cluster runs: in a namespace of its own, or in that of this machine.
fn namespace_of(network: &mut Option<Network>, name: &str) -> (Option<Namespace>, String) {
    match network {
        Some(network) => {
            let (namespace, address) = network.add(name);
            (Some(namespace), address)
        }
        None => (None, address()),
    }
}

fn within<T: Send>(namespace: Option<&Namespace>, work: impl FnOnce() -> T + Send) -> T {
    match namespace {
        Some(namespace) => namespace.within(work),
        None => work(),
    }
}

/// An address that no other process uses.
pub(crate) fn free_address() -> String {
    format!("{}:{}", address(), ports(1))
}

pub(crate) fn ports(count: u16) -> u16 {
    NEXT_PORT.fetch_add(count, Ordering::Relaxed)
}

/// A document of tasks one after the other.
pub(crate) fn chain(name: &str, tasks: &[String]) -> String {
    let mut document = format!("version: 1\nname: {name}\ntasks:\n");
    for (n, task) in tasks.iter().enumerate() {
        let needs = if n == 0 {
            String::new()
        } else {
            format!(", needs: [t{}]", n - 1)
        };
        let body = task.trim_end().trim_end_matches('}').trim_end();
        document += &format!("  t{n}: {body}{needs} }}\n");
    }
    document
}

/// The lines of a file; none when it does not exist.
pub(crate) fn lines_of(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
