//! A TCP proxy inside the test: it forwards, refuses, or swallows, and can change its mind.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How often a swallowed byte looks whether it may go on.
const LOOK: Duration = Duration::from_millis(20);

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They work.
    Open = 0,
    /// They end at once: somebody is there, and says no.
    Closed = 1,
    /// They are taken, and nothing goes through: a cable is cut.
    BlackHole = 2,
}

/// One link that can be cut.
pub(crate) struct Proxy {
    address: String,
    mode: Arc<AtomicU8>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Listens at `address`, and forwards to `to`.
    pub(crate) fn start(address: &str, to: &str) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("its address").to_string(),
            mode: Arc::new(AtomicU8::new(Mode::Open as u8)),
            open: Arc::default(),
        };
        let (mode, open, to) = (Arc::clone(&proxy.mode), Arc::clone(&proxy.open), to.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accept(client, &to, &mode, &open);
            }
        });
        proxy
    }

    /// Where it listens, as `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Cuts the link, or mends it.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
        if mode == Mode::Closed {
            for stream in self.open.lock().expect("no thread panicked").drain(..) {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
    }
}

fn accept(client: TcpStream, to: &str, mode: &Arc<AtomicU8>, open: &Arc<Mutex<Vec<TcpStream>>>) {
    if mode.load(Ordering::SeqCst) == Mode::Closed as u8 {
        client.shutdown(Shutdown::Both).ok();
        return;
    }
    let Ok(server) = TcpStream::connect(to) else {
        return;
    };
    let ways = [(&client, &server), (&server, &client)];
    for (from, into) in ways {
        let copies = (from.try_clone(), into.try_clone(), from.try_clone());
        let (Ok(from), Ok(into), Ok(kept)) = copies else {
            return;
        };
        open.lock().expect("no thread panicked").push(kept);
        let mode = Arc::clone(mode);
        thread::spawn(move || forward(from, into, &mode));
    }
}

fn forward(mut from: TcpStream, mut into: TcpStream, mode: &AtomicU8) {
    let mut part = [0; 16 * 1024];
    loop {
        let read = from.read(&mut part);
        while mode.load(Ordering::SeqCst) == Mode::BlackHole as u8 {
            thread::sleep(LOOK);
        }
        match read {
            Ok(count) if count > 0 && into.write_all(&part[..count]).is_ok() => {}
            _ => break,
        }
    }
    into.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}
