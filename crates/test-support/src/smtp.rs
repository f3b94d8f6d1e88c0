//! A mail server that takes mails, or behaves badly.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How a server behaves; an address with `550` or `450` in it is refused with that code.
#[derive(Debug, Clone, Default)]
pub struct SmtpBehaviour {
    /// Its certificate and key in PEM, for the encrypted ways.
    pub identity: Option<(String, String)>,
    /// It offers STARTTLS.
    pub starttls: bool,
    /// Its connections are encrypted from the begin.
    pub tls: bool,
    /// The password that it asks for.
    pub password: Option<&'static str>,
    /// It sends no greeting.
    pub hangs: bool,
}

/// A running server; it ends with the test process.
#[derive(Debug)]
pub struct SmtpServer {
    port: u16,
    received: Arc<Mutex<String>>,
}

trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

impl SmtpServer {
    /// Starts a server on a free port of `localhost`.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(behaviour: SmtpBehaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a mail server");
        let port = listener.local_addr().expect("a mail server").port();
        let received = Arc::new(Mutex::new(String::new()));
        let session = Session {
            behaviour,
            received: received.clone(),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (session, stream) = (session.clone(), stream.expect("a mail server"));
                thread::spawn(move || session.serve(stream));
            }
        });
        Self { port, received }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What clients have sent so far, with lines that end in `\n`.
    pub fn received(&self) -> String {
        self.received.lock().clone()
    }
}

#[derive(Debug, Clone)]
struct Session {
    behaviour: SmtpBehaviour,
    received: Arc<Mutex<String>>,
}

/// What a dialogue ended with.
enum DialogueEnd {
    Closed,
    StartTls,
}

impl Session {
    fn serve(&self, stream: TcpStream) {
        if self.behaviour.hangs {
            thread::sleep(Duration::from_secs(13));
            return;
        }
        if self.behaviour.tls {
            self.talk(&mut self.encrypt(stream), "220 hello\r\n");
            return;
        }
        let mut plain = stream.try_clone().expect("a mail server");
        if let DialogueEnd::StartTls = self.talk(&mut plain, "220 hello\r\n") {
            self.talk(&mut self.encrypt(stream), "");
        }
    }

    fn talk(&self, stream: &mut dyn ReadWrite, greeting: &str) -> DialogueEnd {
        stream.write_all(greeting.as_bytes()).ok();
        let mut reader = BufReader::with_capacity(1, stream);
        loop {
            let Some(line) = self.read_line(&mut reader) else {
                return DialogueEnd::Closed;
            };
            let reply = self.reply_to(&line);
            reader.get_mut().write_all(reply.as_bytes()).ok();
            match line.as_str() {
                "STARTTLS" => return DialogueEnd::StartTls,
                "QUIT" => return DialogueEnd::Closed,
                "DATA" => self.take_content(&mut reader),
                _ => {}
            }
        }
    }

    fn take_content(&self, reader: &mut BufReader<&mut dyn ReadWrite>) {
        let mut line = self.read_line(reader);
        while line.is_some_and(|line| line != ".") {
            line = self.read_line(reader);
        }
        reader.get_mut().write_all(b"250 taken\r\n").ok();
    }

    fn read_line(&self, reader: &mut BufReader<&mut dyn ReadWrite>) -> Option<String> {
        let mut line = String::new();
        let count = reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_owned();
        self.received.lock().push_str(&format!("{line}\n"));
        (count > 0).then_some(line)
    }

    fn reply_to(&self, line: &str) -> String {
        let word = line.split([' ', ':']).next().unwrap_or_default();
        match word {
            "EHLO" => {
                let starttls = if self.behaviour.starttls {
                    "250-STARTTLS\r\n"
                } else {
                    ""
                };
                let login = if self.behaviour.password.is_some() {
                    "250-AUTH PLAIN\r\n"
                } else {
                    ""
                };
                format!("250-localhost\r\n{starttls}{login}250 8BITMIME\r\n")
            }
            "AUTH" => {
                let given = line.rsplit(' ').next().unwrap_or_default();
                let given =
                    String::from_utf8(STANDARD.decode(given).expect("a mail server")).expect("a mail server");
                match self.behaviour.password {
                    Some(password) if given.ends_with(&format!("\0{password}")) => {
                        "235 welcome\r\n".to_owned()
                    }
                    _ => "535 5.7.8 wrong user or password\r\n".to_owned(),
                }
            }
            "RCPT" if line.contains("550") => "550 5.1.1 no such user\r\n".to_owned(),
            "RCPT" if line.contains("450") => "450 4.2.1 try later\r\n".to_owned(),
            "DATA" => "354 go on\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        }
    }

    fn encrypt(&self, stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
        let (certificate, key) = self.behaviour.identity.as_ref().expect("an identity");
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain.expect("certificates"), key)
            .expect("the key of the certificate");
        StreamOwned::new(ServerConnection::new(Arc::new(config)).expect("TLS"), stream)
    }
}
