//! One node of a cluster as a process: started, killed, frozen and stopped by its process id.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::network::Namespace;
use test_support::rest::{Rest, TOKEN};
use test_support::waiting::eventually;

/// How long a start may take on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A node of ours, running or between two incarnations; killed when dropped.
pub(crate) struct Process {
    /// Its `--node-name`.
    pub(crate) name: String,
    /// Its `--advertise` address: the host in every answer.
    pub(crate) host: String,
    arguments: Vec<String>,
    /// What the next incarnation finds in its environment, beside the token.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Where it runs, if not in this machine's own network.
    namespace: Option<Namespace>,
    log: PathBuf,
    /// Where the output of this incarnation begins.
    begins: u64,
    child: Option<Child>,
    /// The incarnation that the ready line names.
    pub(crate) incarnation: String,
    rest: Option<Rest>,
}

impl Process {
    /// Describes a node; it does not run yet.
    pub(crate) fn new(name: &str, host: &str, arguments: Vec<String>, folder: &Path) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            arguments,
            environment: Vec::new(),
            namespace: None,
            log: folder.join(format!("{name}.log")),
            begins: 0,
            child: None,
            incarnation: String::new(),
            rest: None,
        }
    }

    /// Sets the network namespace to run in.
    pub(crate) fn set_namespace(&mut self, namespace: Option<Namespace>) {
        self.namespace = namespace;
    }

    /// Starts an incarnation, and waits for its ready line.
    pub(crate) fn start(&mut self) {
        self.spawn();
        self.wait_until_ready(STARTS_WITHIN);
    }

    /// Waits for the ready line of this incarnation.
    pub(crate) fn wait_until_ready(&mut self, within: Duration) {
        let mut ready = None;
        let mut ended = false;
        eventually(within, || {
            ready = self.ready_line();
            ended = self.has_ended();
            ready.is_some() || ended
        });
        let Some(ready) = ready else {
            panic!("{} should start (ended: {ended}):\n{}", self.name, self.output());
        };
        self.incarnation = ready["incarnation"]
            .as_str()
            .map_or_else(|| ready["incarnation"].to_string(), str::to_owned);
        self.rest = ready["url"].as_str().map(Rest::new);
    }

    /// Starts an incarnation without waiting for anything.
    pub(crate) fn spawn(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let output = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a file for the output");
        self.begins = output.metadata().expect("its length").len();
        let errors = output.try_clone().expect("the same file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_porpoise"));
        command
            .args(&self.arguments)
            .env("PORPOISE__AUTH__BOOTSTRAP_TOKEN", TOKEN)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = match &self.namespace {
            Some(namespace) => namespace.within(|| command.spawn()),
            None => command.spawn(),
        };
        self.child = Some(child.expect("the program starts"));
    }

    /// What this incarnation has printed so far.
    pub(crate) fn output(&self) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(&self.log) {
            file.seek(SeekFrom::Start(self.begins)).expect("an offset in it");
            file.read_to_end(&mut bytes).expect("the output");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends this incarnation at once, as a crash does; its tasks are not touched.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the node is ours");
            child.wait().expect("the node ends");
        }
        self.rest = None;
    }

    /// Asks this incarnation to leave (SIGTERM) and waits; its exit code, none when it did not end in time.
    pub(crate) fn stop(&mut self, within: Duration) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.exit_code(within)
    }

    /// Holds the process as a paused machine does.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets a frozen process continue.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Waits for the end of this incarnation; its exit code, if it ended by itself in time.
    pub(crate) fn exit_code(&mut self, within: Duration) -> Option<i32> {
        eventually(within, || self.has_ended());
        let status = self.child.as_mut()?.try_wait().expect("the node is ours")?;
        self.child = None;
        self.rest = None;
        status.code()
    }

    /// The process of this incarnation.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the node runs").id()
    }

    /// Whether it can be asked over REST.
    pub(crate) fn answers(&self) -> bool {
        self.rest.is_some()
    }

    fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_none_or(|child| child.try_wait().expect("the node is ours").is_some())
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("the node runs");
        let pid = i32::try_from(child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("the node is ours");
    }

    fn ready_line(&self) -> Option<Value> {
        let said = self.output();
        let line = said
            .split_inclusive('\n')
            .find(|line| line.contains("porpoise ready") && line.ends_with('\n'))?;
        Some(serde_json::from_str(line).expect("the ready line is JSON when stdout is not a terminal"))
    }
}

impl Deref for Process {
    type Target = Rest;

    fn deref(&self) -> &Rest {
        let rest = self.rest.as_ref();
        rest.unwrap_or_else(|| panic!("{} does not run, or has no API", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
