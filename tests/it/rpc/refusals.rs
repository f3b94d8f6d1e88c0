//! Calls that go wrong, and what the caller learns from it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::ids::{DispatchId, Incarnation, InstanceId};
use ports::LogSource;
use ports::peers::Peers;
use ports::rpc::client::{PingOutcome, RpcClient};
use ports::rpc::transport::CallError;
use rpc::{ClusterLogs, HttpTransport};
use runner::log_files::LogFiles;

use super::test_node::{Caller, RecordingMaster, TestNode, identity, key, live_member, owner, transport};

fn not_delivered<T: std::fmt::Debug>(answer: Result<T, CallError>) {
    assert!(matches!(&answer, Err(error) if error.is_certain()), "{answer:?}");
}

fn no_answer<T: std::fmt::Debug>(answer: Result<T, CallError>) {
    assert!(matches!(answer, Err(CallError::NoAnswer(_))), "{answer:?}");
}

/// An address where no process listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A listener that passes every byte on to `to`, both ways, and lets `change` at the first bytes of the call.
fn between(to: &str, change: impl Fn(Vec<u8>) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let to = to.to_owned();
    std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        let mut asked = TcpStream::connect(to).unwrap();
        let mut call = vec![0; 65536];
        let mut length = 0;
        while !call[..length]
            .windows(2)
            .any(|pair| pair == b"\"}" || pair == b"]}")
        {
            length += caller.read(&mut call[length..]).unwrap();
        }
        asked.write_all(&change(call[..length].to_vec())).unwrap();
        let mut answer = vec![0; 65536];
        let length = asked.read(&mut answer).unwrap();
        caller.write_all(&answer[..length]).unwrap();
    });
    address
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_rt::test]
async fn every_call_of_a_master_arrives_as_it_was_sent() {
    let master = Arc::new(RecordingMaster::default());
    let node = TestNode::serve_with(2, master.clone());
    let caller = Caller::new(key('k'), 1, &[&node.node]);
    let to = owner(&node.node);
    caller.rpc.report(&to, Vec::new()).await.unwrap();
    caller.rpc.relay(Incarnation(2), Vec::new()).await.unwrap();
    caller.rpc.offer_slots(&to, Incarnation(1), 3).await.unwrap();
    let wait = Duration::from_millis(20);
    caller
        .rpc
        .check_inbox(Incarnation(2), InstanceId(9), wait)
        .await
        .unwrap();
    caller.rpc.request_reconcile(Incarnation(2)).await.unwrap();
    let reached = caller.rpc.reachable_workers(Incarnation(2)).await.unwrap();
    assert_eq!(reached, [Incarnation(4)]);
    assert_eq!(
        master.calls(),
        [
            "report of 0 to 2",
            "relay of 0 to incarnation 2",
            "3 slots of 1 to 2",
            "inbox of 9 for 20 ms",
            "reconcile",
            "reachable workers"
        ]
    );
    assert_eq!(caller.hints(), []);
}

#[actix_rt::test]
async fn a_call_to_drain_notifies_the_node() {
    let node = TestNode::serve(2);
    let caller = Caller::new(key('k'), 1, &[&node.node]);
    caller.rpc.drain(Incarnation(2)).await.unwrap();
    node.drain_signal.notified().await;
}

#[actix_rt::test]
async fn a_node_without_the_role_has_not_taken_the_call() {
    let node = TestNode::serve(2);
    let caller = Caller::new(key('k'), 1, &[&node.node]);
    not_delivered(caller.rpc.request_reconcile(Incarnation(2)).await);
    not_delivered(caller.rpc.poll_slots(Incarnation(2), &owner(&node.node)).await);
}

#[actix_rt::test]
async fn a_call_to_this_node_needs_no_network() {
    let master = Arc::new(RecordingMaster::default());
    let config = transport(2, key('k'), Peers::default(), master.clone());
    let own = RpcClient::new(Arc::new(HttpTransport::new(config)));
    let this_node = owner(&identity(2, "nowhere:1"));
    own.request_reconcile(Incarnation(2)).await.unwrap();
    own.report(&this_node, Vec::new()).await.unwrap();
    assert_eq!(master.calls(), ["reconcile", "report of 0 to 2"]);
    not_delivered(own.poll_slots(Incarnation(2), &this_node).await);
}

#[actix_rt::test]
async fn another_secret_is_refused_without_an_effect() {
    let master = Arc::new(RecordingMaster::default());
    let node = TestNode::serve_with(2, master.clone());
    let stranger = Caller::new(key('x'), 1, &[&node.node]);
    not_delivered(stranger.rpc.request_reconcile(Incarnation(2)).await);
    assert_eq!(stranger.rpc.ping(&node.node.host).await, PingOutcome::Silent);
    assert!(master.calls().is_empty());
    assert_eq!(stranger.hints(), [], "it runs");
}

