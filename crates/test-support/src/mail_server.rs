//! A mail server that keeps the mails that it takes, without TLS.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

/// A mail that arrived.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    /// Its headers and its body, with lines that end in `\n`.
    pub text: String,
    /// When it was complete.
    pub at: Instant,
}

/// A running server; it ends with the test.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    mails: Arc<Mutex<Vec<ReceivedMail>>>,
}

impl MailServer {
    /// Starts a server on a free port of this machine. `login` is the initial response of `AUTH PLAIN` that it accepts.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(login: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let mails: Arc<Mutex<Vec<ReceivedMail>>> = Arc::default();
        let (login, kept) = (login.to_owned(), Arc::clone(&mails));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (login, kept) = (login.clone(), Arc::clone(&kept));
                thread::spawn(move || talk(stream, &login, &kept));
            }
        });
        Self { port, mails }
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the mails so far.
    pub fn received(&self) -> Vec<ReceivedMail> {
        lock(&self.mails).clone()
    }
}

fn lock(mails: &Mutex<Vec<ReceivedMail>>) -> MutexGuard<'_, Vec<ReceivedMail>> {
    mails.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Answers one client until it leaves.
fn talk(mut stream: TcpStream, login: &str, mails: &Mutex<Vec<ReceivedMail>>) -> Option<()> {
    stream.write_all(b"220 mail ready\r\n").ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?)
        .lines()
        .map_while(Result::ok);
    while let Some(line) = lines.next() {
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail\r\n250 AUTH PLAIN\r\n",
            "AUTH" if line.ends_with(login) => "235 welcome\r\n",
            "AUTH" => "535 who are you\r\n",
            "MAIL" | "RCPT" => "250 ok\r\n",
            "DATA" => {
                stream.write_all(b"354 send it\r\n").ok()?;
                let content: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                lock(mails).push(ReceivedMail {
                    text: content.join("\n"),
                    at: Instant::now(),
                });
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "502 unknown\r\n",
        };
        stream.write_all(answer.as_bytes()).ok()?;
    }
    Some(())
}
