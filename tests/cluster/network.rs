//! A network of this test alone: each node in a network namespace of its own, on one bridge, and links between them
//! that drop packets. Nothing of it reaches the machine's own network, and all of it goes when it is dropped.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use nix::sched::{CloneFlags, setns};

/// Networks of this process so far: the names of their namespaces differ.
static MADE: AtomicU32 = AtomicU32::new(0);

/// Where the clients are: on the bridge itself, which no cut concerns.
const BRIDGE: &str = "bridge";

/// The address of the clients.
pub(crate) const CLIENTS: &str = "10.77.0.1";

/// Which packets of a namespace are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Incoming and outgoing packets.
    Both,
    /// Incoming packets: it sends, and receives nothing.
    In,
    /// Outgoing packets: it receives, and nothing that it sends arrives.
    Out,
}

impl Direction {
    /// The chains of iptables, each with how it names the other side.
    fn chains(self) -> &'static [(&'static str, &'static str)] {
        const IN: (&str, &str) = ("INPUT", "--source");
        const OUT: (&str, &str) = ("OUTPUT", "--destination");
        match self {
            Self::Both => &[IN, OUT],
            Self::In => &[IN],
            Self::Out => &[OUT],
        }
    }
}

/// A network namespace: what is started within it sees nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Namespace(PathBuf);

impl Namespace {
    fn named(namespace: &str) -> Self {
        Self(PathBuf::from("/run/netns").join(namespace))
    }

    /// Does something within: what it starts, or connects, stays there.
    pub(crate) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter();
                work()
            });
            inside.join().expect("what is done there does not panic")
        })
    }

    fn enter(&self) {
        let namespace = File::open(&self.0).expect("the namespace");
        setns(namespace, CloneFlags::CLONE_NEWNET).expect("root may enter it");
    }
}

/// The namespaces of one cluster. The thread that made it is within until it is dropped.
pub(crate) struct Network {
    prefix: String,
    /// Where the thread was before.
    before: File,
    /// The last part of the address of each.
    namespaces: BTreeMap<String, u8>,
}