#[actix_rt::test]
async fn an_unsigned_call_learns_nothing() {
    let node = TestNode::serve(2);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["/rpc/v1/ping", "/rpc/v1/logs/read", "/anything"] {
        let answer = client
            .post(format!("http://{}{path}", node.node.host))
            .body("null")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        assert!(!answer.text().await.unwrap().contains('2'), "{path}");
    }
}

#[actix_rt::test]
async fn a_call_to_another_incarnation_is_surely_not_accepted() {
    let master = Arc::new(RecordingMaster::default());
    let node = TestNode::serve_with(3, master.clone());
    let before = identity(2, &node.node.host);
    let caller = Caller::new(key('k'), 1, &[&before]);
    not_delivered(caller.rpc.report(&owner(&before), Vec::new()).await);
    assert!(master.calls().is_empty());
    assert_eq!(caller.hints(), []);
}

#[actix_rt::test]
async fn an_unknown_incarnation_is_not_called() {
    let caller = Caller::new(key('k'), 1, &[]);
    not_delivered(caller.rpc.request_reconcile(Incarnation(5)).await);
    assert_eq!(caller.hints(), []);
}

#[actix_rt::test]
async fn a_refused_connection_is_not_delivered_and_a_hint() {
    let gone = identity(2, &closed_port());
    let caller = Caller::new(key('k'), 1, &[&gone]);
    not_delivered(caller.rpc.report(&owner(&gone), Vec::new()).await);
    assert_eq!(caller.hints(), [Incarnation(2)]);
}

#[actix_rt::test]
async fn a_connection_that_ends_under_the_call_is_no_answer_and_a_hint() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dying = identity(2, &listener.local_addr().unwrap().to_string());
    std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        assert!(caller.read(&mut [0; 1024]).unwrap() > 0);
    });
    let caller = Caller::new(key('k'), 1, &[&dying]);
    no_answer(caller.rpc.report(&owner(&dying), Vec::new()).await);
    assert_eq!(caller.hints(), [Incarnation(2)]);
}

#[actix_rt::test]
async fn a_slow_reply_is_no_answer_and_no_hint() {
    let master = Arc::new(RecordingMaster::slow(Duration::from_secs(30)));
    let node = TestNode::serve_with(2, master.clone());
    let caller = Caller::new(key('k'), 1, &[&node.node]);
    let called_at = Instant::now();
    no_answer(caller.rpc.report(&owner(&node.node), Vec::new()).await);
    assert!(
        (3..5).contains(&called_at.elapsed().as_secs()),
        "{:?}",
        called_at.elapsed()
    );
    assert_eq!(master.calls(), ["report of 0 to 2"], "it had arrived");
    assert_eq!(caller.hints(), []);
}

#[actix_rt::test]
async fn a_ping_finds_an_incarnation_a_closed_port_or_silence() {
    let node = TestNode::serve(2);
    let caller = Caller::new(key('k'), 1, &[]);
    assert_eq!(
        caller.rpc.ping(&node.node.host).await,
        PingOutcome::Alive(Incarnation(2))
    );
    node.stop().await;
    assert_eq!(caller.rpc.ping(&node.node.host).await, PingOutcome::Refused);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let called_at = Instant::now();
    let found = caller.rpc.ping(&silent.local_addr().unwrap().to_string()).await;
    assert_eq!(found, PingOutcome::Silent);
    assert!(
        called_at.elapsed() < Duration::from_secs(2),
        "{:?}",
        called_at.elapsed()
    );
    assert_eq!(caller.hints(), [], "the caller judges it");
}

#[actix_rt::test]
async fn a_call_that_was_altered_on_its_way_is_refused() {
    let master = Arc::new(RecordingMaster::default());
    let node = TestNode::serve_with(2, master.clone());
    let swap = |from: &'static str, to: &'static str| {
        move |call: Vec<u8>| {
            let text = String::from_utf8(call).unwrap();
            assert!(text.contains(from), "{text}");
            text.replace(from, to).into_bytes()
        }
    };
    for (from, to) in [
        ("\"epoch\":1", "\"epoch\":2"),
        ("x-porpoise-from: 1", "x-porpoise-from: 4"),
        ("/master/report", "/master/ReporT"),
    ] {
        let relay = identity(2, &between(&node.node.host, swap(from, to)));
        let caller = Caller::new(key('k'), 1, &[&relay]);
        not_delivered(caller.rpc.report(&owner(&relay), Vec::new()).await);
    }
    assert!(master.calls().is_empty());
    let honest = identity(2, &between(&node.node.host, |call| call));
    let caller = Caller::new(key('k'), 1, &[&honest]);
    caller.rpc.report(&owner(&honest), Vec::new()).await.unwrap();
}

