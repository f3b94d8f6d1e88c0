//! A keep-alive REST client that costs almost nothing, because it shares the cores with what it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::Outcome;

/// The longest that one answer may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where a node listens, and the token that it accepts.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// The address of REST.
    pub address: SocketAddr,
    /// A token of the user `admin`.
    pub token: String,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    server: Server,
}

impl Server {
    /// Opens a connection.
    pub(crate) fn connect(&self) -> Outcome<Client> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client {
            stream: BufReader::with_capacity(64 << 10, stream),
            server: self.clone(),
        })
    }

    /// Writes a whole request, to be sent as often as needed.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        )
        .into_bytes()
    }
}

impl Client {
    /// Sends a prepared request without waiting for its answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Outcome<()> {
        self.stream.get_mut().write_all(request)?;
        Ok(())
    }

    /// Reads the next answer, which must be a success.
    pub(crate) fn receive(&mut self) -> Outcome<Value> {
        let (status, body) = self.answer()?;
        if !(200..300).contains(&status) {
            let text = String::from_utf8_lossy(&body);
            return Err(format!("the node answered {status}: {text}").into());
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&body)?)
    }

    /// Makes a call and returns the JSON of its answer.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &str) -> Outcome<Value> {
        let request = self.server.request(method, path, body);
        self.send(&request)?;
        self.receive()
            .map_err(|error| format!("{method} {path}: {error}").into())
    }

    /// Whether a path answers with a success, whatever it says.
    pub(crate) fn succeeds(&mut self, path: &str) -> Outcome<bool> {
        Ok((200..300).contains(&self.status("GET", path, "")?))
    }

    /// Makes a call and returns how it was answered.
    pub(crate) fn status(&mut self, method: &str, path: &str, body: &str) -> Outcome<u16> {
        let request = self.server.request(method, path, body);
        self.send(&request)?;
        Ok(self.answer()?.0)
    }

    /// Reads something.
    pub(crate) fn get(&mut self, path: &str) -> Outcome<Value> {
        self.call("GET", path, "")
    }

    /// Reads all pages of a list.
    pub(crate) fn list(&mut self, path: &str) -> Outcome<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        let first = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = match &cursor {
                Some(cursor) => format!("{path}{first}limit=200&cursor={cursor}"),
                None => format!("{path}{first}limit=200"),
            };
            let mut answer = self.get(&page)?;
            if let Some(Value::Array(more)) = answer.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            cursor = answer["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    fn answer(&mut self) -> Outcome<(u16, Vec<u8>)> {
        let status = self
            .line()?
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or("the node closed the connection")?;
        let mut length = 0;
        let mut chunked = false;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        let mut body = Vec::new();
        if chunked {
            self.chunks(&mut body)?;
        } else {
            self.exactly(length, &mut body)?;
        }
        Ok((status, body))
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> Outcome<()> {
        loop {
            let size = usize::from_str_radix(&self.line()?, 16)?;
            self.exactly(size, body)?;
            self.line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn exactly(&mut self, length: usize, body: &mut Vec<u8>) -> Outcome<()> {
        let from = body.len();
        body.resize(from + length, 0);
        self.stream.read_exact(&mut body[from..])?;
        Ok(())
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
