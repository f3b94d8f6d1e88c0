//! Clients of a node that leaves: accepted connections are answered, later ones are refused.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::checker::Effects;
use crate::fixture::{Cluster, PATIENCE};
use crate::scenario::{finish, start_load};
use test_support::rest::TOKEN;
use test_support::waiting::eventually;

/// A drain may take 30 s, and a little to end.
pub(crate) const LEAVES_WITHIN: Duration = Duration::from_secs(35);

/// How often a node leaves and comes back.
const ROUNDS: usize = 3;

/// Clients that make a connection for each request, and clients that keep theirs.
const CLIENTS: usize = 4;

/// A client that did not run for this time may find that a connection it believed open has ended.
pub(crate) const HELD_UP: Duration = Duration::from_millis(150);

/// Kinds of answers that a client received, with their counts.
type AnswerCounts = BTreeMap<&'static str, usize>;

/// The parts of an answer that the clients check.
pub(crate) struct ParsedAnswer {
    status: u16,
    retry: bool,
    /// The connection ends with this answer.
    last: bool,
}

impl ParsedAnswer {
    /// Returns the HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Whether it is a success, or asks the client to try again later.
    pub(crate) fn is_expected(&self) -> bool {
        matches!(self.status, 200 | 201) || (self.status == 503 && self.retry)
    }

    /// Whether the connection ends with it.
    pub(crate) fn is_last(&self) -> bool {
        self.last
    }
}

/// Sends one request and reads the whole answer.
pub(crate) fn exchange(connection: &mut TcpStream, request: &str) -> io::Result<ParsedAnswer> {
    connection.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            break String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        }
        read_some(connection, &mut bytes)?;
    };
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start_matches(':').trim().to_owned())
    };
    let length: usize = header("content-length").map_or(0, |value| value.parse().expect("a length"));
    while bytes.len() < head.len() + 4 + length {
        read_some(connection, &mut bytes)?;
    }
    Ok(ParsedAnswer {
        status: head[9..12].parse().expect("a status"),
        retry: header("retry-after").is_some(),
        last: header("connection").is_some_and(|value| value == "close"),
    })
}

fn read_some(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut part = [0; 4096];
    match connection.read(&mut part)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        count => {
            bytes.extend_from_slice(&part[..count]);
            Ok(())
        }
    }
}

pub(crate) fn connect(address: &str) -> io::Result<TcpStream> {
    let connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(LEAVES_WITHIN))?;
    connection.set_nodelay(true)?;
    Ok(connection)
}

/// Whether the other side has ended a connection; nothing was sent on it since the last answer.
pub(crate) fn is_over(connection: &TcpStream) -> bool {
    connection.set_nonblocking(true).expect("a socket");
    let peeked = connection.peek(&mut [0]);
    connection.set_nonblocking(false).expect("a socket");
    !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

pub(crate) fn request(address: &str, what: &str) -> String {
    let (method, path) = what.split_once(' ').expect("method and path");
    let body = if method == "GET" { "" } else { "{}" };
    format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Asks with a connection for each request until one is refused.
fn request_on_new_connections(address: &str, what: &str, inside: &AtomicUsize) -> AnswerCounts {
    let (mut answers, request) = (AnswerCounts::new(), request(address, what));
    loop {
        let connected = connect(address);
        match connected {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return answers,
            Err(error) => panic!("a connection was neither taken nor refused: {error:?}"),
            Ok(mut connection) => match exchange(&mut connection, &request) {
                Ok(answer) => count_answer(&mut answers, &answer, inside),
                Err(error) => {
                    panic!("a request on a connection of its own was cut off: {error:?} ({answers:?})")
                }
            },
        }
    }
}

/// Asks on one connection until it ends, then on the next, until one is refused.
fn request_on_kept_connections(address: &str, what: &str, inside: &AtomicUsize) -> AnswerCounts {
    let (mut answers, request) = (AnswerCounts::new(), request(address, what));
    loop {
        let mut connection = match connect(address) {
            Ok(connection) => connection,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return answers,
            Err(error) => panic!("a connection was neither taken nor refused: {error:?}"),
        };
        let mut used = Instant::now();
        while !is_over(&connection) {
            let answer = match exchange(&mut connection, &request) {
                Ok(answer) => answer,
                Err(_) if used.elapsed() > HELD_UP => break,
                Err(error) => panic!("a request on a kept connection was cut off: {error:?} ({answers:?})"),
            };
            count_answer(&mut answers, &answer, inside);
            if answer.last {
                break;
            }
            used = Instant::now();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Counts an answer; the first answer of a client also counts in `inside`.
fn count_answer(answers: &mut AnswerCounts, answer: &ParsedAnswer, inside: &AtomicUsize) {
    if answers.is_empty() {
        inside.fetch_add(1, Ordering::Relaxed);
    }
    match answer.status {
        200 | 201 => {}
        503 if answer.retry => *answers.entry("retry later").or_default() += 1,
        status => panic!("a node that leaves answered {status}"),
    }
    let what = if answer.last {
        "answered for the last time"
    } else {
        "answered"
    };
    *answers.entry(what).or_default() += 1;
}

/// A connection that was used once and is idle.
fn idle_connection(address: &str) -> TcpStream {
    let mut connection = connect(address).expect("a node that stays");
    let answer = exchange(&mut connection, &request(address, "GET cluster")).expect("an answer");
    assert!(!answer.last, "a node that stays keeps connections");
    connection
}

#[test]
fn a_leaving_node_answers_accepted_clients_and_refuses_later_ones() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1", "m2"], 3);
    for _ in 0..ROUNDS {
        let mut process = cluster.take_node("m2");
        let address = process.address().to_owned();
        let idle: Vec<TcpStream> = (0..CLIENTS).map(|_| idle_connection(&address)).collect();
        let inside = AtomicUsize::new(0);
        let (code, answers) = std::thread::scope(|scope| {
            let (address, inside) = (&address, &inside);
            let asking: Vec<_> = (0..CLIENTS)
                .flat_map(|_| {
                    [
                        scope.spawn(|| request_on_new_connections(address, "GET instances?limit=5", inside)),
                        scope.spawn(|| request_on_kept_connections(address, "GET instances?limit=5", inside)),
                        scope
                            .spawn(|| request_on_kept_connections(address, "PATCH projects/default", inside)),
                    ]
                })
                .collect();
            // A client that was never answered has failed, and is joined below.
            eventually(PATIENCE, || inside.load(Ordering::Relaxed) == asking.len());
            let code = process.stop(LEAVES_WITHIN);
            let answers = asking.into_iter().map(|client| client.join());
            let answers: Vec<AnswerCounts> = answers
                .map(|answers| answers.expect("no client was cut off"))
                .collect();
            (code, answers)
        });
        assert_eq!(code, Some(0), "m2 leaves in order: {}", process.output());
        let said = process.output();
        assert!(
            !said.contains("wait to be accepted"),
            "every connection was accepted in time: {said}"
        );
        eprintln!("answers: {answers:?}");
        assert!(
            answers
                .iter()
                .all(|answers| answers.len() > 1 && answers.contains_key("answered for the last time")),
            "each client was answered while the node left: {answers:?}"
        );
        for mut connection in idle {
            let end = connection.read(&mut [0]);
            assert_eq!(
                end.expect("not cut off"),
                0,
                "an idle connection is closed without data"
            );
        }
        process.start();
        cluster.put_back(process);
    }
    finish(&cluster, &ids, Effects::default());
}
