//! A node that restarts again and again under clients that never pause: no request is lost.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use test_support::waiting::eventually;

use crate::fixture::{PATIENCE, free_address};
use crate::graceful_close::{HELD_UP, LEAVES_WITHIN, connect, exchange, is_over, request};
use crate::process::Process;

/// Restarts, unless `PORPOISE_RESTARTS` sets another number.
const RESTARTS: usize = 3;

/// The clients: what each asks, and on which connections.
const CLIENTS: [(&str, ConnectionUse); 4] = [
    ("GET instances?limit=5", ConnectionUse::Once),
    ("PATCH projects/default", ConnectionUse::Once),
    ("GET instances?limit=5", ConnectionUse::Kept),
    ("PATCH projects/default", ConnectionUse::Kept),
];

/// For how many requests a client uses a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionUse {
    /// For one.
    Once,
    /// Until the node ends it.
    Kept,
}

/// What became of the requests of one client.
#[derive(Default)]
struct Requests {
    refused: usize,
    lost: Vec<String>,
}

/// Sends requests until `finish` is set; refused connections are repeated.
fn send_requests(
    address: &str,
    (what, connections): (&str, ConnectionUse),
    answered: &AtomicUsize,
    finish: &AtomicBool,
) -> Requests {
    let (mut requests, request) = (Requests::default(), request(address, what));
    while !finish.load(Ordering::Relaxed) {
        match connect(address) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                requests.refused += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => requests.lost.push(format!("connecting: {error:?}")),
            Ok(connection) => {
                if let Err(error) = use_connection(connection, &request, connections, (answered, finish)) {
                    requests.lost.push(format!("{what}: {error:?}"));
                }
            }
        }
    }
    requests
}

/// Sends requests on a connection until it ends, or the client has finished.
fn use_connection(
    mut connection: TcpStream,
    request: &str,
    connections: ConnectionUse,
    (answered, finish): (&AtomicUsize, &AtomicBool),
) -> std::io::Result<()> {
    let mut used: Option<Instant> = None;
    while !finish.load(Ordering::Relaxed) && !is_over(&connection) {
        let answer = match exchange(&mut connection, request) {
            Ok(answer) => answer,
            Err(_) if used.is_some_and(|used| used.elapsed() > HELD_UP) => return Ok(()),
            Err(error) => return Err(error),
        };
        assert!(
            answer.is_expected(),
            "a node that leaves answered {}",
            answer.status()
        );
        answered.fetch_add(1, Ordering::Relaxed);
        if answer.is_last() || connections == ConnectionUse::Once {
            return Ok(());
        }
        used = Some(Instant::now());
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Ends the clients, also when the test fails.
struct FinishOnDrop<'a>(&'a AtomicBool);

impl Drop for FinishOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until this incarnation has answered every client.
fn wait_for_answers(answered: &[AtomicUsize]) {
    let counts = || answered.iter().map(|count| count.load(Ordering::Relaxed));
    let before: Vec<usize> = counts().collect();
    let mut all = false;
    eventually(PATIENCE, || {
        all = counts().zip(&before).all(|(now, before)| now > *before);
        all
    });
    assert!(
        all,
        "each client is answered: {before:?}, then {:?}",
        counts().collect::<Vec<_>>()
    );
}

fn restart_repeatedly(process: &mut Process, restarts: usize, answered: &[AtomicUsize]) {
    for _ in 0..restarts {
        wait_for_answers(answered);
        assert_eq!(process.stop(LEAVES_WITHIN), Some(0), "{}", process.output());
        let said = process.output();
        assert!(!said.contains("wait to be accepted"), "{said}");
        assert!(!said.contains("registered again"), "it has left: {said}");
        process.start();
    }
    wait_for_answers(answered);
}

#[test]
fn restarts_lose_no_request() {
    let restarts = std::env::var("PORPOISE_RESTARTS").ok();
    let restarts = restarts.map_or(RESTARTS, |count| count.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let (address, data) = (free_address(), folder.path().join("data").display().to_string());
    let arguments = ["standalone", "--listen", &address, "--data", &data].map(str::to_owned);
    let mut process = Process::new("standalone", &address, arguments.to_vec(), folder.path());
    process.start();
    let (answered, finish) = (
        [const { AtomicUsize::new(0) }; CLIENTS.len()],
        AtomicBool::new(false),
    );
    let clients: Vec<Requests> = std::thread::scope(|scope| {
        let clients = CLIENTS.iter().zip(&answered).map(|(client, answered)| {
            let (address, finish) = (&address, &finish);
            scope.spawn(move || send_requests(address, *client, answered, finish))
        });
        let clients: Vec<_> = clients.collect();
        let finishing = FinishOnDrop(&finish);
        restart_repeatedly(&mut process, restarts, &answered);
        drop(finishing);
        let requests = clients.into_iter().map(|client| client.join());
        requests.map(|requests| requests.expect("no panic")).collect()
    });
    let answers: usize = answered.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    let refused: usize = clients.iter().map(|client| client.refused).sum();
    let lost: Vec<&String> = clients.iter().flat_map(|client| &client.lost).collect();
    eprintln!(
        "{restarts} restarts: {answers} requests answered, {refused} connections refused, {} requests lost",
        lost.len()
    );
    assert_eq!(lost, Vec::<&String>::new());
}