#[actix_rt::test]
async fn a_replayed_call_is_a_repetition_and_nothing_else() {
    let master = Arc::new(RecordingMaster::default());
    let node = TestNode::serve_with(2, master.clone());
    let (overheard, heard) = std::sync::mpsc::channel();
    let listen = move |call: Vec<u8>| {
        overheard.send(call.clone()).unwrap();
        call
    };
    let tapped = identity(2, &between(&node.node.host, listen));
    let caller = Caller::new(key('k'), 1, &[&tapped]);
    caller.rpc.report(&owner(&tapped), Vec::new()).await.unwrap();
    let call = heard.recv().unwrap();
    let host = node.node.host.clone();
    let replay = move || {
        let mut stranger = TcpStream::connect(host).unwrap();
        stranger.write_all(&call).unwrap();
        let mut answer = vec![0; 4096];
        let length = stranger.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let answer = tokio::task::spawn_blocking(replay).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(master.calls(), vec!["report of 0 to 2"; 2]);
}

#[actix_rt::test]
async fn an_unsigned_call_is_logged_with_its_address_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("rpc=trace")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .try_init()
        .expect("no other test of this program writes the log");
    let node = TestNode::serve(2);
    let stranger = Caller::new(key('x'), 1, &[&node.node]);
    not_delivered(stranger.rpc.drain(Incarnation(2)).await);
    let text = log.text();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("/rpc/v1/node/drain"))
        .collect();
    assert!(
        matches!(lines[..], [line] if line.contains("127.0.0.1:") && line.contains("without the signature")),
        "{text}"
    );
    assert!(text.contains("a node refuses our signature"), "{text}");
    assert!(!text.contains("xxxx") && !text.contains("kkkk"), "{text}");
}

#[actix_rt::test]
async fn a_reply_without_a_signature_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let forger = identity(2, &listener.local_addr().unwrap().to_string());
    std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut caller, _) = listener.accept().unwrap();
            assert!(caller.read(&mut [0; 4096]).unwrap() > 0);
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n2";
            caller.write_all(answer.as_bytes()).unwrap();
        }
    });
    let caller = Caller::new(key('k'), 1, &[&forger]);
    no_answer(caller.rpc.poll_slots(Incarnation(2), &owner(&forger)).await);
    assert_eq!(caller.rpc.ping(&forger.host).await, PingOutcome::Silent);
}

#[actix_rt::test]
async fn a_connection_without_a_header_is_closed() {
    let node = TestNode::serve(2);
    let host = node.node.host.clone();
    let ended = tokio::task::spawn_blocking(move || {
        let mut stranger = TcpStream::connect(host).unwrap();
        stranger.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stranger.write_all(b"POST /rpc/v1/ping HTTP/1.1\r\n").unwrap();
        let mut received = Vec::new();
        stranger.read_to_end(&mut received).map(|_| ())
    });
    let called_at = Instant::now();
    ended.await.unwrap().unwrap();
    assert!(
        called_at.elapsed() < Duration::from_secs(4),
        "{:?}",
        called_at.elapsed()
    );
}

#[actix_rt::test]
async fn a_log_is_read_from_the_node_of_the_name_of_its_worker() {
    let there = tempfile::tempdir().unwrap();
    let uid: DispatchId = "1-42-0-1-1".parse().unwrap();
    let files = LogFiles::in_folder(there.path());
    std::fs::create_dir_all(files.path(&uid).parent().unwrap()).unwrap();
    std::fs::write(files.path(&uid), b"0123\xff56789").unwrap();
    let node = TestNode::serve_logs(2, there.path());
    let caller = Caller::new(key('k'), 1, &[&node.node]);
    let peers = Peers::default();
    peers.update(vec![live_member(&node.node)], tokio::time::Instant::now());
    let here = tempfile::tempdir().unwrap();
    let logs = ClusterLogs {
        name: "node-1".to_owned(),
        files: Arc::new(LogFiles::in_folder(here.path())),
        peers: peers.clone(),
        rpc: caller.rpc.clone(),
    };
    let part = logs.read("node-2", &uid, (2, 4)).await.unwrap();
    assert_eq!(
        (part.bytes.as_slice(), part.next_offset, part.size),
        (b"23\xff5".as_slice(), 6, 10)
    );
    let own = logs.read("node-1", &uid, (2, 4)).await.unwrap();
    assert_eq!((own.bytes.len(), own.next_offset, own.size), (0, 2, 0));
    node.stop().await;
    assert_eq!(
        logs.read("node-2", &uid, (0, 4)).await.unwrap_err().worker,
        "node-2"
    );
    peers.update(Vec::new(), tokio::time::Instant::now());
    assert_eq!(
        logs.read("node-2", &uid, (0, 4)).await.unwrap_err().worker,
        "node-2"
    );
}