impl Network {
    /// Makes one; where that is not possible, says why not.
    pub(crate) fn new() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("only root makes network namespaces".to_owned());
        }
        for program in [["ip", "-V"], ["iptables", "-V"]] {
            run(&program).map_err(|why| format!("{} cannot be used: {why}", program[0]))?;
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let network = Self {
            prefix: format!("porpoise-{}-{number}", std::process::id()),
            before: File::open("/proc/thread-self/ns/net").map_err(|error| error.to_string())?,
            namespaces: BTreeMap::new(),
        };
        let bridge = network.namespace(BRIDGE);
        run(&["ip", "netns", "add", &bridge])?;
        let on_bridge = |words: &[&str]| run(&[&["ip", "-n", &bridge], words].concat());
        on_bridge(&["link", "set", "lo", "up"])?;
        // An address of its own: a bridge takes that of its first port otherwise, and changes it with its ports.
        on_bridge(&[
            "link",
            "add",
            "bridge",
            "address",
            "02:00:00:00:00:01",
            "type",
            "bridge",
        ])?;
        on_bridge(&["address", "add", &format!("{CLIENTS}/24"), "dev", "bridge"])?;
        on_bridge(&["link", "set", "bridge", "up"])?;
        Namespace::named(&bridge).enter();
        Ok(network)
    }

    /// Adds a namespace, and answers it with its address; the same again for one that is there.
    pub(crate) fn add(&mut self, name: &str) -> (Namespace, String) {
        let namespace = self.namespace(name);
        let next = u8::try_from(self.namespaces.len() + 2).expect("a small cluster");
        let number = *self.namespaces.entry(name.to_owned()).or_insert(next);
        if number == next {
            self.connect(&namespace, number).expect("one more namespace");
        }
        (Namespace::named(&namespace), address(number))
    }

    fn connect(&self, namespace: &str, number: u8) -> Result<(), String> {
        let (bridge, port) = (self.namespace(BRIDGE), port(number));
        run(&["ip", "netns", "add", namespace])?;
        let on_bridge = |words: &[&str]| run(&[&["ip", "-n", &bridge], words].concat());
        let inside = |words: &[&str]| run(&[&["ip", "-n", namespace], words].concat());
        on_bridge(&[
            "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", namespace,
        ])?;
        on_bridge(&["link", "set", &port, "master", "bridge", "up"])?;
        inside(&[
            "address",
            "add",
            &format!("{}/24", address(number)),
            "dev",
            "eth0",
        ])?;
        inside(&["link", "set", "eth0", "up"])?;
        inside(&["link", "set", "lo", "up"])
    }

    /// Drops every packet between a namespace and each of the others, in one or both directions, without a reset or
    /// ICMP message.
    pub(crate) fn cut(&self, name: &str, direction: Direction, others: &[&str]) {
        for other in others {
            let other = address(self.namespaces[*other]);
            for (chain, side) in direction.chains() {
                self.filter(name, &["--append", chain, side, &other, "--jump", "DROP"]);
            }
        }
    }

    /// Drops every packet between a namespace and all others but the clients.
    pub(crate) fn cut_from_all(&self, name: &str, direction: Direction) {
        let others: Vec<&str> = self.namespaces.keys().map(String::as_str).collect();
        let others: Vec<&str> = others.into_iter().filter(|other| *other != name).collect();
        self.cut(name, direction, &others);
    }

    /// Removes every filter of a namespace.
    pub(crate) fn heal(&self, name: &str) {
        self.filter(name, &["--flush"]);
    }

    /// Takes the link of a namespace down, as a pulled cable does.
    pub(crate) fn unplug(&self, name: &str) {
        self.cable(name, "down");
    }

    /// Brings the link up again.
    pub(crate) fn plug(&self, name: &str) {
        self.cable(name, "up");
    }

    fn cable(&self, name: &str, state: &str) {
        let port = port(self.namespaces[name]);
        run(&["ip", "-n", &self.namespace(BRIDGE), "link", "set", &port, state]).expect("the cable");
    }

    fn filter(&self, name: &str, words: &[&str]) {
        let namespace = Namespace::named(&self.namespace(name));
        let command = [&["iptables", "--wait", "5"], words].concat();
        namespace.within(|| run(&command)).expect("a filter");
    }

    /// The other ends of the connections of a namespace that its kernel considers established.
    pub(crate) fn connections(&self, name: &str) -> Vec<String> {
        let namespace = Namespace::named(&self.namespace(name));
        let list = ["--no-header", "--numeric", "--tcp", "state", "established"];
        let listed = namespace
            .within(|| Command::new("ss").args(list).output())
            .expect("ss");
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ends = text.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words.len() >= 4).then(|| format!("{} {}", words[2], words[3]))
        });
        ends.collect()
    }

    fn namespace(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        setns(&self.before, CloneFlags::CLONE_NEWNET).ok();
        let namespaces = self.namespaces.keys().map(String::as_str);
        for name in namespaces.chain([BRIDGE]) {
            run(&["ip", "netns", "delete", &self.namespace(name)]).ok();
        }
    }
}

fn address(number: u8) -> String {
    format!("10.77.0.{number}")
}

fn port(number: u8) -> String {
    format!("port{number}")
}

/// Runs a program to its end; what it said when it failed.
fn run(words: &[&str]) -> Result<(), String> {
    let ended = Command::new(words[0]).args(&words[1..]).output();
    let output = ended.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{}: {said}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use super::*;

    /// Whether a connection from one namespace to a listener of another comes about.
    fn connects(from: &Namespace, to: &TcpListener) -> bool {
        let to = to.local_addr().expect("its address");
        from.within(|| TcpStream::connect_timeout(&to, Duration::from_millis(300)).is_ok())
    }

    #[test]
    fn a_link_is_cut_in_each_direction_and_no_namespace_outlives_a_panic() {
        let mut network = match Network::new() {
            Ok(network) => network,
            Err(why) => return eprintln!("SKIPPED: {why}"),
        };
        let prefix = network.prefix.clone();
        let (a, _) = network.add("a");
        let (b, address_of_b) = network.add("b");
        let listener = b.within(|| TcpListener::bind((address_of_b, 0))).expect("a port");
        assert!(connects(&a, &listener));
        for direction in [Direction::Both, Direction::In, Direction::Out] {
            network.cut("a", direction, &["b"]);
            assert!(!connects(&a, &listener), "{direction:?}");
            network.heal("a");
            assert!(connects(&a, &listener), "after {direction:?}");
        }
        network.unplug("b");
        assert!(!connects(&a, &listener));
        network.plug("b");
        let listed = || std::fs::read_dir("/run/netns").expect("namespaces");
        let ours = || {
            listed()
                .flatten()
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
                .count()
        };
        assert_eq!(ours(), 3);
        let fell = catch_unwind(AssertUnwindSafe(move || {
            let _network = network;
            panic!("on purpose");
        }));
        assert!(fell.is_err());
        assert_eq!(ours(), 0);
    }
}
