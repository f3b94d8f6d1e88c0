//! A throw-away PostgreSQL server that keeps every promise of durability.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use test_support::postgres::{Durability, PostgresServer, psql};

use crate::Outcome;

/// The server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Postgres {
    server: PostgresServer,
    made: Cell<u32>,
}

impl Postgres {
    /// Starts a server; none where PostgreSQL is not installed.
    pub(crate) fn start() -> Outcome<Option<Self>> {
        let server = PostgresServer::start(Durability::Full)?;
        Ok(server.map(|server| Self {
            server,
            made: Cell::new(0),
        }))
    }

    /// The postmaster's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Makes an empty database and returns its address.
    pub(crate) fn database(&self) -> Outcome<String> {
        let name = format!("bench{}", self.made.replace(self.made.get() + 1));
        self.run("createdb", &[&name])?;
        Ok(self.server.url(&name))
    }

    /// Opens a session that answers questions.
    pub(crate) fn session(&self, url: &str) -> Outcome<Session> {
        let mut child = psql(url)
            .args(["-qAt", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("standard input is piped")?;
        let output = child.stdout.take().ok_or("standard output is piped")?;
        Ok(Session {
            input: Some(input),
            output: BufReader::new(output),
            child,
        })
    }

    /// Runs one of PostgreSQL's own programs against this server and returns what it printed.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Outcome<String> {
        Ok(self.server.run(program, arguments)?)
    }
}

/// A connection that stays open; it ends with this value.
#[derive(Debug)]
pub(crate) struct Session {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    child: Child,
}

impl Session {
    /// Asks something that has one row of one column.
    pub(crate) fn line(&mut self, question: &str) -> Outcome<String> {
        let input = self.input.as_mut().ok_or("the session is open")?;
        writeln!(input, "{question};")?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(format!("PostgreSQL refused: {question}").into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Asks for a number.
    pub(crate) fn number(&mut self, question: &str) -> Outcome<i64> {
        let line = self.line(question)?;
        line.parse()
            .map_err(|_| format!("{question}: {line} is no number").into())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.wait());
    }
}
