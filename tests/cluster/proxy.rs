//! A TCP proxy inside the test: it forwards, refuses, rejects or swallows, and can be switched.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The pause between two checks whether swallowed bytes may pass.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The pause between two checks for a connection.
const ACCEPT_INTERVAL: Duration = Duration::from_millis(2);

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They work.
    Open = 0,
    /// They are closed at once: a listener is there, and rejects them.
    Closed = 1,
    /// They are taken, and nothing goes through: a cable is cut.
    BlackHole = 2,
    /// They are refused: no listener is there.
    Refused = 3,
}

/// One link that can be cut.
pub(crate) struct Proxy {
    address: String,
    link: Arc<Link>,
}

/// What the threads of a proxy share.
#[derive(Default)]
struct Link {
    mode: AtomicU8,
    /// The only incarnation whose calls are swallowed; none: everything is.
    caller: Mutex<Option<String>>,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens at `address`, and forwards to `to`.
    pub(crate) fn start(address: &str, to: &str) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("its address").to_string(),
            link: Arc::default(),
        };
        let (link, to, address) = (Arc::clone(&proxy.link), to.to_owned(), proxy.address.clone());
        thread::spawn(move || {
            let mut listener = listener;
            loop {
                accept_until_refused(&listener, &to, &link);
                drop(listener);
                link.wait_while(Mode::Refused);
                listener = TcpListener::bind(&address).expect("the same port");
            }
        });
        proxy
    }

    /// Where it listens, as `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Cuts the link, or restores it.
    pub(crate) fn set(&self, mode: Mode) {
        self.change(mode, None);
        if matches!(mode, Mode::Closed | Mode::Refused) {
            let mut open = self.link.open.lock().expect("no thread panicked");
            for stream in open.drain(..) {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
    }

    /// Swallows the calls of one incarnation of a node, and nothing else.
    pub(crate) fn swallow_from(&self, incarnation: &str) {
        self.change(Mode::BlackHole, Some(incarnation.to_owned()));
    }

    fn change(&self, mode: Mode, caller: Option<String>) {
        *self.link.caller.lock().expect("no thread panicked") = caller;
        self.link.mode.store(mode as u8, Ordering::SeqCst);
    }
}

impl Link {
    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::SeqCst) == mode as u8
    }

    fn wait_while(&self, mode: Mode) {
        while self.is(mode) {
            thread::sleep(ACCEPT_INTERVAL);
        }
    }

    /// Whether this part must wait; a call begins with a head that names the caller.
    fn swallows(&self, part: &[u8]) -> bool {
        if !self.is(Mode::BlackHole) {
            return false;
        }
        let caller = self.caller.lock().expect("no thread panicked");
        let Some(incarnation) = caller.as_deref() else {
            return true;
        };
        let head = format!("x-porpoise-from: {incarnation}\r\n");
        part.windows(head.len()).any(|here| here == head.as_bytes())
    }
}

fn accept_until_refused(listener: &TcpListener, to: &str, link: &Arc<Link>) {
    listener.set_nonblocking(true).expect("a listener of ours");
    while !link.is(Mode::Refused) {
        match listener.accept() {
            Ok((client, _)) => {
                client.set_nonblocking(false).expect("a connection of ours");
                accept(client, to, link);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(ACCEPT_INTERVAL),
            Err(_) => {}
        }
    }
}

fn accept(client: TcpStream, to: &str, link: &Arc<Link>) {
    if link.is(Mode::Closed) {
        client.shutdown(Shutdown::Both).ok();
        return;
    }
    let Ok(server) = TcpStream::connect(to) else {
        return;
    };
    let directions = [(&client, &server), (&server, &client)];
    for (from, into) in directions {
        let copies = (from.try_clone(), into.try_clone(), from.try_clone());
        let (Ok(from), Ok(into), Ok(kept)) = copies else {
            return;
        };
        link.open.lock().expect("no thread panicked").push(kept);
        let link = Arc::clone(link);
        thread::spawn(move || forward(from, into, &link));
    }
}

fn forward(mut from: TcpStream, mut into: TcpStream, link: &Link) {
    let mut part = [0; 16 * 1024];
    loop {
        let read = from.read(&mut part);
        while link.swallows(&part[..*read.as_ref().unwrap_or(&0)]) {
            thread::sleep(POLL_INTERVAL);
        }
        match read {
            Ok(count) if count > 0 && into.write_all(&part[..count]).is_ok() => {}
            _ => break,
        }
    }
    into.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}
