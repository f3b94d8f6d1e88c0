//! An HTTP server on a free port that answers from a function and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// One request, as it came in.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// The how-manieth request it is, from 1.
    pub(super) count: usize,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// 0 for none: the connection breaks.
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string()).with_header("Content-Type", "application/json")
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    pub(super) fn problem(status: u16, code: &str, detail: &str) -> Self {
        Self::json(
            status,
            &json!({ "status": status, "code": code, "detail": detail, "errors": [] }),
        )
    }

    /// Breaks the connection in place of an answer.
    pub(super) fn hang_up() -> Self {
        Self::text(0, "")
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The server; it runs until it is closed or the test process ends, one thread per connection.
pub(super) struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    closing: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn new(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answer)
    }

    /// Starts at an address, for example that of a server that was closed.
    pub(super) fn at(address: &str, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            requests: Arc::default(),
            connections: Arc::default(),
            closing: Arc::default(),
        };
        let (requests, connections) = (Arc::clone(&server.requests), Arc::clone(&server.connections));
        let (closing, answer) = (Arc::clone(&server.closing), Arc::new(answer));
        thread::spawn(move || {
            let is_open = |_: &std::io::Result<TcpStream>| !closing.load(Ordering::SeqCst);
            for connection in listener.incoming().take_while(is_open) {
                let connection = connection.unwrap();
                connections.lock().unwrap().push(connection.try_clone().unwrap());
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                thread::spawn(move || serve(connection, &requests, answer.as_ref()));
            }
        });
        server
    }

    /// Breaks every connection and refuses new ones; returns the address.
    pub(super) fn close(self) -> String {
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts connections, which then drops the listener.
        let _ = TcpStream::connect(&self.address);
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        while TcpStream::connect(&self.address).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Returns an address at which no process listens.
pub(super) fn unused_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(connection: TcpStream, seen: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Answer) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut writer = connection;
    while let Some(mut request) = read(&mut reader) {
        let mut seen = seen.lock().unwrap();
        request.count = seen.len() + 1;
        seen.push(request.clone());
        drop(seen);
        let answer = answer(&request);
        if answer.status == 0 {
            let _ = writer.shutdown(Shutdown::Both);
            return;
        }
        let mut head = format!(
            "HTTP/1.1 {} Scripted\r\nContent-Length: {}\r\n",
            answer.status,
            answer.body.len()
        );
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if writer
            .write_all(format!("{head}\r\n{}", answer.body).as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers: Vec<(String, String)> = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        target,
        headers,
        body: String::from_utf8(body).unwrap(),
        count: 0,
    })
}
