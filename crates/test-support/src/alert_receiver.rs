//! A receiver of alerts: an HTTP server that answers as the test wants and remembers what it got.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use serde_json::Value;

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct AlertRequest {
    /// The header `Porpoise-Delivery`.
    pub delivery: String,
    /// The body.
    pub body: Value,
    /// When it was complete.
    pub at: Instant,
}

/// How the receiver answers one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// With this status.
    Status(u16),
    /// Not at all, until the sender gives up.
    Silence,
    /// With 200, when [`AlertReceiver::release`] is called.
    Hold,
}

#[derive(Default)]
struct Inbox {
    received: Vec<AlertRequest>,
    /// Those to the next messages; later ones are answered with 200.
    reactions: VecDeque<Reaction>,
    /// How many messages were released that are held, or will be.
    released: usize,
}

/// Where the threads of a receiver meet.
#[derive(Default)]
struct Desk {
    inbox: Mutex<Inbox>,
    changed: Condvar,
}

/// A running receiver.
#[allow(missing_debug_implementations, reason = "a helper of tests")]
pub struct AlertReceiver {
    url: String,
    shared: Arc<Desk>,
}

impl AlertReceiver {
    /// Listens on a free port of this machine until the test ends.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let shared: Arc<Desk> = Arc::default();
        let receiver = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&receiver);
                thread::spawn(move || answer(&stream, &shared));
            }
        });
        Self { url, shared }
    }

    /// Returns its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers the next messages like this, and later ones with 200.
    pub fn react_with(&self, reactions: &[Reaction]) {
        lock(&self.shared.inbox).reactions.extend(reactions);
    }

    /// Answers one message that is held.
    pub fn release(&self) {
        lock(&self.shared.inbox).released += 1;
        self.shared.changed.notify_all();
    }

    /// Returns what arrived so far.
    pub fn received(&self) -> Vec<AlertRequest> {
        lock(&self.shared.inbox).received.clone()
    }

    /// Returns the deliveries that arrived so far, repetitions included.
    pub fn deliveries(&self) -> Vec<String> {
        self.received()
            .into_iter()
            .map(|message| message.delivery)
            .collect()
    }
}

fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn answer(stream: &TcpStream, shared: &Desk) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (mut delivery, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("porpoise-delivery") => {
                value.clone_into(&mut delivery)
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let reaction = {
        let mut inbox = lock(&shared.inbox);
        inbox.received.push(AlertRequest {
            delivery,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            at: Instant::now(),
        });
        inbox.reactions.pop_front().unwrap_or(Reaction::Status(200))
    };
    let status = match reaction {
        Reaction::Status(status) => status,
        // The connection stays open until the sender closes it.
        Reaction::Silence => return reader.read_to_end(&mut Vec::new()).ok().map(drop),
        Reaction::Hold => {
            let inbox = lock(&shared.inbox);
            let waiting = shared.changed.wait_while(inbox, |inbox| inbox.released == 0);
            waiting.unwrap_or_else(|poisoned| poisoned.into_inner()).released -= 1;
            200
        }
    };
    let reply = format!("HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let mut stream = stream;
    stream.write_all(reply.as_bytes()).ok()
}
